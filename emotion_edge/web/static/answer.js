// The answer: a word, a sentence, and a bar for each label.

import { lookOf, lookOfLabel, paint, percent, sentenceOf, wordOf } from "./labels.js";

const word = document.getElementById("word");
const sentence = document.getElementById("sentence");
const bars = document.getElementById("bars");
const title = document.getElementById("bars-title");
const spoken = document.getElementById("spoken");

/** Show an answer. */
export function showAnswer(answer) {
  showWord(wordOf(answer), sentenceOf(answer), answer.status === "ok" ? lookOf(answer) : null);
  showBars(answer, "Probabilities");
}

/** Show a word: an emotion with its look, or another word without one. */
export function showWord(text, more, look = null, { busy = false } = {}) {
  word.textContent = text;
  word.classList.toggle("faint", look === null);
  word.classList.toggle("busy", busy);
  if (look !== null) paint(word, look);
  sentence.textContent = more;
}

/** Announce a text to screen readers. */
export function announce(text) {
  spoken.textContent = text;
}

/** Make an empty bar for each label of a model. */
export function makeBars(labels) {
  bars.replaceChildren(...labels.map(makeBar));
}

/** Fill the bars. */
export function showBars({ status, label, probabilities }, caption) {
  title.textContent = caption;
  for (const bar of bars.children) {
    const share = probabilities[bar.dataset.label];
    bar.querySelector(".fill").style.width = `${Math.round(100 * (share ?? 0))}%`;
    bar.querySelector(".percent").textContent = share === undefined ? "–" : percent(share);
    bar.classList.toggle("best", status === "ok" && bar.dataset.label === label);
  }
}

function makeBar(label) {
  const item = document.createElement("li");
  item.dataset.label = label;
  const span = (className) => Object.assign(document.createElement("span"), { className });
  const parts = ["name", "track", "percent"].map(span);
  const fill = span("fill");
  parts[0].textContent = label;
  parts[1].append(fill);
  paint(fill, lookOfLabel(label));
  item.append(...parts);
  return item;
}
