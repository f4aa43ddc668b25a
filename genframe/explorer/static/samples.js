// Samples by seed: the same seed draws the same.

import { el, choice, seed, slider } from "./dom.js";
import { askers, conditions, panes } from "./pieces.js";
import { View } from "./view.js";

export function samples(app) {
  const { element, served } = panes(app, "samples");
  const pictured = served.every(({ model }) => model.look === "pictures");
  const state = { seed: 0, n: pictured ? 16 : 300 };
  const given = conditions(served, () => {
    for (const pane of served) {  // a chosen class is heeded by that way to draw alone
      const chosen = Object.keys(given.of(pane.model)).length > 0;
      pane.by = chosen ? pane.facts.given : pane.facts.by[0];
      if (pane.choice) pane.choice.value = pane.by;
    }
    ask();
  }, "any");
  for (const pane of served) {
    pane.by = pane.facts.by[0];
    pane.view = new View(pane.model, "samples", "wide");
    if (pane.facts.by.length > 1) {
      const ways = choice("Drawn by", pane.facts.by.map((name) => [name, name]), pane.by, (name) => { pane.by = name; ask(); });
      pane.choice = ways.select;
      pane.card.append(ways.element);
    }
    pane.card.append(pane.view.element);
  }
  const ask = askers(served, "samples", ({ model, by }) => (
    { by, n: model.look === "pictures" ? Math.min(state.n, 64) : state.n, seed: state.seed, conditions: given.of(model) }
  ), (pane, answer) => pane.view.show(answer.shown, { caption: `${pane.by}, seed ${state.seed}` }));
  const controls = el("div", { class: "card controls" },
    seed("Seed", 0, (value) => { state.seed = value; ask(); }),
    slider("How many", { low: 1, high: pictured ? 64 : 1000, value: state.n, step: 1, digits: 0 }, (value) => { state.n = value; ask(); }).element,
    ...given.elements);
  ask();
  return el("div", { class: "panel" }, controls, element);
}
