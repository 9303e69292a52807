// What the microphone delivers just now, and what the server makes of it.

import { say, showBars, showWord } from "./answer.js";
import { colourOf, lookOf, percent, sentenceOf, wordOf } from "./labels.js";
import { height } from "./sound.js";
import * as waveform from "./waveform.js";

const MOST_BARS = 2000; // wider than any screen

/** A waveform that moves to the left. */
export class RollingWaveform {
  #bars = [];

  /** One more bar, of a moment in seconds. */
  add(at, height, colour) {
    this.#bars.push({ at, height, colour });
    if (this.#bars.length > 2 * MOST_BARS) this.#bars.splice(0, MOST_BARS);
    this.draw();
  }

  /** Another colour for what was heard since a moment. */
  repaint(since, colour) {
    for (const bar of this.#bars) if (bar.at > since) bar.colour = colour;
    this.draw();
  }

  draw() {
    waveform.draw(this.#bars.slice(-waveform.nBars()), { atEnd: true });
  }
}

/** The live stream's messages, shown. */
export class LiveView {
  #waveform = new RollingWaveform();
  #told = "";

  draw() {
    this.#waveform.draw();
  }

  hear(message) {
    if (message.type === "event") this.#hearEvent(message);
    else this.#hearStatus(message);
  }

  /** A label is known of some time after it began, and likewise where it ended. */
  #hearEvent(event) {
    if (event.event === "enter") this.#waveform.repaint(event.start_s, colourOf(event));
    if (event.event === "leave") this.#waveform.repaint(event.end_s, "no-speech");
  }

  #hearStatus(status) {
    const answer = answerOf(status);
    const word = isDeciding(answer) ? "a voice" : wordOf(answer);
    this.#waveform.add(status.heard_s, height(status.level_dbfs), colourOf(answer));
    showWord(word, sentence(answer, status), answer.status === "ok" ? lookOf(answer) : null);
    showBars(answer, "Probabilities");
    if (word !== this.#told) say(word);
    this.#told = word;
  }
}

/** A status as an answer. */
function answerOf({ verdict, probabilities }) {
  if (verdict === null) return { status: "no_speech", label: null, probabilities };
  if (verdict !== "uncertain") return { status: "ok", label: verdict, confidence: probabilities[verdict] ?? 0, probabilities };
  const [label, confidence] = Object.entries(probabilities).reduce((best, each) => (each[1] > best[1] ? each : best), ["", 0]);
  return { status: "uncertain", label, confidence, probabilities };
}

/** Somebody speaks, and no label has lasted long enough yet. */
const isDeciding = ({ status, probabilities }) => status === "no_speech" && Object.keys(probabilities).length > 0;

function sentence(answer, { sound }) {
  if (isDeciding(answer)) return "Not yet long enough for an answer.";
  if (answer.status === "no_speech") return sound ? "Hearing something." : "Nobody speaks.";
  if (answer.confidence === 0) return ""; // between two decisions
  return answer.status === "ok" ? `${percent(answer.confidence)} sure.` : sentenceOf(answer);
}
