// The live view: the sound of the microphone, and the answers of the server.

import { announce, showBars, showWord } from "./answer.js";
import { colourOf, lookOf, percent, sentenceOf, wordOf } from "./labels.js";
import { height } from "./sound.js";
import * as waveform from "./waveform.js";

const MOST_BARS = 2000; // wider than any screen

/** A waveform that moves to the left. */
export class RollingWaveform {
  #bars = [];

  /** Add a bar for a moment in seconds. */
  add(at, height, colour) {
    this.#bars.push({ at, height, colour });
    if (this.#bars.length > 2 * MOST_BARS) this.#bars.splice(0, MOST_BARS);
    this.draw();
  }

  /** Change the colour of all bars since a moment. */
  repaint(since, colour) {
    for (const bar of this.#bars) if (bar.at > since) bar.colour = colour;
    this.draw();
  }

  draw() {
    waveform.draw(this.#bars.slice(-waveform.nBars()), { atEnd: true });
  }
}

/** Shows the messages of the live stream. */
export class LiveView {
  #waveform = new RollingWaveform();
  #announced = "";

  draw() {
    this.#waveform.draw();
  }

  show(message) {
    if (message.type === "event") this.#showEvent(message);
    else this.#showStatus(message);
  }

  /** Repaint the waveform: the server reports the start and the end of a label with some delay. */
  #showEvent(event) {
    if (event.event === "enter") this.#waveform.repaint(event.start_s, colourOf(event));
    if (event.event === "leave") this.#waveform.repaint(event.end_s, "no-speech");
  }

  #showStatus(status) {
    const answer = answerOf(status);
    const word = isDeciding(answer) ? "speech" : wordOf(answer);
    this.#waveform.add(status.heard_s, height(status.level_dbfs), colourOf(answer));
    showWord(word, sentence(answer, status), answer.status === "ok" ? lookOf(answer) : null);
    showBars(answer, "Probabilities");
    if (word !== this.#announced) announce(word);
    this.#announced = word;
  }
}

/** Convert a status to an answer. */
function answerOf({ verdict, probabilities }) {
  if (verdict === null) return { status: "no_speech", label: null, probabilities };
  if (verdict !== "uncertain") {
    return { status: "ok", label: verdict, confidence: probabilities[verdict] ?? 0, probabilities };
  }
  const better = (best, each) => (each[1] > best[1] ? each : best);
  const [label, confidence] = Object.entries(probabilities).reduce(better, ["", 0]);
  return { status: "uncertain", label, confidence, probabilities };
}

/** Whether there is speech, but no label was the most likely for long enough yet. */
const isDeciding = ({ status, probabilities }) => status === "no_speech" && Object.keys(probabilities).length > 0;

function sentence(answer, { sound }) {
  if (isDeciding(answer)) return "Not long enough for an answer yet.";
  if (answer.status === "no_speech") return sound ? "There is sound, but no speech yet." : "It is quiet.";
  if (answer.confidence === 0) return ""; // between two decisions
  return answer.status === "ok" ? `${percent(answer.confidence)} sure.` : sentenceOf(answer);
}
