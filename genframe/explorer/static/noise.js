// Noise put on a picture, taken off again, and the way of a chain from there, step by step.

import { el, button, checkbox, choice, seed, slider } from "./dom.js";
import { askers, conditions, fitting, heading, panes, picker } from "./pieces.js";
import { View } from "./view.js";

const FRAMES_A_SECOND = 8;

/** The noises that suit none of the models, each with the reason. */
function unsuited(served) {
  const found = new Set(served.flatMap(({ facts }) => facts.noises.map((one) => one.name)));
  const others = Object.entries(served[0].facts.others).filter(([name]) => !found.has(name));
  if (!others.length) return null;
  return el("details", { class: "note" }, el("summary", {}, `${others.length} more don't suit these data`),
    el("ul", {}, ...others.map(([name, why]) => el("li", {}, `${name}: ${why}`))));
}

const caption = (name, known, level) => (name === "none" ? "without noise"
  : known ? `with noise, level ${level.toFixed(2)}` : `without noise: ${name} does not suit it`);

export function noise(app) {
  const { element, served } = panes(app, "noise");
  const state = { noise: null, levels: {}, seed: 0, steps: 20, draws: false, frame: 0 };
  const changed = () => { stop(); forget(); ask(); };
  const chosen = picker(app, served, "Picture", 0, changed);
  const given = conditions(served, changed);
  const noises = new Map();
  for (const { facts } of served) for (const one of facts.noises) if (!noises.has(one.name) || one.own) noises.set(one.name, one);
  state.noise = ([...noises.values()].find((one) => one.own) ?? [...noises.values()][0])?.name ?? "none";

  const below = el("div", { class: "stages" });
  for (const pane of served) {
    pane.second = el("section", { class: "stage card" }, app.models.length > 1 ? heading(pane.model) : null);
    below.append(pane.second);
    pane.views = { clean: new View(pane.model, "the picture"), noised: new View(pane.model, "with noise") };
    pane.row = el("div", { class: "row" }, pane.views.clean.element, pane.views.noised.element);
    pane.by = pane.facts.outputs[0];
    pane.way = Object.keys(pane.facts.chains)[0];
    pane.card.append(pane.row);
    if (pane.by) {
      pane.views.made = new View(pane.model, pane.by);
      pane.row.append(pane.views.made.element);
      if (pane.facts.outputs.length > 1) pane.second.append(choice("Restored by", pane.facts.outputs.map((name) => [name, name]), pane.by, (name) => { pane.by = name; ask(); }).element);
    }
    pane.film = new View(pane.model, "each step", "wide");
    pane.large = new View(pane.model, "step 0");
    pane.walk = el("div", { class: "row walk", hidden: true }, pane.large.element, pane.film.element);
    pane.second.append(choice("Walk by", Object.entries(pane.facts.chains), pane.way, (name) => { pane.way = name; stop(); forget(); }).element, pane.walk);
  }

  /** The levels of the sliders, as far as a model's own sliders would go. */
  const within = (levels) => Object.fromEntries(levels.map(({ name, low, high, value }) => [name, Math.min(Math.max(state.levels[name] ?? value, low), high)]));
  const request = ({ model, facts }) => {
    const known = facts.noises.find((one) => one.name === state.noise);
    return { source: fitting(model, chosen.source), noise: known ? state.noise : "none", levels: known ? within(known.levels) : {}, seed: state.seed, conditions: given.of(model) };
  };
  const ask = askers(served, "noise", (pane) => ({ ...request(pane), ...(pane.by ? { by: pane.by } : {}) }), (pane, answer) => {
    const known = pane.facts.noises.some((one) => one.name === state.noise) || state.noise === "none";
    pane.views.clean.show(answer.clean);
    pane.views.noised.show(answer.noised, { caption: caption(state.noise, known, answer.level) });
    if (answer.made) pane.views.made.show(answer.made, { caption: pane.by });
  });
  const walk = askers(served, "walk", (pane) => ({ ...request(pane), chain: pane.way, steps: state.steps, draws: state.draws }), (pane, answer) => {
    pane.frames = answer.shown;
    pane.walk.hidden = false;
    player.hidden = false;
    pane.film.show(answer.shown, { caption: answer.shown.kind === "pictures" ? "each step, row by row" : "each step", columns: 7 });
    frame(0);
    play();
  });

  let playing = null;
  const stop = () => { clearInterval(playing); playing = null; again.textContent = "Play"; };
  const forget = () => { served.forEach((pane) => { pane.frames = null; pane.walk.hidden = true; }); player.hidden = true; };
  const frame = (number) => {
    state.frame = Math.min(number, state.steps);
    at.input.max = state.steps;
    at.value = state.frame;
    for (const pane of served) if (pane.frames) pane.large.show(pane.frames, { caption: `step ${state.frame}`, at: state.frame, trail: true });
  };
  const play = () => {
    stop();
    if (state.frame >= state.steps) frame(0);
    again.textContent = "Pause";
    playing = setInterval(() => { if (state.frame >= state.steps) stop(); else frame(state.frame + 1); }, 1000 / FRAMES_A_SECOND);
  };
  const again = button("Play", () => (playing ? stop() : play()));
  const at = slider("Step", { low: 0, high: state.steps, value: 0, step: 1, digits: 0 }, (number) => { stop(); frame(number); });
  const player = el("div", { class: "controls", hidden: true }, at.element, el("div", { class: "line" }, again));

  const drawer = el("fieldset");
  const summary = el("p", { class: "note" });
  const build = () => {
    const one = noises.get(state.noise);
    state.levels = Object.fromEntries((one?.levels ?? []).map(({ name, value }) => [name, value]));
    summary.textContent = one ? one.summary : "";
    drawer.replaceChildren(...(one?.levels ?? []).map((level) => slider(level.name, level, (value) => { state.levels[level.name] = value; changed(); }).element));
  };
  const options = [...noises.values()].map((one) => [one.name, one.own ? `${one.name} (the recipe's)` : one.name]);
  const controls = el("div", { class: "card controls" }, chosen.element, ...given.elements,
    el("fieldset", {}, el("legend", {}, "Noise"),
      choice("Injector", [...options, ["none", "none"]], state.noise, (name) => { state.noise = name; build(); changed(); }).element, summary, drawer, unsuited(served),
      seed("Seed", 0, (value) => { state.seed = value; changed(); })),
    el("fieldset", {}, el("legend", {}, "Step by step"),
      slider("Steps", { low: 1, high: 60, value: state.steps, step: 1, digits: 0 }, (value) => { state.steps = value; stop(); forget(); }).element,
      checkbox("Show draws of a chain, not their means", false, (value) => { state.draws = value; stop(); forget(); }),
      el("div", { class: "line" }, button("Walk", () => walk(), "plain main")), player));
  build();
  ask();
  return el("div", { class: "panel picture-first" }, controls, el("div", { class: "right" }, element, below));
}
