// Choose a moment by pointer or keyboard, and show its answer.

// Each column is [end in seconds, status, probabilities in the order of the list].
const columns = JSON.parse(document.getElementById("columns").textContent);
const [chart, cursor, moment, when, word] = ["chart", "cursor", "moment", "when", "word"].map((id) =>
  document.getElementById(id),
);
const bars = [...document.querySelectorAll("#bars li")];
const duration = chart.querySelector("svg").viewBox.baseVal.width;

const percent = (share) => `${Math.round(100 * share)} %`;

function clock(seconds) {
  const tenths = Math.round(10 * seconds);
  const [minutes, rest] = [Math.floor(tenths / 600), tenths % 600];
  const tenth = rest % 10 ? `.${rest % 10}` : "";
  const two = (number) => String(number).padStart(2, "0");
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(Math.floor(rest / 10))}${tenth}`;
}

function sentence([, status, shares]) {
  if (status === "no_speech") return "no speech";
  const best = shares.indexOf(Math.max(...shares));
  const likeliest = `${bars[best].querySelector(".name").textContent} ${percent(shares[best])}`;
  return status === "uncertain" ? `uncertain (${likeliest})` : likeliest;
}

function show(number) {
  const column = columns[number];
  const start = number ? columns[number - 1][0] : 0;
  const best = column[1] === "no_speech" ? -1 : column[2].indexOf(Math.max(...column[2]));
  when.textContent = `${clock(start)} to ${clock(column[0])}`;
  word.textContent = sentence(column);
  bars.forEach((bar, i) => {
    bar.classList.toggle("best", i === best);
    bar.querySelector(".fill").style.width = best < 0 ? 0 : `${100 * column[2][i]}%`;
    bar.querySelector(".percent").textContent = best < 0 ? "–" : percent(column[2][i]);
  });
  cursor.style.left = `${(50 * (start + column[0])) / duration}%`;
  cursor.hidden = false;
  moment.value = number;
  moment.setAttribute("aria-valuetext", `${clock(start)}, ${word.textContent}`);
}

function point(event) {
  const box = chart.getBoundingClientRect();
  const seconds = (duration * (event.clientX - box.left)) / box.width;
  const number = columns.findIndex(([end]) => seconds < end);
  show(number < 0 ? columns.length - 1 : number);
}

// Hide words that do not fit. Their width is known only once they are on the page.
function fit() {
  for (const segment of document.querySelectorAll(".strip span")) {
    segment.classList.remove("narrow");
    segment.classList.toggle("narrow", segment.scrollWidth > segment.clientWidth);
  }
}

if (columns.length) {
  moment.hidden = false;
  chart.addEventListener("pointermove", point);
  chart.addEventListener("pointerdown", point);
  moment.addEventListener("input", () => show(Number(moment.value)));
  show(Math.max(0, columns.findIndex(([, status]) => status !== "no_speech")));
}
fit();
addEventListener("resize", fit);
