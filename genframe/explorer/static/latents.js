// Latents under sliders: the principal axes of q(z) first, or the numbers of a code as they are.

import { el, button, choices, seed, slider } from "./dom.js";
import { askers, conditions, fitting, panes, picker } from "./pieces.js";
import { View } from "./view.js";

const FEW = 8;
const NAMES = { middle: "the mean code", example: "an example", seed: "a prior draw" };

export function latents(app) {
  const { element, served } = panes(app, "latents");
  const encodes = served.some(({ facts }) => facts.encodes);
  const state = { basis: "axes", start: encodes ? "middle" : "seed", seed: 0, moves: {}, fresh: true, all: false, along: 0 };
  const sliders = [];
  const drawer = el("fieldset");
  const beside = el("div", { class: "controls" });
  const again = () => { state.moves = {}; state.fresh = true; ask(); look(); };
  const chosen = picker(app, served, "Example", 0, again);
  const given = conditions(served, () => { ask(); look(); });
  for (const pane of served) {
    pane.view = new View(pane.model, "decoded");
    pane.start = new View(pane.model, "where it started", "small");
    pane.strip = new View(pane.model, "along a slider", "wide");
    pane.card.append(el("div", { class: "row beside" }, pane.view.element, pane.start.element), pane.strip.element);
  }

  /** Where a model starts: as chosen, where it can. */
  const kept = (facts) => (state.start === "seed" ? (facts.draws ? "seed" : "middle") : facts.encodes ? state.start : "seed");
  const body = ({ model, facts }) => {
    const most = facts[state.basis].length;
    const moves = Object.fromEntries(Object.entries(state.moves).filter(([number]) => number < most));
    const start = { middle: { middle: true }, example: fitting(model, chosen.source), seed: { seed: state.seed } }[kept(facts)];
    return { basis: state.basis, start, moves, conditions: given.of(model) };
  };
  const ask = askers(served, "latents", body, (pane, answer, asked) => {
    pane.view.show(answer.shown, { caption: caption(pane) });
    if (!Object.keys(asked.moves).length) pane.start.show(answer.shown, { caption: "where it started" });
    if (pane !== served[0]) return;
    answer.values.forEach((value, number) => { if (state.fresh && sliders[number] && !(number in state.moves)) sliders[number].value = value; });
    state.fresh = false;
  });
  const look = askers(served, "latents", (pane) => ({ ...body(pane), along: Math.min(state.along, pane.facts[state.basis].length - 1) }), (pane, answer, asked) => {
    pane.strip.show(answer.shown, { caption: `along ${pane.facts[state.basis][asked.along].name}, from one end to the other`, columns: 9 });
  });

  const caption = ({ facts }) => {
    const most = Math.max(...served.map((pane) => pane.facts[state.basis].length));
    const own = facts[state.basis].length;
    const whose = state.basis === "axes" ? `axes of ${facts.of}` : `${facts.size} latents`;
    const other = kept(facts) === state.start ? "" : `; it starts from ${NAMES[kept(facts)]}`;
    return `${whose}${own < most ? `; it has ${own} of these sliders` : ""}${other}`;
  };

  const build = () => {
    const facts = served.map((pane) => pane.facts[state.basis]).sort((a, b) => b.length - a.length)[0];
    const shown = state.all ? facts : facts.slice(0, FEW);
    sliders.splice(0, sliders.length, ...shown.map((one, number) => slider(one.name, {
      low: one.low, high: one.high, value: Math.min(Math.max(0, one.low), one.high),
      note: one.share !== undefined && served.length === 1 ? `${(100 * one.share).toFixed(0)} %` : "",
    }, (value) => { state.moves[number] = value; ask(); })));
    sliders.forEach((one, number) => {
      for (const kind of ["change", "focus"]) one.input.addEventListener(kind, () => { state.along = number; look(); });
    });
    const title = state.basis === "axes" ? "Axes, in standard deviations" : "Latents that vary most";
    const more = facts.length > FEW
      ? button(state.all ? "Fewer" : `All ${facts.length}`, () => { state.all = !state.all; state.fresh = true; build(); ask(); }) : null;
    drawer.replaceChildren(el("legend", {}, title), ...sliders.map((one) => one.element),
      el("div", { class: "line" }, button("Back to the start", again), more));
  };
  const draws = served.some(({ facts }) => facts.draws);
  const starts = Object.entries(NAMES).filter(([key]) => (key === "seed" ? draws : encodes));
  const besides = () => {
    const own = { example: () => chosen.element, seed: () => seed("Seed", state.seed, (value) => { state.seed = value; again(); }) }[state.start];
    beside.replaceChildren(...(own ? [own()] : []));
  };
  const of = [...new Set(served.map(({ facts }) => facts.of))].join(", ");
  const controls = el("div", { class: "card controls" },
    choices("Start from", starts, state.start, (key) => { state.start = key; besides(); again(); }), beside,
    ...given.elements,
    choices("Move", [["axes", `principal axes of ${of}`], ["coded", "latents as coded"]], "axes", (key) => { state.basis = key; state.along = 0; build(); again(); }),
    drawer);
  build();
  besides();
  ask();
  look();
  return el("div", { class: "panel picture-first" }, controls, element);
}
