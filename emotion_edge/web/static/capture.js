// Runs in the audio thread: passes on the samples of the microphone in blocks of 0.1 s.

class Capture extends AudioWorkletProcessor {
  #block = new Float32Array(Math.ceil(sampleRate / 1280) * 128);
  #n = 0;

  process([[channel]]) {
    if (channel) {
      this.#block.set(channel, this.#n);
      this.#n += channel.length;
      if (this.#n === this.#block.length) {
        this.port.postMessage(this.#block.slice());
        this.#n = 0;
      }
    }
    return true;
  }
}

registerProcessor("capture", Capture);
