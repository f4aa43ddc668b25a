// Pieces that several panels have: a column a model, the choice of a picture, the choice of conditions.

import { el, button, choice, slider } from "./dom.js";
import { Asker, post } from "./net.js";
import { pixels } from "./view.js";

/** What is asked of a model: a drawing of one of pictures alone, numbers of one of that shape; of others an example. */
export function fitting(model, source) {
  const size = model.shape.reduce((product, side) => product * side, 1);
  const suits = "drawing" in source ? model.look === "pictures" : !("values" in source) || source.values.length === size;
  return suits ? source : { example: 0 };
}

export const letter = (model) => "ABCD"[model.index];

export const heading = (model) => el("h2", {}, el("span", { class: "badge" }, letter(model)), model.name);

/** A card for each model that a panel serves; where it serves one not, a line that says why. */
export function panes(app, panel) {
  const element = el("div", { class: "stages first" });
  const served = [];
  for (const model of app.models) {
    const card = el("section", { class: "stage card" });
    if (app.models.length > 1) card.append(heading(model));
    const facts = model.can[panel];
    const wrong = el("p", { class: "wrong", role: "status" });
    card.append(wrong);
    element.append(card);
    if (!facts) {
      card.append(el("p", { class: "note" }, `Not for this model: ${model.lacking[panel]}.`));
      continue;
    }
    served.push({ model, facts, card, failed: (text) => { wrong.textContent = text; } });
  }
  return { element, served };
}

/** An asker for each pane; `body(pane)` makes what it is asked, `done(pane, answer)` shows it. */
export function askers(served, action, body, done) {
  const all = served.map((pane) => [pane, new Asker(pane.model, action, (answer, asked) => done(pane, answer, asked), pane.failed)]);
  return () => all.forEach(([pane, asker]) => asker.ask(body(pane)));
}

/** The conditions that models take, chosen once for all; `of(model)` gives those that one takes. */
export function conditions(served, changed, unchosen = "as the example's") {
  const chosen = {};
  const known = new Map();
  for (const { model } of served) for (const one of model.conditions) if (!known.has(one.name)) known.set(one.name, one);
  const elements = [];
  for (const one of known.values()) {
    if (one.classes) {
      const options = [["", unchosen], ...Array.from({ length: one.classes }, (_, k) => [`${k}`, `${k}`])];
      elements.push(choice(`Class (${one.name})`, options, "", (value) => {
        if (value === "") delete chosen[one.name];
        else chosen[one.name] = Number(value);
        changed();
      }).element);
    } else if (one.size <= 12 && Array.isArray(one.value)) {
      const values = [...one.value];
      const moved = (k) => (value) => { values[k] = value; chosen[one.name] = values; changed(); };
      const sliders = values.map((value, k) => slider(`${one.name}[${k}]`, { low: one.low, high: one.high, value }, moved(k)).element);
      elements.push(el("fieldset", {}, el("legend", {}, `Condition: ${one.name}`), ...sliders));
    }
  }
  const of = (model) => Object.fromEntries(model.conditions.filter(({ name }) => name in chosen).map(({ name }) => [name, chosen[name]]));
  return { elements, of };
}

/** The choice of an example, by its picture or its number, or of the drawing; `source` is what the server is told. */
export function picker(app, served, name, first, changed, drawings = true) {
  const pictured = served.map((pane) => pane.model).find((model) => model.look === "pictures");
  const state = { source: { example: first } };
  if (!pictured) return numbered(served, name, first, state, changed);
  const page = 14;
  let from = 0;
  const group = el("div", { class: "thumbs", role: "radiogroup", "aria-label": name });
  const wrong = el("p", { class: "wrong", role: "status" });
  const isChosen = (source) => (source.drawing ? "drawing" in state.source : state.source.example === source.example);
  const choose = (source, focus) => {
    state.source = source;
    state.picture = [...group.children].find((one) => one.source === source)?.firstChild;
    mark(focus);
    changed();
  };
  const mark = (focus) => {
    const options = [...group.children];
    const chosen = options.find((option) => isChosen(option.source)) ?? options[0];
    for (const option of options) {
      option.setAttribute("aria-checked", `${isChosen(option.source)}`);
      option.tabIndex = option === chosen ? 0 : -1;
    }
    if (focus) chosen.focus();
  };
  const option = (label, source, look, ...inside) => {
    const made = el("button", { type: "button", role: "radio", "aria-label": label, class: look, onclick: () => choose(source, true) }, ...inside);
    made.source = source;
    return made;
  };
  const fill = async () => {
    try {
      const answer = await post(pictured, "examples", { from, count: page });
      const buttons = Array.from({ length: answer.shown.count }, (_, k) => {
        const canvas = el("canvas", { class: "pixels", width: answer.shown.width, height: answer.shown.height });
        canvas.getContext("2d").putImageData(pixels(answer.shown, k), 0, 0);
        const label = answer.labels.length ? `example ${from + k}, class ${answer.labels[k]}` : `example ${from + k}`;
        return option(label, { example: from + k }, "", canvas);
      });
      if (drawings && app.drawing) buttons.push(option("my drawing", app.drawing, "words", "my drawing"));
      group.replaceChildren(...buttons);
      mark();
    } catch (error) {
      wrong.textContent = error.message;
    }
  };
  group.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const options = [...group.children];
    const now = options.indexOf(document.activeElement);
    choose(options[(now + step + options.length) % options.length].source, true);
  });
  const turn = (pages) => () => {
    from = (from + pages * page + pictured.examples) % pictured.examples;
    from -= from % page;
    fill();
  };
  if (drawings) app.onDrawing(() => {
    if ("drawing" in state.source) { state.source = app.drawing; changed(); }
    fill();
  });
  fill();
  state.element = el("fieldset", {}, el("legend", {}, name), group,
    el("div", { class: "line" }, button("Previous", turn(-1)), button("Next", turn(1)), wrong));
  return state;
}

function numbered(served, name, first, state, changed) {
  const most = Math.max(...served.map(({ model }) => model.examples)) - 1;
  const input = el("input", { type: "number", min: 0, max: most, step: 1, value: first });
  input.addEventListener("input", () => {
    state.source = { example: Math.min(Math.max(Math.trunc(Number(input.value)) || 0, 0), most) };
    changed();
  });
  state.element = el("label", { class: "line" }, /example/i.test(name) ? name : `${name}: example`, input);
  return state;
}
