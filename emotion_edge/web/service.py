"""What the endpoints share: models, limits and counters."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, cast

from anyio import CancelScope, move_on_after
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from ..classifier import EmotionClassifier
from ..errors import ServerError
from .limits import Deadline, Limits, Slots
from .metrics import Metrics


class Service:
    """The models, each loaded once, and the limits for requests.

    Args:
        classifiers: one for each model; the first is the default.
        limits: the limits for requests.

    Raises:
        ServerError: two models have the same name.
    """

    def __init__(self, classifiers: Sequence[EmotionClassifier], limits: Limits) -> None:
        self.models: Final = {classifier.recipe.name: classifier for classifier in classifiers}
        if len(self.models) < len(classifiers):
            names = ", ".join(classifier.recipe.name for classifier in classifiers)
            raise ServerError(f"requests choose a model by name, but these names are not all different: {names}")
        self.default: Final = classifiers[0].recipe.name
        self.limits: Final = limits
        self.requests: Final = Slots(limits.at_once, "requests")
        self.streams: Final = Slots(limits.at_once, "live streams")
        self.metrics: Final = Metrics(self.requests, self.streams)
        self._stopping: Final = threading.Event()
        self._receiving: Final[set[CancelScope]] = set()

    def model(self, name: str | None) -> EmotionClassifier:
        """The model with a name, or the default model without one.

        Raises:
            HTTPException: 404, there is no such model.
        """
        classifier = self.models.get(name or self.default)
        if classifier is None:
            raise HTTPException(404, f"unknown model {name!r}: wanted one of {', '.join(self.models)}")
        return classifier

    @contextmanager
    def receiving(self) -> Iterator[None]:
        """Limit the time in which the `with` block receives a body.

        Raises:
            HTTPException: 408, it took too long; 503, the server stops.
        """
        with move_on_after(self.limits.timeout_s) as scope:
            self._receiving.add(scope)
            try:
                yield
            finally:
                self._receiving.discard(scope)
        if scope.cancelled_caught:
            self.deadline().check()
            raise HTTPException(408, f"the body did not arrive within {self.limits.timeout_s:g} s")

    def deadline(self) -> Deadline:
        """The deadline of a request that was received just now."""
        return Deadline(self.limits.timeout_s, self._stopping)

    def stop(self) -> None:
        """End all requests at once with 503. Call this only in the thread of the event loop."""
        self._stopping.set()
        for scope in self._receiving:
            scope.cancel()

    def describe(self) -> dict[str, Any]:
        """The models and the limits, ready for JSON."""
        return {
            "default": self.default,
            "models": [_describe(classifier) for classifier in self.models.values()],
            "limits": {
                "upload_bytes": self.limits.upload_bytes,
                "sound_s": self.limits.sound_s,
                "timeout_s": self.limits.timeout_s,
                "at_once": self.limits.at_once,
            },
        }


def service_of(connection: HTTPConnection[Any]) -> Service:
    """The service of a request or a socket."""
    return cast(Service, connection.app.state.service)


def _describe(classifier: EmotionClassifier) -> dict[str, Any]:
    recipe = classifier.recipe
    return {
        "name": recipe.name,
        "labels": list(recipe.labels),
        "n_features": recipe.n_features,
        "sample_rate_hz": recipe.mfcc.sample_rate_hz,
        "window_s": recipe.window_s,
        "step_s": recipe.step_s,
        "uncertain_below": recipe.uncertain_below,
        "licence": recipe.licence,
        "corpora": list(recipe.corpora),
        "protocol": recipe.protocol,
        "scores": dict(recipe.scores),
    }
