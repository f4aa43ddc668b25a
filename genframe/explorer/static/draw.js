// A picture drawn by hand, and what the model makes of it; points are set by the mouse, other vectors chosen.

import { el, button, slider } from "./dom.js";
import { askers, conditions, fitting, panes, picker } from "./pieces.js";
import { View, drawCode } from "./view.js";

const SIDE = 336;
const SENT = 112;

export function draw(app) {
  const { element, served } = panes(app, "draw");
  const first = served.map((pane) => pane.model).find((model) => model.look === "pictures") ?? served[0].model;
  const middle = (first.low + first.high) / 2;
  const state = { source: first.look === "points" ? { values: [middle, middle] } : { example: 0 }, level: 0.2 };
  const given = conditions(served, () => ask());
  for (const pane of served) {
    pane.row = el("div", { class: "row" });
    pane.views = new Map();
    pane.code = el("canvas", { class: "wide", role: "img", "aria-label": "the code", width: 480, height: 120 });
    pane.numbers = el("figcaption", {}, "the code");
    pane.chances = el("div", { class: "chances" });
    pane.card.append(pane.row);
    if (pane.facts.classifies) pane.card.append(el("h3", {}, "classes"), pane.chances);
    if (pane.facts.encodes) pane.card.append(el("figure", {}, pane.code, pane.numbers));
  }
  const view = (pane, name) => {
    if (!pane.views.has(name)) {
      const made = new View(pane.model, name);
      pane.views.set(name, made);
      pane.row.append(made.element);
    }
    return pane.views.get(name);
  };
  const ask = askers(served, "draw", ({ model }) => ({ source: fitting(model, state.source), level: state.level, conditions: given.of(model) }), (pane, answer) => {
    const own = fitting(pane.model, state.source) === state.source;
    view(pane, "as the model sees it").show(answer.given, { caption: own ? "as the model sees it" : "example 0, as that does not suit it" });
    answer.made.forEach((made) => view(pane, made.name).show(made.shown));
    if (answer.code) {
      drawCode(pane.code, answer.code);
      pane.numbers.textContent = `the code, ${answer.numbers} numbers${answer.numbers > answer.code.length ? `, the first ${answer.code.length}` : ""}`;
    }
    if (answer.chances) pane.chances.replaceChildren(...answer.chances.flatMap((chance, label) => {
      const bar = el("i");
      bar.style.width = `${100 * chance}%`;
      return [el("span", {}, `${label}`), bar, el("span", {}, `${(100 * chance).toFixed(0)} %`)];
    }));
  });
  const told = served.some(({ facts }) => facts.told)
    ? slider("Level of noise that the denoiser is told", { low: 0, high: 1, value: state.level }, (value) => { state.level = value; ask(); }).element : null;
  const take = (source) => { state.source = source; ask(); };
  const make = { pictures: board, points: target, lines: () => [] }[first.look];
  const controls = el("div", { class: "card controls" }, ...make(app, served, first, take), ...given.elements, told);
  if (first.look !== "pictures") controls.append(examples(app, served, take).element);
  ask();
  return el("div", { class: "panel picture-first" }, controls, element);
}

function examples(app, served, take) {
  const chosen = picker(app, served, "Example", 0, () => take(chosen.source));
  return chosen;
}

/** The board that is drawn on, by mouse, finger or keys. */
function board(app, served, model, take) {
  const coloured = model.shape.length === 3 && model.shape[0] === 3;
  const ratio = model.shape.at(-2) / model.shape.at(-1);
  const [paper, ink] = model.paper ? ["#ffffff", "#000000"] : ["#000000", "#ffffff"];
  const canvas = el("canvas", { width: SIDE, height: SIDE, tabindex: 0, role: "img",
    "aria-label": "Board to draw on. With the keyboard: arrows move the pen, Space puts it down and up, Delete wipes the board." });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const small = el("canvas", { width: SENT, height: SENT }).getContext("2d", { willReadFrequently: true });
  const state = { width: 26, colour: ink, at: [SIDE / 2, SIDE / 2], down: false };
  const cross = el("div", { class: "cross", hidden: true });
  pen.lineCap = pen.lineJoin = "round";

  const send = () => {
    small.imageSmoothingQuality = "high";
    small.drawImage(canvas, 0, 0, SENT, SENT);
    const { data } = small.getImageData(0, 0, SENT, SENT);
    const channels = coloured ? 3 : 1;
    const bytes = new Uint8Array(SENT * SENT * channels);
    for (let i = 0; i < SENT * SENT; i++) for (let c = 0; c < channels; c++) bytes[i * channels + c] = data[4 * i + c];
    let text = "";
    for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
    const source = { drawing: btoa(text), channels };
    take(source);
    return source;
  };
  const line = (from, to) => {
    pen.strokeStyle = state.colour;
    pen.lineWidth = state.width;
    pen.beginPath();
    pen.moveTo(...from);
    pen.lineTo(to[0] + 0.01, to[1]);
    pen.stroke();
    send();
  };
  const finished = () => app.drawn(send());
  const wipe = () => { pen.fillStyle = paper; pen.fillRect(0, 0, SIDE, SIDE); };
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE];
  };
  let last = null;
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    cross.hidden = true;
    last = place(event);
    line(last, last);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    for (const one of event.getCoalescedEvents?.() ?? [event]) { const now = place(one); line(last, now); last = now; }
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { if (last) { last = null; finished(); } });
  canvas.addEventListener("keydown", (event) => {
    const steps = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
    if (!steps && ![" ", "Delete"].includes(event.key)) return;
    event.preventDefault();
    const before = state.at;
    if (event.key === "Delete") { wipe(); finished(); }
    if (event.key === " ") { state.down = !state.down; if (!state.down) finished(); }
    if (steps) state.at = before.map((value, k) => Math.min(Math.max(value + 8 * steps[k], 0), SIDE));
    cross.hidden = false;
    cross.style.left = `${(100 * state.at[0]) / SIDE}%`;
    cross.style.top = `${(100 * state.at[1]) / SIDE}%`;
    if (state.down) line(before, state.at);
  });
  canvas.addEventListener("blur", () => { if (state.down) { state.down = false; finished(); } });

  const chosen = picker(app, served, "Or draw over an example", -1, () => {
    pen.imageSmoothingEnabled = false;
    pen.drawImage(chosen.picture, 0, 0, SIDE, SIDE);
    take(chosen.source);
  }, false);
  const colour = coloured ? el("input", { type: "color", value: ink, oninput: (event) => { state.colour = event.target.value; } }) : null;
  wipe();
  canvas.style.aspectRatio = `${1 / ratio}`;
  return [
    el("div", { class: "board" }, canvas, el("div", { class: "guide" }), cross),
    el("div", { class: "line" }, button("Wipe", () => { wipe(); finished(); }), colour ? el("label", { class: "line" }, "Colour", colour) : null),
    slider("Pen", { low: 4, high: 60, value: state.width, step: 1, digits: 0 }, (value) => { state.width = value; }).element,
    chosen.element,
  ];
}

/** For points of a plane: where the mouse is, is the point. */
function target(app, served, model, take) {
  const view = new View(model, "Click or drag: the point is where the mouse is");
  const at = [(model.low + model.high) / 2, (model.low + model.high) / 2];
  const set = () => { view.show({ kind: "points", values: [at], low: model.low, high: model.high }); take({ values: [...at] }); };
  const follow = (event) => {
    if (event.type === "pointermove" && !event.buttons) return;
    const box = view.canvas.getBoundingClientRect();
    const share = (value) => model.low + ((value - 26 / 480) / (1 - 52 / 480)) * (model.high - model.low);
    at[0] = share((event.clientX - box.left) / box.width);
    at[1] = share(1 - (event.clientY - box.top) / box.height);
    sliders.forEach((one, k) => { one.value = at[k]; });
    set();
  };
  const sliders = ["x", "y"].map((name, k) => slider(name, { low: model.low, high: model.high, value: at[k] }, (value) => { at[k] = value; set(); }));
  view.canvas.addEventListener("pointerdown", follow);
  view.canvas.addEventListener("pointermove", follow);
  view.show({ kind: "points", values: [at], low: model.low, high: model.high });
  return [view.element, ...sliders.map((one) => one.element)];
}
