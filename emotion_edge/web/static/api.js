// The server: recordings and a live stream to it, answers and events from it.

const TOKEN = "emotion-edge token";
const PROTOCOL = "emotion-edge.live";

let askForToken = async () => null;

/** What to do when the server wants a token: a function of what was wrong with the last one, to a promise of another. */
export function onTokenWanted(ask) {
  askForToken = ask;
}

/** The models, the default one's name, and the limits. */
export const models = () => request("api/models");

/** The answer to a recording, with its timeline. */
export function classify(sound, model) {
  const body = new FormData();
  body.append("file", sound, "recording");
  return request(`api/classify?timeline=1&model=${encodeURIComponent(model)}`, { method: "POST", body });
}

/** An error that the server told of, or that it cannot be reached. */
export class ServerError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function request(path, options = {}) {
  for (let wrong = ""; ; wrong = "That is not the token.") {
    const token = sessionStorage.getItem(TOKEN);
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    let response;
    try {
      response = await fetch(path, { ...options, headers });
    } catch {
      throw new ServerError(0, "The server cannot be reached. Is it still running?");
    }
    if (response.status === 401) {
      sessionStorage.setItem(TOKEN, await askForToken(token ? wrong || "The token is not the right one any more." : wrong));
      continue;
    }
    const answer = await response.json().catch(() => ({ error: `The server answered ${response.status}.` }));
    if (!response.ok) throw new ServerError(response.status, answer.error);
    return answer;
  }
}

/** A live stream: `onMessage` gets what the server says, `onEnd` why it ended (empty when we ended it). */
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
      if (!this.#ended) onEnd(this.#why || "The live stream broke off: the server is busy with others, or gone.");
      this.#ended = true;
    };
  }

  /** Send samples: Float32Array in -1..1. */
  send(samples) {
    // What a slow line does not take is lost, rather than heard late.
    if (this.#socket.readyState === WebSocket.OPEN && this.#socket.bufferedAmount < 1 << 20) this.#socket.send(toInt16(samples));
  }

  end() {
    this.#ended = true;
    this.#socket.close();
  }
}

/** 16-bit samples, little-endian as every browser's machine is. */
export function toInt16(samples) {
  return Int16Array.from(samples, (sample) => Math.round(32767 * Math.max(-1, Math.min(1, sample))));
}
