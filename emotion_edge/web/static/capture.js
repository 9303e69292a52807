// In the audio thread: hands on what the microphone delivers, in pieces of 0.1 s.

class Capture extends AudioWorkletProcessor {
  #piece = new Float32Array(Math.ceil(sampleRate / 1280) * 128);
  #n = 0;

  process([[channel]]) {
    if (channel) {
      this.#piece.set(channel, this.#n);
      this.#n += channel.length;
      if (this.#n === this.#piece.length) {
        this.port.postMessage(this.#piece.slice());
        this.#n = 0;
      }
    }
    return true;
  }
}

registerProcessor("capture", Capture);
