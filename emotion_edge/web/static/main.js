// The page: classify a file, record a clip, or listen live.

import * as api from "./api.js";
import { announce, makeBars, showAnswer, showBars, showWord } from "./answer.js";
import { clock, colourOf, sentenceOf, setLabels, wordOf } from "./labels.js";
import { LiveView, RollingWaveform } from "./live.js";
import { Microphone, whyNoMicrophone } from "./microphone.js";
import * as player from "./player.js";
import { decode, encodeWav, join, loudness } from "./sound.js";
import { hideTimeline, Timeline } from "./timeline.js";
import { draw, nBars } from "./waveform.js";

const $ = (id) => document.getElementById(id);
const UNREADABLE = 422; // the status for a file that the server cannot decode

let server = null; // the models and limits of the server, once they are known
let busy = true; // one thing at a time, and nothing before the server is known
let running = null; // the current use of the microphone: {microphone, button, name, finish}
let redraw = () => {}; // redraws the waveform when the window changes its size or colours

// --- recordings --------------------------------------------------

async function answerFile(file, name) {
  const { upload_bytes } = server.limits;
  if (file.size > upload_bytes) {
    return showProblem(`${name} has ${megabytes(file.size)}; this server accepts at most ${megabytes(upload_bytes)}.`);
  }
  reset(name);
  showWord("classifying", "", null, { busy: true });
  setBusy(true);
  try {
    const decoding = decode(file);
    const answer = await classified(file, decoding);
    showRecording(answer, file, name, await decoding);
  } catch (error) {
    $("result").hidden = true;
    showProblem(error.message.replace(/^the upload/, name));
  } finally {
    setBusy(false);
  }
}

/** Classify a file. If the server cannot decode it but this browser can, send what the browser decoded. */
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
    const onMoved = (at) => {
      if (at === null) showBars(answer, "Probabilities");
      else showBars(timeline.at(at), `Probabilities around ${clock(at)}`);
    };
    player.load(file, duration, { onMoved, wordAt: (at) => wordOf(timeline.at(at)) });
  } else {
    $("picture-note").textContent = "This browser cannot draw or play a file of this format.";
  }
  announce(`${wordOf(answer)}. ${sentenceOf(answer)} ${name}, ${duration.toFixed(1)} seconds.`);
}

function barsOf({ samples }, timeline) {
  const n = nBars();
  return Array.from({ length: n }, (_, i) => ({
    height: loudness(samples, Math.floor((i * samples.length) / n), Math.floor(((i + 1) * samples.length) / n)),
    colour: colourOf(timeline.at(((i + 0.5) * timeline.duration) / n)),
  }));
}

// --- the microphone --------------------------------------------------

async function record() {
  const microphone = new Microphone();
  const blocks = [];
  const waveform = new RollingWaveform();
  let n = 0;
  const most = () => Math.min(server.limits.sound_s * microphone.rate, (server.limits.upload_bytes - 100) / 2);
  const onBlock = (block) => {
    blocks.push(block);
    n += block.length;
    waveform.add(n / microphone.rate, loudness(block), "accent");
    showWord(clock(n / microphone.rate), "Recording. Press Stop to get the answer.");
    if (n + block.length >= most()) finish();
  };
  const finish = async () => {
    stopRunning();
    const sound = encodeWav({ samples: join(blocks), rate: microphone.rate });
    await answerFile(sound, "Your recording");
  };
  await use(microphone, $("record"), onBlock, finish);
  reset("Your recording, from the microphone");
  redraw = () => waveform.draw();
  $("picture").hidden = false;
  showWord("0:00", "Recording. Press Stop to get the answer.");
  announce("Recording.");
}

async function listen() {
  const microphone = new Microphone();
  const view = new LiveView();
  let stream = null;
  const finish = () => {
    stream?.end();
    stopRunning();
    announce("Stopped.");
  };
  await use(microphone, $("live"), (block) => stream?.send(block), finish);
  reset("Live, from the microphone");
  redraw = () => view.draw();
  $("picture").hidden = $("probabilities").hidden = false;
  showWord("no speech", "Say something.");
  const onEnd = (why) => {
    finish();
    showProblem(why);
  };
  stream = new api.Live(microphone.rate, $("model").value, (message) => view.show(message), onEnd);
}

/** Start the microphone; the button then stops it. */
async function use(microphone, button, onBlock, finish) {
  setBusy(true);
  try {
    const onLost = () => {
      finish();
      showProblem("The microphone was disconnected.");
    };
    await microphone.start(onBlock, onLost);
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

// --- the page --------------------------------------------------

/** Show an empty answer. */
function reset(about) {
  player.unload();
  hideTimeline();
  showProblem("");
  $("sources").classList.add("compact");
  $("result").hidden = false;
  $("wave").hidden = false;
  $("picture").hidden = $("probabilities").hidden = $("details").hidden = true;
  $("picture-note").textContent = "";
  $("about").textContent = about;
  showBars({ status: "no_speech", label: null, probabilities: {} }, "Probabilities");
}

function showProblem(text) {
  $("problem").textContent = text;
  $("problem").hidden = !text;
}

/** Controls that cannot be used keep the focus, so that keyboard users do not lose their place. */
function setBusy(yes) {
  busy = yes || server === null;
  const hasMicrophone = whyNoMicrophone() === "";
  $("model").disabled = busy;
  setUsable($("file"), !busy);
  for (const button of [$("record"), $("live")]) setUsable(button, !busy && hasMicrophone);
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
    showProblem("");
    try {
      await start();
    } catch (error) {
      showProblem(error.message);
    }
  };
}

function chooseModel() {
  const model = server.models.find(({ name }) => name === $("model").value);
  setLabels(model.labels);
  makeBars(model.labels);
  $("model-about").textContent = `${model.name} distinguishes ${model.labels.join(", ")}. Licence: ${model.licence}.`;
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
  api.onTokenRequired(askForToken);
  $("ask").addEventListener("cancel", (event) => event.preventDefault()); // without a token, the page can do nothing
  $("file").addEventListener("click", (event) => isUsable($("file")) || event.preventDefault());
  $("file").addEventListener("change", ({ target }) => {
    const [file] = target.files;
    if (file) answerFile(file, file.name);
    target.value = ""; // so that the same file can be chosen again
  });
  $("record").addEventListener("click", toggle(record));
  $("live").addEventListener("click", toggle(listen));
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
  server = await api.models();
  const options = server.models.map(({ name }) => {
    const isDefault = name === server.default;
    return new Option(name, name, isDefault, isDefault);
  });
  $("model").replaceChildren(...options);
  $("model-choice").hidden = server.models.length < 2;
  chooseModel();
  setBusy(false);
}

start().catch((error) => showProblem(error.message));
