// Which moment is looked at: by pointer or by keyboard, and what is said of it.

const spans = JSON.parse(document.getElementById("spans").textContent); // [end in s, status, probabilities as in the list]
const [chart, cursor, moment, when, word] = ["chart", "cursor", "moment", "when", "word"].map((id) => document.getElementById(id));
const bars = [...document.querySelectorAll("#bars li")];
const duration = chart.querySelector("svg").viewBox.baseVal.width;

const percent = (share) => `${Math.round(100 * share)} %`;

function clock(seconds) {
  const tenths = Math.round(10 * seconds);
  const [minutes, rest] = [Math.floor(tenths / 600), tenths % 600];
  const tenth = rest % 10 ? `.${rest % 10}` : "";
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${String(Math.floor(rest / 10)).padStart(2, "0")}${tenth}`;
}

function sentence([, status, shares]) {
  if (status === "no_speech") return "no speech";
  const best = shares.indexOf(Math.max(...shares));
  const likeliest = `${bars[best].querySelector(".name").textContent} ${percent(shares[best])}`;
  return status === "uncertain" ? `uncertain (${likeliest})` : likeliest;
}

function show(number) {
  const span = spans[number];
  const start = number ? spans[number - 1][0] : 0;
  const best = span[1] === "no_speech" ? -1 : span[2].indexOf(Math.max(...span[2]));
  when.textContent = `${clock(start)} to ${clock(span[0])}`;
  word.textContent = sentence(span);
  bars.forEach((bar, i) => {
    bar.classList.toggle("best", i === best);
    bar.querySelector(".fill").style.width = best < 0 ? 0 : `${100 * span[2][i]}%`;
    bar.querySelector(".percent").textContent = best < 0 ? "–" : percent(span[2][i]);
  });
  cursor.style.left = `${(50 * (start + span[0])) / duration}%`;
  cursor.hidden = false;
  moment.value = number;
  moment.setAttribute("aria-valuetext", `${clock(start)}, ${word.textContent}`);
}

function point(event) {
  const box = chart.getBoundingClientRect();
  const seconds = (duration * (event.clientX - box.left)) / box.width;
  const number = spans.findIndex(([end]) => seconds < end);
  show(number < 0 ? spans.length - 1 : number);
}

// A word that does not fit is not begun; whether it does is known once it is there.
function fit() {
  for (const segment of document.querySelectorAll(".strip span")) {
    segment.classList.remove("narrow");
    segment.classList.toggle("narrow", segment.scrollWidth > segment.clientWidth);
  }
}

if (spans.length) {
  moment.hidden = false;
  chart.addEventListener("pointermove", point);
  chart.addEventListener("pointerdown", point);
  moment.addEventListener("input", () => show(Number(moment.value)));
  show(Math.max(0, spans.findIndex(([, status]) => status !== "no_speech")));
}
fit();
addEventListener("resize", fit);
