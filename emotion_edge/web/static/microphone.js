// The microphone without processing: no echo cancellation, no noise suppression, no automatic gain.

/** Why this browser does not offer a microphone; empty if it does. */
export function whyNoMicrophone() {
  if (window.isSecureContext && navigator.mediaDevices && window.AudioWorkletNode) return "";
  return window.isSecureContext
    ? "This browser does not offer a microphone to pages. Choose a file instead."
    : "Browsers allow the microphone only on pages with HTTPS, or from the same computer (localhost). " +
        "Choose a file instead: on a phone, record one first.";
}

export class Microphone {
  #context;
  #stream;
  #stopped = false;

  /** Samples per second. */
  get rate() {
    return this.#context.sampleRate;
  }

  /** Start. `onBlock` gets a Float32Array about ten times a second; `onLost` is called when it is unplugged. */
  async start(onBlock, onLost) {
    const wanted = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    try {
      this.#stream = await navigator.mediaDevices.getUserMedia({ audio: wanted });
    } catch (error) {
      throw new Error(WHY[error.name] ?? `The microphone cannot be used: ${error.message}`);
    }
    this.#stream.getAudioTracks()[0].onended = () => this.#stopped || onLost();
    this.#context = new AudioContext();
    await this.#context.audioWorklet.addModule(new URL("capture.js", import.meta.url));
    const mono = { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" };
    const capture = new AudioWorkletNode(this.#context, "capture", mono);
    capture.port.onmessage = ({ data }) => this.#stopped || onBlock(data);
    this.#context.createMediaStreamSource(this.#stream).connect(capture);
    await this.#context.resume();
  }

  stop() {
    this.#stopped = true;
    this.#stream?.getTracks().forEach((track) => track.stop());
    this.#context?.close();
  }
}

const WHY = {
  NotAllowedError: "The browser blocks the microphone on this page. Allow it in the address bar, or choose a file.",
  NotFoundError: "This computer has no microphone. Choose a file instead.",
  NotReadableError: "The microphone is in use by another program, or does not respond.",
};
