// Which colour and pattern a label has, everywhere the same, and how answers are put into words.

import { KNOWN, N_PATTERNS, OTHERS } from "./palette.js";

const looks = new Map();

/** The labels of the model that answers: those without a colour of their own get one in turn, and a pattern. */
export function setLabels(labels) {
  looks.clear();
  let others = 0;
  for (const label of labels) {
    looks.set(label, Object.hasOwn(KNOWN, label) ? { colour: KNOWN[label] } : lookOfOther(others++));
  }
}

const lookOfOther = (number) => ({ colour: OTHERS[number % OTHERS.length], pattern: 1 + (number % N_PATTERNS) });

/** What an answer is drawn with: {colour, pattern}, a colour and the number of a pattern of palette.css; some have no pattern. */
export function lookOf(answer) {
  if (answer.status === "no_speech") return { colour: "no-speech" };
  return answer.status === "uncertain" ? { colour: "uncertain" } : lookOfLabel(answer.label);
}

/** The colour of what an answer is drawn with. */
export const colourOf = (answer) => lookOf(answer).colour;

/** A label's own. */
export const lookOfLabel = (label) => looks.get(label) ?? {};

/** Let an element have a look. */
export function paint(element, { colour, pattern }) {
  element.style.setProperty("--colour", `var(--${colour})`);
  element.style.setProperty("--on-colour", `var(--on-${colour})`);
  if (pattern) element.dataset.pattern = pattern;
  else delete element.dataset.pattern;
}

export const percent = (share) => `${Math.round(100 * share)} %`;

/** One word. */
export function wordOf(answer) {
  if (answer.status === "no_speech") return "no speech";
  return answer.status === "uncertain" ? "uncertain" : answer.label;
}

/** What goes with the word. */
export function sentenceOf(answer) {
  if (answer.status === "no_speech") return "Nothing in it is loud enough, or like enough to a voice.";
  if (answer.status === "uncertain") return `Most likely ${answer.label}, at ${percent(answer.confidence)}: too little to go by.`;
  return `${percent(answer.confidence)} sure.`;
}

/** Seconds as 1:05. */
export function clock(seconds) {
  const whole = Math.floor(seconds + 1e-6);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
