// What the server shows, on canvases: pictures as pixels, points as a scatter, other vectors as lines.

import { el } from "./dom.js";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const drawnAgain = new Set();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawnAgain.forEach((again) => again()));

export const palette = (label) => colour(`--c${label % 10}`);

/** Pixels of one picture (of several, number `at`) as ImageData. */
export function pixels(shown, at = 0) {
  shown.bytes ??= Uint8Array.from(atob(shown.pixels), (character) => character.charCodeAt(0));
  const { height, width, channels, bytes } = shown;
  const image = new ImageData(width, height);
  const start = at * height * width * channels;
  for (let i = 0; i < height * width; i++) {
    const from = start + i * channels;
    image.data[4 * i] = bytes[from];
    image.data[4 * i + 1] = bytes[from + (channels === 3 ? 1 : 0)];
    image.data[4 * i + 2] = bytes[from + (channels === 3 ? 2 : 0)];
    image.data[4 * i + 3] = 255;
  }
  return image;
}

/** A figure for what the server shows: `show(shown, {caption, columns, at})` draws it. */
export class View {
  constructor(model, title, look = "large") {
    this.model = model;
    this.title = title;
    this.canvas = el("canvas", { role: "img", "aria-label": title, class: look, width: 28, height: 28 });
    this.caption = el("figcaption", {}, title);
    this.element = el("figure", {}, this.canvas, this.caption);
    this.last = null;
    drawnAgain.add(() => this.last && this.last());
  }

  show(shown, { caption = this.title, columns, at, trail } = {}) {
    this.caption.textContent = shown.note ? `${caption} (${shown.note})` : caption;
    this.canvas.setAttribute("aria-label", caption);
    this.last = () => {
      const grid = shown.kind === "pictures";
      this.canvas.classList.toggle("pixels", grid);
      if (grid) drawPictures(this.canvas, shown, columns, at);
      else if (shown.kind === "points") drawPoints(this.canvas, shown, this.model.reference, at, trail);
      else drawLines(this.canvas, shown, at);
    };
    this.last();
  }
}

function drawPictures(canvas, shown, columns, at) {
  const count = at === undefined ? shown.count : 1;
  const across = Math.min(columns ?? Math.ceil(Math.sqrt(count)), count);
  const down = Math.ceil(count / across);
  const gap = count > 1 && columns !== 0 ? Math.max(1, Math.round(shown.width / 16)) : 0;
  canvas.width = across * (shown.width + gap) - gap;
  canvas.height = down * (shown.height + gap) - gap;
  const pen = canvas.getContext("2d");
  for (let i = 0; i < count; i++) {
    const x = (i % across) * (shown.width + gap);
    pen.putImageData(pixels(shown, at ?? i), x, Math.floor(i / across) * (shown.height + gap));
  }
}

/** Many pictures edge to edge, as a map has them. */
export function drawSheet(canvas, shown, side) {
  canvas.width = side * shown.width;
  canvas.height = side * shown.height;
  const pen = canvas.getContext("2d");
  for (let i = 0; i < shown.count; i++) {
    pen.putImageData(pixels(shown, i), (i % side) * shown.width, Math.floor(i / side) * shown.height);
  }
}

export function plot(canvas, width = 480, height = 480) {
  const sharp = Math.min(window.devicePixelRatio || 1, 2);
  canvas.width = width * sharp;
  canvas.height = height * sharp;
  const pen = canvas.getContext("2d");
  pen.scale(sharp, sharp);
  pen.fillStyle = colour("--paper");
  pen.fillRect(0, 0, width, height);
  return pen;
}

function drawPoints(canvas, shown, reference, at, trail) {
  const size = 480, edge = 26;
  const pen = plot(canvas, size, size);
  const scale = (value) => edge + ((value - shown.low) / (shown.high - shown.low)) * (size - 2 * edge);
  const place = ([x, y]) => [scale(x), size - scale(y)];
  pen.strokeStyle = colour("--frame");
  pen.strokeRect(edge, edge, size - 2 * edge, size - 2 * edge);
  pen.fillStyle = colour("--muted");
  pen.font = "12px sans-serif";
  pen.fillText(shown.low.toFixed(1), edge, size - 8);
  pen.textAlign = "right";
  pen.fillText(shown.high.toFixed(1), size - edge, size - 8);
  const dot = (point, radius) => {
    const [x, y] = place(point);
    pen.beginPath();
    pen.arc(x, y, radius, 0, 7);
    pen.fill();
  };
  pen.globalAlpha = 0.45;
  (reference ?? []).forEach((point) => dot(point, 1.8));
  pen.globalAlpha = 1;
  pen.fillStyle = pen.strokeStyle = colour("--c1");
  const values = at === undefined ? shown.values : shown.values.slice(trail ? 0 : at, at + 1);
  if (trail) {
    pen.beginPath();
    values.forEach((point) => pen.lineTo(...place(point)));
    pen.stroke();
  }
  values.forEach((point, i) => dot(point, values.length > 20 && !trail ? 2.6 : i === values.length - 1 ? 6 : 3));
}

function drawLines(canvas, shown, at) {
  const width = 480, height = 260, edge = 26;
  const pen = plot(canvas, width, height);
  const values = at === undefined ? shown.values : [shown.values[at]];
  const n = values[0].length;
  const x = (i) => edge + (n > 1 ? i / (n - 1) : 0.5) * (width - 2 * edge);
  const y = (value) => height - edge - ((value - shown.low) / (shown.high - shown.low)) * (height - 2 * edge);
  pen.strokeStyle = colour("--frame");
  pen.strokeRect(edge, edge, width - 2 * edge, height - 2 * edge);
  pen.fillStyle = colour("--muted");
  pen.font = "12px sans-serif";
  pen.fillText(shown.high.toFixed(1), 2, edge - 6);
  pen.fillText(`${shown.low.toFixed(1)}   ${n} numbers`, 2, height - 8);
  pen.globalAlpha = values.length > 8 ? 0.5 : 1;
  values.forEach((row, i) => {
    pen.strokeStyle = pen.fillStyle = palette(values.length > 10 ? 0 : i);
    pen.lineWidth = 2;
    pen.beginPath();
    row.forEach((value, k) => pen.lineTo(x(k), y(value)));
    pen.stroke();
    if (n <= 40) row.forEach((value, k) => { pen.beginPath(); pen.arc(x(k), y(value), 3, 0, 7); pen.fill(); });
  });
}

/** A code as bars around 0. */
export function drawCode(canvas, code) {
  const width = 480, height = 120;
  const pen = plot(canvas, width, height);
  const most = Math.max(1, ...code.map(Math.abs));
  const step = width / code.length;
  pen.fillStyle = colour("--accent");
  code.forEach((value, i) => {
    const long = (value / most) * (height / 2 - 6);
    pen.fillRect(i * step + step * 0.1, height / 2 - Math.max(long, 0), step * 0.8, Math.max(Math.abs(long), 1));
  });
  pen.strokeStyle = colour("--frame");
  pen.beginPath();
  pen.moveTo(0, height / 2);
  pen.lineTo(width, height / 2);
  pen.stroke();
}
