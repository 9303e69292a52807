// The API of the server: classify recordings, and stream live sound.

const TOKEN = "emotion-edge token";
const PROTOCOL = "emotion-edge.live";

let askForToken = async () => null;

/** Set the function that asks for a token. It gets an error about the last token, and returns a promise of another. */
export function onTokenRequired(ask) {
  askForToken = ask;
}

/** The models, the name of the default model, and the limits. */
export const models = () => request("api/models");

/** The answer to a recording, with its timeline. */
export function classify(sound, model) {
  const body = new FormData();
  body.append("file", sound, "recording");
  return request(`api/classify?timeline=1&model=${encodeURIComponent(model)}`, { method: "POST", body });
}

/** An error that the server reported, or a server that cannot be reached. */
export class ServerError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function request(path, options = {}) {
  for (let wrong = ""; ; wrong = "This token is wrong.") {
    const token = sessionStorage.getItem(TOKEN);
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    let response;
    try {
      response = await fetch(path, { ...options, headers });
    } catch {
      throw new ServerError(0, "The server cannot be reached. Is it still running?");
    }
    if (response.status === 401) {
      sessionStorage.setItem(TOKEN, await askForToken(token ? wrong || "The token is no longer valid." : wrong));
      continue;
    }
    const answer = await response.json().catch(() => ({ error: `The server answered ${response.status}.` }));
    if (!response.ok) throw new ServerError(response.status, answer.error);
    return answer;
  }
}

/** A live stream: `onMessage` gets the messages of the server; `onEnd` gets the reason if the server ends it. */
export class Live {
  #socket;
  #ended = false;
  #why = "";

  constructor(rate, model, onMessage, onEnd) {
    const url = new URL(`api/live?rate=${rate}&model=${encodeURIComponent(model)}`, document.baseURI);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const token = sessionStorage.getItem(TOKEN);
    this.#socket = new WebSocket(url, token ? [PROTOCOL, `emotion-edge.token.${token}`] : [PROTOCOL]);
    this.#socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === "error") this.#why = message.error;
      else onMessage(message);
    };
    this.#socket.onclose = () => {
      if (!this.#ended) onEnd(this.#why || "The live stream ended: the server is busy, or no longer running.");
      this.#ended = true;
    };
  }

  /** Send samples: a Float32Array from -1 to 1. */
  send(samples) {
    // On a slow connection, drop samples instead of sending them late.
    const keepsUp = this.#socket.bufferedAmount < 1 << 20;
    if (this.#socket.readyState === WebSocket.OPEN && keepsUp) this.#socket.send(toInt16(samples));
  }

  end() {
    this.#ended = true;
    this.#socket.close();
  }
}

/** 16-bit samples, little-endian like every machine that runs a browser. */
export function toInt16(samples) {
  return Int16Array.from(samples, (sample) => Math.round(32767 * Math.max(-1, Math.min(1, sample))));
}
