// The page: which of its three ways to a sound is taken, and what is shown of it.

import * as api from "./api.js";
import { makeBars, say, showAnswer, showBars, showWord } from "./answer.js";
import { clock, colourOf, sentenceOf, setLabels, wordOf } from "./labels.js";
import { LiveView, RollingWaveform } from "./live.js";
import { Microphone, whyNoMicrophone } from "./microphone.js";
import * as player from "./player.js";
import { decode, encodeWav, join, loudness } from "./sound.js";
import { hideTimeline, Timeline } from "./timeline.js";
import { draw, nBars } from "./waveform.js";

const $ = (id) => document.getElementById(id);
const UNREADABLE = 422; // the status for a file that the server cannot decode

let offer = null; // the models and limits, once the server has told them
let busy = true; // one thing at a time, and nothing before there is an offer
let running = null; // what the microphone is used for: {button, name, stop}
let redraw = () => {}; // the waveform, when the window changes its size or its colours

// --- recordings -------------------------------------------------------------------------------------------------------

async function answerFile(file, name) {
  const { upload_bytes } = offer.limits;
  if (file.size > upload_bytes) return complain(`${name} has ${megabytes(file.size)}; this server takes ${megabytes(upload_bytes)} at most.`);
  begin(name);
  showWord("listening", "", null, { busy: true });
  setBusy(true);
  try {
    const decoding = decode(file);
    const answer = await classified(file, decoding);
    showRecording(answer, file, name, await decoding);
  } catch (error) {
    $("result").hidden = true;
    complain(error.message.replace(/^the upload/, name));
  } finally {
    setBusy(false);
  }
}

/** The answer; where the server cannot decode a file and this browser can, to what the browser makes of it. */
async function classified(file, decoding) {
  try {
    return await api.classify(file, $("model").value);
  } catch (error) {
    const sound = await decoding;
    if (error.status !== UNREADABLE || sound === null || sound.samples.length === 0) throw error;
    return api.classify(encodeWav(sound), $("model").value);
  }
}

function showRecording(answer, file, name, sound) {
  const duration = answer.end_s;
  const timeline = new Timeline(answer.timeline, duration);
  $("about").textContent = `${name} · ${duration.toFixed(1)} s`;
  showAnswer(answer);
  $("picture").hidden = $("probabilities").hidden = false;
  timeline.show();
  $("details").hidden = false;
  redraw = () => {
    draw(sound === null ? [] : barsOf(sound, timeline));
    timeline.show();
  };
  redraw();
  $("wave").hidden = sound === null;
  if (sound !== null) {
    const moved = (at) => (at === null ? showBars(answer, "Probabilities") : showBars(timeline.at(at), `Probabilities around ${clock(at)}`));
    player.load(file, duration, { moved, word: (at) => wordOf(timeline.at(at)) });
  } else {
    $("picture-note").textContent = "This browser cannot draw or play a file of this format.";
  }
  say(`${wordOf(answer)}. ${sentenceOf(answer)} ${name}, ${duration.toFixed(1)} seconds.`);
}

function barsOf({ samples }, timeline) {
  const n = nBars();
  return Array.from({ length: n }, (_, i) => ({
    height: loudness(samples, Math.floor((i * samples.length) / n), Math.floor(((i + 1) * samples.length) / n)),
    colour: colourOf(timeline.at(((i + 0.5) * timeline.duration) / n)),
  }));
}

// --- the microphone ---------------------------------------------------------------------------------------------------

async function record() {
  const microphone = new Microphone();
  const pieces = [];
  const waveform = new RollingWaveform();
  let n = 0;
  const most = () => Math.min(offer.limits.sound_s * microphone.rate, (offer.limits.upload_bytes - 100) / 2);
  const hear = (piece) => {
    pieces.push(piece);
    n += piece.length;
    waveform.add(n / microphone.rate, loudness(piece), "accent");
    showWord(clock(n / microphone.rate), "Recording. Stop it to get the answer.");
    if (n + piece.length >= most()) finish();
  };
  const finish = async () => {
    stopRunning();
    const sound = encodeWav({ samples: join(pieces), rate: microphone.rate });
    await answerFile(sound, "Your recording");
  };
  await use(microphone, $("record"), hear, finish);
  begin("Your recording, from the microphone");
  redraw = () => waveform.draw();
  $("picture").hidden = false;
  showWord("0:00", "Recording. Stop it to get the answer.");
  say("Recording.");
}

async function watch() {
  const microphone = new Microphone();
  const view = new LiveView();
  let stream = null;
  const finish = () => {
    stream?.end();
    stopRunning();
    say("Stopped.");
  };
  await use(microphone, $("live"), (piece) => stream?.send(piece), finish);
  begin("Live, from the microphone");
  redraw = () => view.draw();
  $("picture").hidden = $("probabilities").hidden = false;
  showWord("no speech", "Say something.");
  const broken = (why) => {
    finish();
    complain(why);
  };
  stream = new api.Live(microphone.rate, $("model").value, (message) => view.hear(message), broken);
}

/** Begin to listen; the button then stops it. */
async function use(microphone, button, onPiece, finish) {
  setBusy(true);
  try {
    const lost = () => {
      finish();
      complain("The microphone went away.");
    };
    await microphone.start(onPiece, lost);
  } catch (error) {
    microphone.stop();
    setBusy(false);
    throw error;
  }
  running = { microphone, button, name: button.textContent, finish };
  button.textContent = "Stop";
  button.classList.add("running");
  setUsable(button, true);
}

function stopRunning() {
  if (running === null) return;
  const { microphone, button, name } = running;
  running = null;
  microphone.stop();
  button.textContent = name;
  button.classList.remove("running");
  setBusy(false);
}

// --- the page ---------------------------------------------------------------------------------------------------------

/** An empty answer. */
function begin(about) {
  player.unload();
  hideTimeline();
  complain("");
  $("sources").classList.add("compact");
  $("result").hidden = false;
  $("wave").hidden = false;
  $("picture").hidden = $("probabilities").hidden = $("details").hidden = true;
  $("picture-note").textContent = "";
  $("about").textContent = about;
  showBars({ status: "no_speech", label: null, probabilities: {} }, "Probabilities");
}

function complain(text) {
  $("problem").textContent = text;
  $("problem").hidden = !text;
}

/** What cannot be used just now keeps the focus, so that those who go by keyboard do not lose their place. */
function setBusy(yes) {
  busy = yes || offer === null;
  const deaf = whyNoMicrophone() !== "";
  $("model").disabled = busy;
  setUsable($("file"), !busy);
  for (const button of [$("record"), $("live")]) setUsable(button, !busy && !deaf);
}

const setUsable = (element, yes) => element.setAttribute("aria-disabled", String(!yes));
const isUsable = (element) => element.getAttribute("aria-disabled") === "false";

function toggle(start) {
  return async ({ currentTarget }) => {
    if (!isUsable(currentTarget)) return;
    if (running) {
      running.finish();
      return;
    }
    complain("");
    try {
      await start();
    } catch (error) {
      complain(error.message);
    }
  };
}

function chooseModel() {
  const model = offer.models.find(({ name }) => name === $("model").value);
  setLabels(model.labels);
  makeBars(model.labels);
  $("model-about").textContent = `${model.name} tells ${model.labels.join(", ")} apart. Licence: ${model.licence}.`;
}

const megabytes = (bytes) => `${(bytes / (1 << 20)).toFixed(1)} MB`;

function askForToken(wrong) {
  $("ask-problem").textContent = wrong;
  $("ask-problem").hidden = !wrong;
  $("token").value = "";
  $("ask").showModal();
  return new Promise((resolve) => {
    $("ask-form").onsubmit = (event) => {
      event.preventDefault();
      $("ask").close();
      resolve($("token").value.trim());
    };
  });
}

async function start() {
  api.onTokenWanted(askForToken);
  $("ask").addEventListener("cancel", (event) => event.preventDefault()); // without a token there is nothing to do
  $("file").addEventListener("click", (event) => isUsable($("file")) || event.preventDefault());
  $("file").addEventListener("change", ({ target }) => {
    const [file] = target.files;
    if (file) answerFile(file, file.name);
    target.value = ""; // so that the same file may be chosen again
  });
  $("record").addEventListener("click", toggle(record));
  $("live").addEventListener("click", toggle(watch));
  $("model").addEventListener("change", () => {
    $("result").hidden = true;
    player.unload();
    chooseModel();
  });
  const dropping = (yes) => document.body.classList.toggle("dropping", yes && !busy);
  document.addEventListener("dragover", (event) => (event.preventDefault(), dropping(true)));
  document.addEventListener("dragleave", ({ relatedTarget }) => relatedTarget === null && dropping(false));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    dropping(false);
    const [file] = event.dataTransfer.files;
    if (file && !busy) answerFile(file, file.name);
  });
  new ResizeObserver(() => redraw()).observe($("canvas"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw());
  $("microphone-note").textContent = whyNoMicrophone();
  $("microphone-note").hidden = whyNoMicrophone() === "";
  setBusy(true);
  offer = await api.models();
  $("model").replaceChildren(...offer.models.map(({ name }) => new Option(name, name, name === offer.default, name === offer.default)));
  $("model-choice").hidden = offer.models.length < 2;
  chooseModel();
  setBusy(false);
}

start().catch((error) => complain(error.message));
