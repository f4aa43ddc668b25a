// Elements by function. Texts go in as text alone, so that a name with <script> in it is a name.

let numbered = 0;

export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export function slider(name, { low, high, value, step, note, digits = 2 }, moved) {
  const id = `s${numbered++}`;
  const shown = el("output", { for: id });
  const input = el("input", { id, type: "range", min: low, max: high, step: step ?? (high - low) / 400 });
  const show = () => { shown.textContent = Number(input.value).toFixed(digits); };
  input.value = value;
  input.addEventListener("input", () => { show(); moved(Number(input.value)); });
  show();
  const label = el("label", { for: id }, name, note ? el("small", {}, ` ${note}`) : null);
  return {
    element: el("div", { class: "slider" }, label, shown, input),
    input,
    get value() { return Number(input.value); },
    set value(to) { input.value = to; show(); },
  };
}

export function choice(name, options, value, chosen) {
  const select = el("select", {}, ...options.map(([key, text]) => el("option", { value: key }, text)));
  select.value = value;
  select.addEventListener("change", () => chosen(select.value));
  return { element: el("label", { class: "field" }, name, select), get value() { return select.value; }, select };
}

/** One of a few, all in sight: radio buttons that look like a switch. */
export function choices(name, options, value, chosen) {
  const group = `g${numbered++}`;
  const labels = options.map(([key, text]) => {
    const input = el("input", { type: "radio", name: group, value: key, checked: key === value });
    input.addEventListener("change", () => chosen(key));
    return el("label", {}, input, text);
  });
  return el("fieldset", {}, el("legend", {}, name), el("div", { class: "choices" }, ...labels));
}

export function button(text, pressed, look = "plain") {
  return el("button", { type: "button", class: look, onclick: pressed }, text);
}

/** A seed: a number, and a button for another one. */
export function seed(name, value, changed) {
  const input = el("input", { type: "number", min: 0, max: 2147483647, step: 1, value });
  const tell = () => changed(Math.min(Math.max(Math.trunc(Number(input.value)) || 0, 0), 2147483647));
  input.addEventListener("input", tell);
  const another = button("Another", () => { input.value = Number(input.value) + 1; tell(); });
  return el("div", { class: "line" }, el("label", { class: "line" }, name, input), another);
}

export function checkbox(name, value, changed) {
  const input = el("input", { type: "checkbox", checked: value });
  input.addEventListener("change", () => changed(input.checked));
  return el("label", { class: "line" }, el("span", {}, input, name));
}
