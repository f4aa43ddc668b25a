// A plane of codes under the mouse: two latents, or the two widest axes.

import { el, checkbox, slider } from "./dom.js";
import { askers, conditions, panes } from "./pieces.js";
import { View, drawSheet, palette, plot } from "./view.js";

const MOST_DOTS = 400;

export function map(app) {
  const { element, served } = panes(app, "map");
  const at = [0.5, 0.5];
  let dots = true;
  const given = conditions(served, () => { sheets(); ask(); });
  const names = served[0].facts.names;

  const move = (right, up) => {
    at[0] = Math.min(Math.max(right, 0), 1);
    at[1] = Math.min(Math.max(up, 0), 1);
    across.value = at[0];
    along.value = at[1];
    cross();
    ask();
  };
  const across = slider(`To the right: ${names[0]}`, { low: 0, high: 1, value: 0.5, step: 0.005 }, (value) => move(value, at[1]));
  const along = slider(`Upwards: ${names[1]}`, { low: 0, high: 1, value: 0.5, step: 0.005 }, (value) => move(at[0], value));

  for (const pane of served) {
    pane.canvas = el("canvas", { role: "img", "aria-label": `the map: ${pane.facts.of}`, width: 420, height: 420 });
    pane.cross = el("div", { class: "cross" });
    pane.board = el("div", { class: "board" }, pane.canvas, pane.cross);
    pane.view = new View(pane.model, "under the mouse");
    pane.card.append(el("div", { class: "row map" },
      el("figure", {}, pane.board, el("figcaption", {}, `${pane.facts.of}: ${pane.facts.names.join(", ")}`)), pane.view.element));
    const follow = (event) => {
      const box = pane.canvas.getBoundingClientRect();
      move((event.clientX - box.left) / box.width, 1 - (event.clientY - box.top) / box.height);
    };
    pane.canvas.addEventListener("pointermove", follow);
    pane.canvas.addEventListener("pointerdown", follow);
  }
  const cross = () => served.forEach((pane) => {
    pane.cross.style.left = `${100 * at[0]}%`;
    pane.cross.style.top = `${100 * (1 - at[1])}%`;
  });
  const draw = (pane) => {
    const { shown, side, dots: codes } = pane.sheet;
    if (shown.kind === "pictures") drawSheet(pane.canvas, shown, side);
    else plot(pane.canvas, 420, 420);
    if (!dots) return;
    const pen = pane.canvas.getContext("2d");
    pen.setTransform(1, 0, 0, 1, 0, 0);
    const { width, height } = pane.canvas;
    codes.at.slice(0, MOST_DOTS).forEach(([right, up], i) => {
      pen.beginPath();
      pen.arc(right * width, (1 - up) * height, width / 170, 0, 7);
      pen.fillStyle = palette(codes.labels.length ? codes.labels[i] : 0);
      pen.fill();
      pen.strokeStyle = "#ffffffb0";
      pen.stroke();
    });
  };
  const sheets = askers(served, "map", ({ model }) => ({ conditions: given.of(model) }), (pane, answer) => {
    pane.sheet = answer;
    draw(pane);
    if (pane === served[0] && !legend.children.length) explain([...new Set(answer.dots.labels)].sort((a, b) => a - b));
  });
  const ask = askers(served, "point", ({ model }) => ({ at, conditions: given.of(model) }), (pane, answer) => {
    const place = answer.values.map((value, k) => `${pane.facts.names[k].replace(/ \(.*/, "")} = ${value.toFixed(2)}`).join(", ");
    pane.view.show(answer.shown, { caption: place });
  });
  const legend = el("ul", { class: "legend", "aria-label": "Classes by colour" });
  const explain = (labels) => {
    if (labels.length < 2 || labels.length > 10) return;
    legend.replaceChildren(...labels.map((label) => {
      const dot = el("i");
      dot.style.background = `var(--c${label % 10})`;
      return el("li", {}, dot, `${label}`);
    }));
  };
  const controls = el("div", { class: "card controls" },
    el("p", {}, "Move over the map: the picture beside it is what lies under the mouse. Equal areas are equally probable."),
    across.element, along.element, ...given.elements,
    checkbox("Show where the codes of examples lie", dots, (value) => { dots = value; served.forEach((pane) => pane.sheet && draw(pane)); }), legend);
  cross();
  sheets();
  ask();
  return el("div", { class: "panel" }, controls, element);
}
