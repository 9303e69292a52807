// The windows of a recording: which one belongs to a moment, and a strip with their answers.

import { lookOf, paint, percent, wordOf, clock } from "./labels.js";

const strip = document.getElementById("strip");
const table = document.getElementById("table");

/** Windows overlap. Each stands for the moments that are nearest to its middle. */
export class Timeline {
  #windows;
  #ends; // where the section of each window ends

  constructor(windows, duration) {
    this.#windows = windows;
    const middles = windows.map(({ start_s, end_s }) => (start_s + end_s) / 2);
    this.#ends = middles.map((middle, i) => (i + 1 < middles.length ? (middle + middles[i + 1]) / 2 : duration));
    this.duration = duration;
  }

  /** The window that belongs to a moment. */
  at(seconds) {
    const i = this.#ends.findIndex((end) => seconds < end);
    return this.#windows.at(i);
  }

  /** Neighbours with the same answer, merged: [{word, look, start, end}]. */
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
    // Hide words that do not fit. Their width is known only once they are on the page.
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
  if (window.status === "ok") cells[3] = percent(window.confidence);
  if (window.status === "uncertain") cells[3] = `${window.label} ${percent(window.confidence)}`;
  const line = document.createElement("tr");
  line.append(...cells.map((text) => Object.assign(document.createElement("td"), { textContent: text })));
  return line;
}
