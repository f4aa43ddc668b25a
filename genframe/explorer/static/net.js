// Requests to the server. While one is on its way newer ones replace each other, so that dragging stays smooth:
// the picture that comes is never older than one request.

const latencies = [];

export async function about() {
  const answer = await fetch("about");
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

/** One question that is asked again and again of one model; `done` gets each answer, `failed` a text. */
export class Asker {
  #next = null;
  #busy = false;

  constructor(model, action, done, failed) {
    Object.assign(this, { model, action, done, failed });
  }

  ask(body) {
    this.#next = { body, since: performance.now() };
    if (!this.#busy) this.#run();
  }

  async #run() {
    this.#busy = true;
    while (this.#next) {
      const { body, since } = this.#next;
      this.#next = null;
      try {
        const answer = await post(this.model, this.action, body);
        this.failed("");
        this.done(answer, body);
        await new Promise(requestAnimationFrame);
        if (this.again) measured(this.action, since);  // not the first, which opens a panel
        this.again = true;
      } catch (error) {
        this.failed(error.message);
      }
    }
    this.#busy = false;
  }
}

let underway = 0;

/** Says, to whoever can't see it, that pictures are on their way; until they are drawn. */
function busy(more) {
  underway += more;
  document.getElementById("panels").setAttribute("aria-busy", `${underway > 0}`);
}

export async function post(model, action, body) {
  let answer;
  busy(1);
  try {
    answer = await fetch(`models/${model.index}/${action}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Error("The server does not answer. Was genframe explore ended?");
  } finally {
    requestAnimationFrame(() => requestAnimationFrame(() => busy(-1)));
  }
  const told = await answer.json().catch(() => ({ error: `the server answered ${answer.status}` }));
  if (!answer.ok) throw new Error(told.error);
  return told;
}

function measured(action, since) {
  const now = performance.now();
  performance.measure(`picture:${action}`, { start: since, end: now });
  latencies.push(now - since);
  if (latencies.length > 60) latencies.shift();
  if (performance.getEntriesByType("measure").length > 1000) performance.clearMeasures();
  const sorted = [...latencies].sort((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  document.getElementById("latency").textContent =
    `From control to picture: ${middle.toFixed(0)} ms (median of the last ${sorted.length}).`;
}
