// The page: tabs for what the models can do, each panel built when it is first looked at.

import { between } from "./between.js";
import { el } from "./dom.js";
import { draw } from "./draw.js";
import { latents } from "./latents.js";
import { map } from "./map.js";
import { about } from "./net.js";
import { noise } from "./noise.js";
import { letter } from "./pieces.js";
import { samples } from "./samples.js";

const PANELS = { latents, map, draw, noise, between, samples };

class App {
  #listening = [];

  constructor({ models, panels }) {
    this.models = models.map((model, index) => ({ ...model, index }));
    this.titles = panels;
    this.drawing = null;
  }

  /** What was drawn, for every picker of the page. */
  drawn(source) {
    this.drawing = source;
    this.#listening.forEach((listener) => listener());
  }

  onDrawing(listener) {
    this.#listening.push(listener);
  }
}

async function start() {
  const main = document.getElementById("panels");
  let app;
  try {
    app = new App(await about());
  } catch (error) {
    main.replaceChildren(el("p", { class: "wrong", role: "alert" }, `The page could not be opened: ${error.message}`));
    return;
  }
  document.title = `${app.models.map((model) => model.name).join(", ")} · genframe explore`;
  document.getElementById("models").append(...app.models.map((model) => el("li", {},
    app.models.length > 1 ? el("span", { class: "badge" }, letter(model)) : null,
    el("b", {}, model.name), ` ${model.recipe}, step ${model.step}, weights ${model.weights}, ${model.shape.join("×")}`)));

  const tabs = document.getElementById("tabs");
  const shown = Object.keys(PANELS).filter((name) => app.models.some((model) => model.can[name]));
  const built = {};
  const select = (name, focus) => {
    for (const tab of tabs.children) {
      const chosen = tab.dataset.panel === name;
      tab.setAttribute("aria-selected", `${chosen}`);
      tab.tabIndex = chosen ? 0 : -1;
      if (chosen && focus) tab.focus();
    }
    for (const [key, panel] of Object.entries(built)) panel.hidden = key !== name;
    if (!built[name]) {
      built[name] = el("section", { role: "tabpanel", id: `panel-${name}`, "aria-labelledby": `tab-${name}` }, PANELS[name](app));
      main.append(built[name]);
    }
    history.replaceState(null, "", `#${name}`);
  };
  tabs.append(...shown.map((name) => el("button", {
    type: "button", role: "tab", id: `tab-${name}`, "data-panel": name, "aria-controls": `panel-${name}`,
    onclick: () => select(name),
  }, app.models.every((model) => model.look !== "pictures") && name === "draw" ? "Reconstruct" : app.titles[name])));
  tabs.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const now = shown.indexOf(document.activeElement.dataset.panel);
    select(shown[(now + step + shown.length) % shown.length], true);
  });

  const absent = Object.keys(PANELS).filter((name) => !shown.includes(name));
  document.getElementById("lacking").append(...(absent.length ? [
    el("p", {}, "Not here, as the recipe's outputs don't allow it:"),
    el("ul", {}, ...absent.map((name) => el("li", {}, `${app.titles[name]}: ${reasons(app, name)}.`))),
  ] : []));
  document.getElementById("lacking").append(...app.models.filter((model) => model.missing).map((model) => el("p", { class: "wrong" },
    `The data of ${model.name} can't be read here, so its examples are blank: ${model.missing}`)));
  document.getElementById("waiting").remove();
  if (!shown.length) main.append(el("p", {}, "There is nothing on this page that this model can do."));
  else select(shown.includes(location.hash.slice(1)) ? location.hash.slice(1) : shown[0]);
}

function reasons(app, name) {
  return [...new Set(app.models.map((model) => model.lacking[name]))].join("; ");
}

start();
