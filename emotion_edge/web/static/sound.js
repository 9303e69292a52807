// Decode files to samples, and encode samples to files.

import { toInt16 } from "./api.js";

const DRAWN_RATE_HZ = 16000; // enough to draw, and to classify a file that the server cannot decode

/** The mono samples of a file, {samples, rate}, or null if this browser cannot decode it. */
export async function decode(file) {
  try {
    const context = new OfflineAudioContext(1, 1, DRAWN_RATE_HZ);
    const buffer = await context.decodeAudioData(await file.arrayBuffer());
    const samples = new Float32Array(buffer.length);
    for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
      buffer.getChannelData(channel).forEach((sample, at) => (samples[at] += sample / buffer.numberOfChannels));
    }
    return { samples, rate: buffer.sampleRate };
  } catch {
    return null;
  }
}

/** A mono WAV file with 16 bits per sample. */
export function encodeWav({ samples, rate }) {
  const n_bytes = 2 * samples.length;
  const header = new DataView(new ArrayBuffer(44));
  const text = (at, letters) => [...letters].forEach((letter, i) => header.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF");
  header.setUint32(4, 36 + n_bytes, true);
  text(8, "WAVEfmt ");
  header.setUint32(16, 16, true);
  header.setUint16(20, 1, true); // PCM
  header.setUint16(22, 1, true); // channels
  header.setUint32(24, rate, true);
  header.setUint32(28, 2 * rate, true);
  header.setUint16(32, 2, true);
  header.setUint16(34, 16, true);
  text(36, "data");
  header.setUint32(40, n_bytes, true);
  return new Blob([header, toInt16(samples)], { type: "audio/wav" });
}

/** Join blocks of samples. */
export function join(blocks) {
  const all = new Float32Array(blocks.reduce((n, block) => n + block.length, 0));
  let at = 0;
  for (const block of blocks) {
    all.set(block, at);
    at += block.length;
  }
  return all;
}

/** The loudness of samples as the height of a bar, 0 to 1: 0 at -60 dB and below. */
export function loudness(samples, first = 0, last = samples.length) {
  let power = 0;
  for (let at = first; at < last; at++) power += samples[at] ** 2;
  return height(10 * Math.log10(power / Math.max(1, last - first) + 1e-12));
}

/** The height of a bar for a level in dB relative to full scale. */
export const height = (dbfs) => Math.max(0, Math.min(1, (dbfs + 60) / 54));
