// Playback of the recording that was classified: a button and a position.

import { clock } from "./labels.js";

const audio = document.getElementById("audio");
const play = document.getElementById("play");
const seek = document.getElementById("seek");
const playhead = document.getElementById("playhead");
const time = document.getElementById("clock");

let duration = 0;
let onMoved = () => {};
let wordAt = () => "";

/**
 * Prepare to play a file.
 *
 * `callbacks.onMoved` gets the position of playback in seconds, or null at rest; `callbacks.wordAt` returns the answer
 * at a position.
 */
export function load(file, seconds, callbacks) {
  unload();
  duration = seconds;
  ({ onMoved, wordAt } = callbacks);
  audio.src = URL.createObjectURL(file);
  seek.max = duration;
  for (const element of [play, seek]) element.hidden = false;
  show();
}

export function unload() {
  audio.pause();
  if (audio.src) URL.revokeObjectURL(audio.src);
  audio.removeAttribute("src");
  for (const element of [play, seek, playhead]) element.hidden = true;
  time.textContent = "";
}

function show() {
  const at = Math.min(audio.currentTime, duration);
  const atRest = audio.paused && (at === 0 || audio.ended);
  playhead.hidden = atRest;
  playhead.style.left = `${(100 * at) / duration}%`;
  seek.value = at;
  seek.setAttribute("aria-valuetext", `${clock(at)} of ${clock(duration)}, ${wordAt(at)}`);
  time.textContent = `${clock(at)} / ${clock(duration)}`;
  play.classList.toggle("playing", !audio.paused);
  play.setAttribute("aria-label", audio.paused ? "Play" : "Pause");
  onMoved(atRest ? null : at);
}

function follow() {
  show();
  if (!audio.paused) requestAnimationFrame(follow);
}

play.addEventListener("click", () => (audio.paused ? audio.play() : audio.pause()));
seek.addEventListener("input", () => {
  audio.currentTime = seek.value;
  show();
});
audio.addEventListener("play", follow);
for (const event of ["pause", "ended", "seeked"]) audio.addEventListener(event, () => audio.src && show());
audio.addEventListener("error", () => {
  if (!audio.src) return;
  unload();
  document.getElementById("picture-note").textContent = "This browser cannot play a file of this format.";
});
