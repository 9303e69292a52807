// The colour and pattern of each label, and answers in words.

import { KNOWN, N_PATTERNS, OTHERS } from "./palette.js";

const looks = new Map();

/** Set the labels of the model. Labels without a colour of their own take one of the others in turn, with a pattern. */
export function setLabels(labels) {
  looks.clear();
  let others = 0;
  for (const label of labels) {
    looks.set(label, Object.hasOwn(KNOWN, label) ? { colour: KNOWN[label] } : lookOfOther(others++));
  }
}

const lookOfOther = (number) => ({ colour: OTHERS[number % OTHERS.length], pattern: 1 + (number % N_PATTERNS) });

/** The look of an answer: {colour, pattern}, a colour and the number of a pattern of palette.css, if it has one. */
export function lookOf(answer) {
  if (answer.status === "no_speech") return { colour: "no-speech" };
  return answer.status === "uncertain" ? { colour: "uncertain" } : lookOfLabel(answer.label);
}

/** The colour of an answer. */
export const colourOf = (answer) => lookOf(answer).colour;

/** The look of a label. */
export const lookOfLabel = (label) => looks.get(label) ?? {};

/** Give an element a look. */
export function paint(element, { colour, pattern }) {
  element.style.setProperty("--colour", `var(--${colour})`);
  element.style.setProperty("--on-colour", `var(--on-${colour})`);
  if (pattern) element.dataset.pattern = pattern;
  else delete element.dataset.pattern;
}

export const percent = (share) => `${Math.round(100 * share)} %`;

/** An answer as a word. */
export function wordOf(answer) {
  if (answer.status === "no_speech") return "no speech";
  return answer.status === "uncertain" ? "uncertain" : answer.label;
}

/** The sentence below the word. */
export function sentenceOf(answer) {
  if (answer.status === "no_speech") return "No part of it is loud enough, or similar enough to a voice.";
  if (answer.status === "uncertain") {
    return `Most likely ${answer.label}, at ${percent(answer.confidence)}: not sure enough for an answer.`;
  }
  return `${percent(answer.confidence)} sure.`;
}

/** Seconds as 1:05. */
export function clock(seconds) {
  const whole = Math.floor(seconds + 1e-6);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
