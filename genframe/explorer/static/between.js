// The way from one picture's code to another's. It is asked for once, so that its slider answers at once.

import { el, choices, seed, slider } from "./dom.js";
import { askers, conditions, fitting, panes, picker } from "./pieces.js";
import { View } from "./view.js";

const STEPS = 33;

export function between(app) {
  const { element, served } = panes(app, "between");
  const encodes = served.some(({ facts }) => facts.encodes);
  const state = { seeds: [0, 1], method: "", drawn: !encodes, at: 16 };
  const given = conditions(served, () => ask());
  for (const pane of served) {
    pane.view = new View(pane.model, "on the way");
    pane.strip = new View(pane.model, "the whole way", "wide");
    pane.card.append(pane.view.element, pane.strip.element);
  }
  const one = picker(app, served, "From", 0, () => ask());
  const other = picker(app, served, "To", 1, () => ask());
  const ends = el("div", { class: "controls" });
  const ask = askers(served, "between", (pane) => {
    const { model, facts } = pane;
    const drawn = (state.drawn && facts.draws) || !facts.encodes;
    pane.between = drawn ? "between prior draws" : "between examples";
    return {
      one: drawn ? { seed: state.seeds[0] } : fitting(model, one.source),
      other: drawn ? { seed: state.seeds[1] } : fitting(model, other.source),
      steps: STEPS, conditions: given.of(model), ...(state.method ? { method: state.method } : {}),
    };
  }, (pane, answer) => {
    pane.way = answer;
    show(pane);
    const shown = answer.shown;
    pane.strip.show(shown.kind === "pictures" ? thinned(shown) : shown, { caption: `the whole way ${pane.between}, ${answer.method}`, columns: 9 });
  });
  const show = (pane) => pane.way && pane.view.show(pane.way.shown, { caption: `${Math.round((100 * state.at) / (STEPS - 1))} % of the way`, at: state.at });
  const fill = () => ends.replaceChildren(...(state.drawn
    ? ["From seed", "To seed"].map((name, k) => seed(name, state.seeds[k], (value) => { state.seeds[k] = value; ask(); }))
    : [one.element, other.element]));
  const controls = el("div", { class: "card controls" },
    slider("Way", { low: 0, high: STEPS - 1, value: state.at, step: 1, digits: 0 }, (value) => { state.at = value; served.forEach(show); }).element,
    encodes && served.some(({ facts }) => facts.draws) ? choices("Between", [["examples", "examples"], ["draws", "prior draws"]], "examples", (key) => { state.drawn = key === "draws"; fill(); ask(); }) : null,
    ends, ...given.elements,
    choices("By", [["", "as the prior suits"], ["spherical", "an arc"], ["linear", "a line"]], "", (key) => { state.method = key; ask(); }));
  fill();
  ask();
  return el("div", { class: "panel picture-first" }, controls, element);
}

/** Nine of the pictures of the way. */
function thinned(shown) {
  const size = shown.width * shown.height * shown.channels;
  const bytes = Uint8Array.from(atob(shown.pixels), (character) => character.charCodeAt(0));
  const kept = new Uint8Array(9 * size);
  for (let k = 0; k < 9; k++) {
    const from = Math.round((k * (shown.count - 1)) / 8) * size;
    kept.set(bytes.subarray(from, from + size), k * size);
  }
  return { ...shown, count: 9, bytes: kept };
}
