// Which colour a label has, everywhere the same, and how answers are put into words.

const KNOWN = { angry: "angry", anger: "angry", fear: "fear", fearful: "fear", happy: "happy", happiness: "happy", neutral: "neutral", sad: "sad", sadness: "sad" };
const OTHERS = ["other-1", "other-2", "other-3"];
const names = new Map();

/** The labels of the model that answers: those without a colour of their own get one in turn. */
export function setLabels(labels) {
  names.clear();
  const others = labels.filter((label) => !(label in KNOWN));
  for (const label of labels) names.set(label, KNOWN[label] ?? OTHERS[others.indexOf(label) % OTHERS.length]);
}

/** The name of what an answer is drawn as: a colour of palette.css. */
export function colourOf(answer) {
  if (answer.status === "no_speech") return "no-speech";
  return answer.status === "uncertain" ? "uncertain" : names.get(answer.label);
}

/** The name of a label's own colour. */
export const colourOfLabel = (label) => names.get(label);

/** Let an element have a colour. */
export function paint(element, colour) {
  element.style.setProperty("--colour", `var(--${colour})`);
  element.style.setProperty("--on-colour", `var(--on-${colour})`);
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
