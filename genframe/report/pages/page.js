"use strict";
// The page's own script: pictures over time, curves to zoom, the theme, copying. It asks the network for nothing.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const read = (id) => {
    const found = document.getElementById(id);
    return found ? JSON.parse(found.textContent) : null;
  };
  const make = (name, attributes = {}, text = "") => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== "") element.textContent = text;
    return element;
  };
  const tag = (name, className = "", text = "") => {
    const element = document.createElement(name);
    if (className) element.className = className;
    if (text !== "") element.textContent = text;
    return element;
  };
  const figure = (value) => {
    if (value === null || value === undefined) return "";
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(2).replace("e+", "e");
    return String(Number(value.toPrecision(4)));
  };

  // ---- pictures over time ---------------------------------------------------------------------------------------
  for (const strip of document.querySelectorAll(".strip[data-frames]")) {
    const frames = read(strip.dataset.frames);
    const [image, slider, told] = ["img", "input[type=range]", "output"].map((what) => strip.querySelector(what));
    const play = strip.querySelector(".play");
    const name = strip.dataset.name;
    frames[frames.length - 1].address = image.src; // the newest stands in the page itself
    const show = () => {
      const frame = frames[slider.value];
      const said = `step ${frame.step.toLocaleString("en")}`;
      image.src = frame.address;
      image.alt = `${name} at ${said}`;
      slider.setAttribute("aria-valuetext", said);
      told.textContent = said;
    };
    slider.addEventListener("input", show);
    let timer = 0;
    const stop = () => {
      clearInterval(timer);
      timer = 0;
      play.textContent = "Play";
    };
    play.addEventListener("click", () => {
      if (timer) return stop();
      if (slider.value === slider.max) slider.value = 0;
      show();
      play.textContent = "Pause";
      timer = setInterval(() => {
        slider.value = Number(slider.value) + 1;
        show();
        if (slider.value === slider.max) stop();
      }, Math.max(120, Math.min(600, 6000 / frames.length)));
    });
    show();
  }

  // ---- curves ---------------------------------------------------------------------------------------------------
  const data = read("data-curves");
  const window_ = { low: 0, high: 1, whole: [0, 1], charts: [] }; // the steps shown: one span for all charts

  const round = (low, high, count) => {
    const raw = (high - low) / count || 1;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= raw * 0.999999);
    const found = [];
    for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n++) found.push(n * step);
    return found;
  };
  const decades = (low, high) => {
    const found = [];
    for (let e = Math.floor(low); e <= Math.ceil(high); e++)
      for (const f of high - low < 2.5 ? [1, 2, 5] : [1]) {
        const at = e + Math.log10(f);
        if (at >= low - 1e-9 && at <= high + 1e-9) found.push(at);
      }
    return found.length > 1 ? found : round(low, high, 4);
  };
  const lower = (list, value) => {
    let [from, to] = [0, list.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (list[middle] < value) from = middle + 1;
      else to = middle;
    }
    return from;
  };

  class Chart {
    constructor(element) {
      this.element = element;
      this.plot = element.querySelector(".plot");
      this.legend = element.querySelector(".legend");
      this.log = false;
      this.hidden = new Set();
      this.groups = element.dataset.groups.split(" ");
      this.choose(0);
      this.listen();
    }

    choose(number) {
      const group = data.groups.find((g) => g.key === this.groups[number]);
      const pick = this.element.querySelector("select");
      const of = pick ? pick.value : null;
      this.series = group.series.filter((s) => of === null || s.of === of);
      this.series.forEach((s, at) => (s.style = s.colour ?? at));
      const parts = this.series.filter((s) => s.name.includes("/")); // of a term, beside which they are small
      const first = [...this.series.filter((s) => !parts.includes(s)), ...parts].slice(0, 8);
      this.hidden = new Set(pick || this.series.length <= 8 ? [] : this.series.filter((s) => !first.includes(s)));
      this.title = of ?? group.title;
      this.list();
    }

    list() {
      this.legend.replaceChildren();
      this.values = new Map();
      for (const series of this.series) {
        const label = tag("label");
        const box = tag("input");
        box.type = "checkbox";
        box.checked = !this.hidden.has(series);
        box.addEventListener("change", () => {
          if (box.checked) this.hidden.delete(series);
          else this.hidden.add(series);
          this.draw();
        });
        const swatch = make("svg", { viewBox: "0 0 22 8", "aria-hidden": "true" });
        swatch.append(make("line", { x1: 0, x2: 22, y1: 4, y2: 4, class: this.style(series) }));
        const name = tag("span", "name", series.name);
        name.title = series.name;
        const value = tag("span", "value", figure(series.last));
        this.values.set(series, value);
        label.append(box, swatch, name, value);
        const item = tag("li");
        item.dataset.name = series.name.toLowerCase();
        item.append(label);
        this.legend.append(item);
      }
      const few = this.series.length <= 8;
      for (const control of this.element.querySelectorAll(".many")) control.hidden = few;
    }

    style(series) {
      return `c${series.style % 8} d${Math.floor(series.style / 8) % 4}`;
    }

    points(series) {
      const x = data.x[series.x];
      const from = Math.max(0, lower(x, window_.low) - 1);
      const to = Math.min(x.length, lower(x, window_.high + 1e-9) + 1);
      const found = [];
      for (let at = from; at < to; at++) {
        const y = series.y[at];
        if (y !== null && (!this.log || y > 0)) found.push([x[at], this.log ? Math.log10(y) : y]);
      }
      return found;
    }

    draw() {
      const width = Math.max(260, this.plot.clientWidth);
      const height = this.element.classList.contains("wide") ? 340 : 220;
      const [left, right, top, bottom] = [58, width - 14, 14, height - 26];
      const shown = this.series.filter((s) => !this.hidden.has(s)).map((s) => [s, this.points(s)]);
      const { low, high } = window_;
      let [least, most] = [Infinity, -Infinity];
      for (const [, points] of shown)
        for (const [x, y] of points)
          if (x >= low && x <= high) {
            if (y < least) least = y;
            if (y > most) most = y;
          }
      const empty = least > most;
      if (empty) [least, most] = [0, 1];
      const room = (most - least) * 0.06 || Math.abs(most) * 0.06 || 0.5;
      [least, most] = [least - room, most + room];
      const px = (x) => left + ((x - low) / (high - low || 1)) * (right - left);
      const py = (y) => bottom - ((y - least) / (most - least)) * (bottom - top);
      this.frame = { left, right, top, bottom, px, x: (p) => low + ((p - left) / (right - left)) * (high - low) };

      const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, height, "aria-hidden": "true" });
      const clip = `clip-${this.element.id}`;
      const clipping = make("clipPath", { id: clip });
      clipping.append(make("rect", { x: left, y: top - 4, width: right - left, height: bottom - top + 8 }));
      svg.append(clipping);
      const axes = make("g", { class: "axis" });
      for (const y of this.log ? decades(least, most) : round(least, most, 4)) {
        axes.append(make("line", { class: "grid", x1: left, x2: right, y1: py(y), y2: py(y) }));
        const value = this.log ? 10 ** y : y;
        axes.append(make("text", { class: "y", x: left - 8, y: py(y) + 4, "text-anchor": "end" }, figure(value)));
      }
      const places = round(low, high, Math.max(2, Math.floor(width / 110)));
      for (const x of places.filter((x) => Number.isInteger(x) || high - low < 3)) {
        const anchor = px(x) > right - 24 ? "end" : "middle";
        const said = x.toLocaleString("en", { maximumFractionDigits: 2 });
        axes.append(make("text", { class: "x", x: px(x), y: bottom + 18, "text-anchor": anchor }, said));
      }
      svg.append(axes);
      const lines = make("g", { "clip-path": `url(#${clip})` });
      for (const [series, points] of shown) {
        if (points.length === 1) {
          const [x, y] = points[0];
          lines.append(make("circle", { class: this.style(series), cx: px(x), cy: py(y), r: 2.5, fill: "none" }));
          continue;
        }
        const d = points.map(([x, y], at) => `${at ? "L" : "M"}${px(x).toFixed(1)} ${py(y).toFixed(1)}`).join("");
        lines.append(make("path", { class: `curve ${this.style(series)}`, d }));
      }
      svg.append(lines);
      if (empty) {
        const why = shown.length ? "nothing to draw in these steps" : "no curve is chosen";
        svg.append(make("text", { class: "nothing", x: (left + right) / 2, y: height / 2, "text-anchor": "middle" }, why));
      }
      this.cursor = make("line", { class: "cursor", y1: top, y2: bottom, visibility: "hidden" });
      this.box = make("rect", { class: "window", y: top, height: bottom - top, width: 0 });
      svg.append(this.cursor, this.box);
      this.plot.replaceChildren(svg);
      const span = `steps ${Math.ceil(low).toLocaleString("en")} to ${Math.floor(high).toLocaleString("en")}`;
      const told = this.element.querySelector(".span");
      if (told.textContent !== span) told.textContent = span;
    }

    listen() {
      const inside = (event) => {
        const box = this.plot.getBoundingClientRect();
        return Math.min(Math.max(event.clientX - box.left, this.frame.left), this.frame.right);
      };
      let start = null;
      this.plot.addEventListener("pointerdown", (event) => {
        if (event.button !== 0) return;
        start = inside(event);
        this.plot.setPointerCapture(event.pointerId);
      });
      this.plot.addEventListener("pointermove", (event) => {
        const at = inside(event);
        if (start !== null) {
          this.box.setAttribute("x", Math.min(start, at));
          this.box.setAttribute("width", Math.abs(at - start));
        }
        this.point(this.frame.x(at), at);
      });
      this.plot.addEventListener("pointerup", (event) => {
        const at = inside(event);
        if (start !== null && Math.abs(at - start) > 5) {
          const ends = [this.frame.x(start), this.frame.x(at)].sort((a, b) => a - b);
          zoom(...ends);
        } else if (start !== null) this.box.setAttribute("width", 0);
        start = null;
      });
      this.plot.addEventListener("pointercancel", () => {
        start = null;
        this.box.setAttribute("width", 0);
      });
      this.plot.addEventListener("pointerleave", () => this.point(null));
      this.plot.addEventListener("dblclick", () => zoom(...window_.whole));
      this.plot.addEventListener(
        "wheel",
        (event) => {
          if (document.activeElement !== this.plot && !event.ctrlKey) return; // the page scrolls on
          event.preventDefault();
          scale(event.deltaY > 0 ? 1.25 : 0.8, this.frame.x(inside(event)));
        },
        { passive: false },
      );
      this.plot.addEventListener("keydown", (event) => {
        const width = window_.high - window_.low;
        const acts = {
          "+": () => scale(0.7), "=": () => scale(0.7), "-": () => scale(1 / 0.7),
          ArrowLeft: () => move(-0.15 * width), ArrowRight: () => move(0.15 * width),
          0: () => zoom(...window_.whole), Home: () => zoom(...window_.whole), Escape: () => zoom(...window_.whole),
        };
        if (!(event.key in acts) || event.ctrlKey || event.metaKey || event.altKey) return;
        event.preventDefault();
        acts[event.key]();
      });
      const on = (what, event, act) => {
        for (const found of this.element.querySelectorAll(what)) found.addEventListener(event, () => act(found));
      };
      on(".in", "click", () => scale(0.7));
      on(".out", "click", () => scale(1 / 0.7));
      on(".whole", "click", () => zoom(...window_.whole));
      on(".log", "change", (box) => {
        this.log = box.checked;
        this.draw();
      });
      on("input[type=radio]", "change", (radio) => {
        this.choose(Number(radio.value));
        this.draw();
      });
      on("select", "change", () => {
        this.choose(0);
        this.draw();
      });
      on("input[type=search]", "input", (field) => {
        for (const item of this.legend.children) item.hidden = !item.dataset.name.includes(field.value.toLowerCase());
      });
      for (const [name, keep] of [["all", true], ["none", false]])
        on(`.${name}`, "click", () => {
          for (const [at, item] of [...this.legend.children].entries())
            if (!item.hidden) this.hidden[keep ? "delete" : "add"](this.series[at]);
          for (const [at, box] of [...this.legend.querySelectorAll("input")].entries())
            box.checked = !this.hidden.has(this.series[at]);
          this.draw();
        });
    }

    point(step, at) {
      // The values of the step under the pointer stand in the legend; without one, the last.
      this.cursor.setAttribute("visibility", step === null ? "hidden" : "visible");
      if (step !== null) for (const end of ["x1", "x2"]) this.cursor.setAttribute(end, at);
      for (const [series, value] of this.values) {
        if (step === null) value.textContent = figure(series.last);
        else {
          const x = data.x[series.x];
          let near = Math.min(lower(x, step), x.length - 1);
          if (near > 0 && step - x[near - 1] < x[near] - step) near -= 1;
          value.textContent = figure(series.y[near]);
        }
      }
      const told = this.element.querySelector(".at");
      told.textContent = step === null ? "" : `step ${Math.round(step).toLocaleString("en")}`;
    }
  }

  const zoom = (low, high) => {
    const [first, last] = window_.whole;
    const least = Math.min(last - first, 2) || 1;
    if (high - low < least) [low, high] = [(low + high - least) / 2, (low + high + least) / 2];
    const width = Math.min(high - low, last - first || 1);
    window_.low = Math.min(Math.max(low, first), Math.max(first, last - width));
    window_.high = window_.low + width;
    for (const chart of window_.charts) chart.draw();
  };
  const scale = (factor, about = (window_.low + window_.high) / 2) =>
    zoom(about - (about - window_.low) * factor, about + (window_.high - about) * factor);
  const move = (by) => zoom(window_.low + by, window_.high + by);

  if (data && data.x.length) {
    const first = Math.min(...data.x.map((x) => x[0]));
    const last = Math.max(...data.x.map((x) => x[x.length - 1]));
    window_.whole = first === last ? [first - 1, last + 1] : [first, last];
    [window_.low, window_.high] = window_.whole;
    for (const element of document.querySelectorAll(".chart")) window_.charts.push(new Chart(element));
    const redraw = () => window_.charts.forEach((chart) => chart.draw());
    redraw();
    let waiting = 0;
    window.addEventListener("resize", () => {
      cancelAnimationFrame(waiting);
      waiting = requestAnimationFrame(redraw);
    });
  }

  // ---- the page -------------------------------------------------------------------------------------------------
  const root = document.documentElement;
  const theme = document.querySelector(".theme");
  const dark = () => (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const name = () => (theme.textContent = dark() ? "Light theme" : "Dark theme");
  theme.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    name();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", name);
  name();

  for (const button of document.querySelectorAll("button.copy"))
    button.addEventListener("click", async () => {
      const text = document.getElementById(button.dataset.of);
      try {
        await navigator.clipboard.writeText(text.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(text); // a page from disk may not: it is chosen, Ctrl-C copies it
        button.textContent = "Press Ctrl-C";
      }
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });

  for (const table of document.querySelectorAll("table.sorts"))
    for (const [column, button] of [...table.querySelectorAll("thead button")].entries())
      button.addEventListener("click", () => {
        const head = button.closest("th");
        const up = head.getAttribute("aria-sort") === "descending";
        for (const other of table.querySelectorAll("th[aria-sort]")) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const body = table.tBodies[0];
        const value = (row) => Number(row.querySelectorAll("td[data-value]")[column].dataset.value || "NaN");
        const rows = [...body.rows].sort((a, b) => {
          const [x, y] = [value(a), value(b)];
          if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
          return up ? x - y : y - x;
        });
        body.append(...rows);
      });

  const opened = [];
  window.addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details:not([open])")) {
      part.open = true;
      opened.push(part);
    }
  });
  window.addEventListener("afterprint", () => {
    while (opened.length) opened.pop().open = false;
  });

  const links = new Map([...document.querySelectorAll("nav a")].map((a) => [a.hash.slice(1), a]));
  const seen = new IntersectionObserver(
    (entries) => {
      for (const entry of entries)
        if (entry.isIntersecting) {
          for (const link of links.values()) link.removeAttribute("aria-current");
          links.get(entry.target.id)?.setAttribute("aria-current", "true");
        }
    },
    { rootMargin: "-10% 0px -75% 0px" },
  );
  for (const section of document.querySelectorAll("section[id]")) seen.observe(section);
})();
