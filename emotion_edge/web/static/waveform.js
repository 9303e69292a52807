// The waveform as rounded bars, each in the colour of the answer at that moment.

const canvas = document.getElementById("canvas");
const PITCH = 5; // CSS pixels from bar to bar
const THICKNESS = 3;
const LEAST = 0.03; // of the height, so that silence is visible too

/** How many bars fit. */
export const nBars = () => Math.max(1, Math.floor(canvas.clientWidth / PITCH));

/** Draw bars [{height: 0 to 1, colour: a name of palette.css}] over the whole width, or at its right end. */
export function draw(bars, { atEnd = false } = {}) {
  const scale = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  context.lineWidth = THICKNESS;
  context.lineCap = "round";
  const style = getComputedStyle(document.documentElement);
  const pitch = width / nBars();
  const offset = atEnd ? width - bars.length * pitch : 0;
  bars.forEach((bar, i) => {
    const half = (Math.max(LEAST, bar.height) * (height - THICKNESS)) / 2;
    const x = offset + (i + 0.5) * pitch;
    context.strokeStyle = style.getPropertyValue(`--${bar.colour}`);
    context.beginPath();
    context.moveTo(x, height / 2 - half);
    context.lineTo(x, height / 2 + half);
    context.stroke();
  });
}
