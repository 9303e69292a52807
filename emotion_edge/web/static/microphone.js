// The microphone, as it is: no echo cancellation, no noise suppression, no automatic gain.

/** Why this browser gives us no microphone; empty if it does. */
export function whyNoMicrophone() {
  if (window.isSecureContext && navigator.mediaDevices && window.AudioWorkletNode) return "";
  return window.isSecureContext
    ? "This browser has no microphone for pages. Choose a file instead."
    : "Browsers give the microphone only to pages that came by HTTPS, or from this very machine (localhost). Choose a file instead: on a phone, record one first.";
}

export class Microphone {
  #context;
  #stream;
  #stopped = false;

  /** Samples per second. */
  get rate() {
    return this.#context.sampleRate;
  }

  /** Begin; `onPiece` gets a Float32Array some ten times a second, `onLost` is called if the microphone goes away. */
  async start(onPiece, onLost) {
    const wanted = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    try {
      this.#stream = await navigator.mediaDevices.getUserMedia({ audio: wanted });
    } catch (error) {
      throw new Error(WHY[error.name] ?? `The microphone cannot be used: ${error.message}`);
    }
    this.#stream.getAudioTracks()[0].onended = () => this.#stopped || onLost();
    this.#context = new AudioContext();
    await this.#context.audioWorklet.addModule(new URL("capture.js", import.meta.url));
    const capture = new AudioWorkletNode(this.#context, "capture", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
    capture.port.onmessage = ({ data }) => this.#stopped || onPiece(data);
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
  NotAllowedError: "The browser was told not to give this page the microphone. Allow it in the address bar, or choose a file.",
  NotFoundError: "There is no microphone on this machine. Choose a file instead.",
  NotReadableError: "The microphone is in use by another program, or does not answer.",
};
