// Files to samples and samples to files.

import { toInt16 } from "./api.js";

const DRAWN_RATE_HZ = 16000; // enough to draw, and to classify what the server cannot decode

/** Mono samples {samples, rate} of a file, as far as this browser can decode it; else null. */
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

/** A WAV file of mono samples, 16 bits each. */
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

/** Pieces of samples as one. */
export function join(pieces) {
  const all = new Float32Array(pieces.reduce((n, piece) => n + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** How loud samples are, 0 to 1, as it is drawn: 0 at -60 dB and below. */
export function loudness(samples, first = 0, last = samples.length) {
  let power = 0;
  for (let at = first; at < last; at++) power += samples[at] ** 2;
  return height(10 * Math.log10(power / Math.max(1, last - first) + 1e-12));
}

/** The same of a level in dB below full scale. */
export const height = (dbfs) => Math.max(0, Math.min(1, (dbfs + 60) / 54));
