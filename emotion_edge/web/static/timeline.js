// Windows over a recording: which one a moment belongs to, and a strip of what they say.

import { lookOf, paint, percent, wordOf, clock } from "./labels.js";

const strip = document.getElementById("strip");
const table = document.getElementById("table");

/** Windows overlap: each stands for the moments that are nearest to its middle. */
export class Timeline {
  #windows;
  #ends; // until when each stands

  constructor(windows, duration) {
    this.#windows = windows;
    const middles = windows.map(({ start_s, end_s }) => (start_s + end_s) / 2);
    this.#ends = middles.map((middle, i) => (i + 1 < middles.length ? (middle + middles[i + 1]) / 2 : duration));
    this.duration = duration;
  }

  /** The window that stands for a moment. */
  at(seconds) {
    const i = this.#ends.findIndex((end) => seconds < end);
    return this.#windows.at(i);
  }

  /** Neighbours that say the same as one: [{word, look, start, end}]. */
  runs() {
    const runs = [];
    this.#windows.forEach((window, i) => {
      const [word, end] = [wordOf(window), this.#ends[i]];
      const last = runs.at(-1);
      if (last?.word === word) last.end = end;
      else runs.push({ word, look: lookOf(window), start: last?.end ?? 0, end });
    });
    return runs;
  }

  show() {
    strip.replaceChildren(...this.runs().map((run) => this.#segment(run)));
    // A word that does not fit is not begun; whether it does is known once it is there.
    for (const segment of strip.children) segment.classList.toggle("narrow", segment.scrollWidth > segment.clientWidth);
    table.replaceChildren(...this.#windows.map(row));
  }

  #segment({ word, look, start, end }) {
    const segment = document.createElement("span");
    segment.className = look.colour;
    segment.append(Object.assign(document.createElement("b"), { textContent: word })); // marks end around it
    segment.title = `${word}, ${clock(start)} to ${clock(end)}`;
    segment.style.left = `${(100 * start) / this.duration}%`;
    segment.style.width = `${(100 * (end - start)) / this.duration}%`;
    paint(segment, look);
    return segment;
  }
}

export function hideTimeline() {
  strip.replaceChildren();
  table.replaceChildren();
}

function row(window) {
  const cells = [window.start_s.toFixed(1), window.end_s.toFixed(1), wordOf(window), ""];
  if (window.status !== "no_speech") cells[3] = window.status === "ok" ? percent(window.confidence) : `${window.label} ${percent(window.confidence)}`;
  const line = document.createElement("tr");
  line.append(...cells.map((text) => Object.assign(document.createElement("td"), { textContent: text })));
  return line;
}
