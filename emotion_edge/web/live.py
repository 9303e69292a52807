"""The live socket: samples in, events out, with the same stream as `emotion-edge listen` on a microphone.

A client gives the sample rate in the query. It sends mono samples as binary messages, signed 16-bit little-endian, and
the text `end` after the last one. It receives JSON: `{"type": "event", ...}` as from `Event.to_dict`, and
`{"type": "status", ...}` about ten times per second of sound, for a display.
"""

from __future__ import annotations

import contextlib
from typing import Any, Final

import anyio
import numpy as np
from anyio.to_thread import run_sync
from starlette.exceptions import HTTPException
from starlette.websockets import WebSocket, WebSocketDisconnect

from ..audio.resampling import check_rate
from ..errors import AudioError
from ..live.events import Event
from ..live.stream import EmotionStream, StreamStatus
from ..prediction import rounded
from .guard import LIVE_PROTOCOL
from .service import Service, service_of

LARGEST_MESSAGE: Final = 1 << 20
"""In bytes: a few seconds of sound at the highest sample rate."""

_END: Final = "end"
_STATUS_S: Final = 0.1
_ROUNDING_S: Final = 1e-6
_MOST_DIGITS: Final = 10  # Python refuses to convert thousands of digits
_POLICY, _UNACCEPTABLE = 1008, 1003  # RFC 6455, 7.4.1


async def live(socket: WebSocket) -> None:
    """WS /api/live?rate=HZ[&model=NAME]."""
    service = service_of(socket)
    stream = _stream(socket, service)
    with service.streams.taken():
        await socket.accept(LIVE_PROTOCOL if LIVE_PROTOCOL in socket.scope["subprotocols"] else None)
        with contextlib.suppress(WebSocketDisconnect):
            await _Session(socket, stream, service).run()


def _stream(socket: WebSocket, service: Service) -> EmotionStream:
    """The stream that the query asks for; at this point, an error can still be sent as an HTTP status."""
    classifier = service.model(socket.query_params.get("model"))
    given = socket.query_params.get("rate", "")
    try:
        rate = int(given) if given.isdecimal() and len(given) < _MOST_DIGITS else None
        check_rate(rate, "the stream")  # type: ignore[arg-type]
        assert rate is not None
        return EmotionStream(rate, classifier)
    except AudioError as error:
        raise HTTPException(400, f"rate: got {given!r}, wanted the sample rate in Hz ({error})") from error


class _Session:
    """The stream of one client, until it ends."""

    def __init__(self, socket: WebSocket, stream: EmotionStream, service: Service) -> None:
        self._socket: Final = socket
        self._stream: Final = stream
        self._service: Final = service
        self._status_s = 0.0  # the position of the stream at the last status

    async def run(self) -> None:
        while True:
            try:
                with anyio.fail_after(self._service.limits.timeout_s):
                    message = await self._socket.receive()
            except TimeoutError:
                await self._fail(_POLICY, f"no message for {self._service.limits.timeout_s:g} s")
                return
            if message["type"] == "websocket.disconnect":
                return
            samples = message.get("bytes")
            if samples is None and message.get("text") == _END:
                await self._send(await run_sync(self._stream.finish))
                await self._socket.close()
                return
            if samples is None or len(samples) % 2:
                await self._fail(_UNACCEPTABLE, f"wanted 16-bit samples in binary messages, or the text {_END!r}")
                return
            await self._process(samples)

    async def _process(self, samples: bytes) -> None:
        before_s = self._stream.heard_s
        await self._send(await run_sync(self._stream.process, np.frombuffer(samples, "<i2")))
        heard_s = self._stream.heard_s
        self._service.metrics.sound_seconds.labels("live").inc(heard_s - before_s)
        if heard_s - self._status_s >= _STATUS_S - _ROUNDING_S:
            self._status_s = heard_s
            await self._socket.send_json(_describe(self._stream.status))

    async def _send(self, events: list[Event]) -> None:
        for event in events:
            await self._socket.send_json({"type": "event", **event.to_dict()})

    async def _fail(self, code: int, sentence: str) -> None:
        await self._socket.send_json({"type": "error", "error": sentence})
        await self._socket.close(code, sentence)


def _describe(status: StreamStatus) -> dict[str, Any]:
    return {
        "type": "status",
        "heard_s": rounded(status.heard_s),
        "level_dbfs": rounded(status.level_dbfs),
        "sound": status.sound,
        "speech": None if status.speech is None else rounded(status.speech),
        "verdict": status.verdict,
        "probabilities": {label: rounded(value) for label, value in status.probabilities.items()},
    }
