"""Counters in the text format of Prometheus. They count answers, but do not record voices or emotions."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .. import __version__
from ..prediction import Prediction
from .limits import Slots

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

_ANSWER_BUCKETS_S: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """Counts requests and answers since the start.

    Args:
        requests, streams: the slots of the requests and live streams in progress.
    """

    def __init__(self, requests: Slots, streams: Slots) -> None:
        registry = CollectorRegistry()
        self._registry: Final = registry
        ProcessCollector(registry=registry)
        about = Gauge("emotion_edge_info", "The version of emotion-edge", ["version"], registry=registry)
        about.labels(__version__).set(1)
        self.responses: Final = Counter(
            "emotion_edge_responses",
            "Requests and sockets, by endpoint and status",
            ["endpoint", "status"],
            registry=registry,
        )
        self.answers: Final = Counter(
            "emotion_edge_answers", "Recordings answered, by model and status", ["model", "status"], registry=registry
        )
        self.answer_seconds: Final = Histogram(
            "emotion_edge_answer_seconds",
            "Time from the last byte of a recording to its answer",
            ["model"],
            buckets=_ANSWER_BUCKETS_S,
            registry=registry,
        )
        self.sound_seconds: Final = Counter(
            "emotion_edge_sound_seconds", "Sound processed, recorded and live", ["source"], registry=registry
        )
        self.vectors: Final = Counter(
            "emotion_edge_vectors", "Feature vectors answered by :predict", ["model"], registry=registry
        )
        for slots, name in ((requests, "requests"), (streams, "live_streams")):
            gauge = Gauge(
                f"emotion_edge_{name}_in_progress",
                f"The number of {name.replace('_', ' ')} in progress",
                registry=registry,
            )
            gauge.set_function(partial(getattr, slots, "n_taken"))

    def count_answer(self, prediction: Prediction, seconds: float) -> None:
        """Count an answer to a recording. This can be called in any thread."""
        self.answers.labels(prediction.model, prediction.status).inc()
        self.answer_seconds.labels(prediction.model).observe(seconds)
        self.sound_seconds.labels("recording").inc(prediction.end_s)

    def text(self) -> bytes:
        """All metrics in the text format."""
        return generate_latest(self._registry)


class CountResponses:
    """Counts each response by its endpoint, not by its path: the number of paths is unlimited.

    Args:
        app: answers the requests.
        metrics: counts the responses.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app: Final = app
        self._metrics: Final = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and count the response."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return

        async def count(message: Message) -> None:
            status = _status(message)
            if status is not None:
                endpoint: Any = scope.get("endpoint")
                name = getattr(endpoint, "__name__", type(endpoint).__name__) if endpoint else "none"
                self._metrics.responses.labels(name, str(status)).inc()
            await send(message)

        await self._app(scope, receive, count)


def _status(message: Message) -> int | None:
    """The status that a message sets, if it sets one."""
    if message["type"] in ("http.response.start", "websocket.http.response.start"):
        return int(message["status"])
    return 101 if message["type"] == "websocket.accept" else None
