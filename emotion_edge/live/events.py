"""From answers about windows to events: a label is entered, held and left."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..prediction import rounded
from ..speech.utterances import Window
from .settings import ListenSettings

Array = NDArray[Any]
Kind: TypeAlias = Literal["enter", "hold", "leave"]

_ROUNDING_S: Final = 1e-6


@dataclass(frozen=True)
class Event:
    """What happened to a label.

    Attributes:
        kind: `enter`: from now on the voice carries it; `hold`: at each further decision; `leave`: it does no more.
        status: `ok`, or `uncertain`: somebody speaks, and no label is likely enough.
        label: the emotion; None while it is uncertain.
        confidence: its probability, smoothed over time, 0 to 1; the highest one's while it is uncertain.
        probabilities: of every label, smoothed, in the model's order.
        start_s: where the label began, in seconds from the start of the stream.
        end_s: until where it is known to last: where it ended, once it is left.
        time: `end_s` by the clock on the wall, UTC; of a file as if it were played from when it is read.
        model: the name of the model.
    """

    kind: Kind
    status: Literal["ok", "uncertain"]
    label: str | None
    confidence: float
    probabilities: Mapping[str, float]
    start_s: float
    end_s: float
    time: datetime
    model: str

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, numbers rounded to 6 digits."""
        return {
            "event": self.kind,
            "status": self.status,
            "label": self.label,
            "confidence": rounded(self.confidence),
            "probabilities": {label: rounded(value) for label, value in self.probabilities.items()},
            "start_s": rounded(self.start_s),
            "end_s": rounded(self.end_s),
            "time": self.time.isoformat(timespec="milliseconds"),
            "model": self.model,
        }

    def __str__(self) -> str:
        return f"{self.kind} {self.label or 'uncertain'} {self.confidence:.2f}  {self.start_s:.1f}-{self.end_s:.1f} s"


class Smoothing:
    """An average over the answers about the windows of an utterance, with a time constant.

    While a window grows with its utterance it holds all that was said, so what came before is in it already.
    """

    def __init__(self, smoothing_s: float) -> None:
        self._time_constant_s: Final = smoothing_s
        self._utterance_start_s = -1.0
        self._heard_until_s = 0.0
        self._average: Array | None = None

    def __call__(self, window: Window, answer: Array) -> Array:
        """The average up to this window, whose own answer has shape (n,)."""
        begins = window.utterance_start_s != self._utterance_start_s
        if self._average is None or begins or window.start_s <= window.utterance_start_s or not self._time_constant_s:
            average = answer
        else:
            share = math.exp(-(window.end_s - self._heard_until_s) / self._time_constant_s)
            average = np.asarray(share * self._average + (1 - share) * answer)
        self._utterance_start_s, self._heard_until_s, self._average = window.utterance_start_s, window.end_s, average
        return average


class _Verdict(NamedTuple):
    """A label that is held or may come to be: its number, or None for uncertain.

    Attributes:
        start_s: where it began.
        since_s: since when it has been the choice; later than `start_s` where the first windows had no answer.
    """

    label: int | None
    start_s: float
    since_s: float


class EventTracker:
    """Smooths the answers about one window after the other, and says when the verdict changes.

    A label is entered when it has been likely enough for long enough, and then kept while it is nearly so: a voice
    between two labels does not flicker. No label outlasts its utterance.

    Args:
        labels: in the order of the probabilities.
        model: its name.
        settings: as `ListenSettings.for_model` makes them.
        clock: the time on the wall of a second of the stream.
    """

    def __init__(
        self, labels: Sequence[str], model: str, settings: ListenSettings, clock: Callable[[float], datetime]
    ) -> None:
        self._labels: Final = tuple(labels)
        self._model: Final = model
        self._settings: Final = settings
        self._clock: Final = clock
        self._smooth: Final = Smoothing(settings.smoothing_s)
        self._utterance_start_s = -1.0
        self._heard_until_s = 0.0  # the end of the last window
        self._smoothed: Array | None = None  # of the last window, unless nobody spoke in it
        self._candidate: _Verdict | None = None
        self._held: _Verdict | None = None
        self._held_until_s = 0.0
        self._held_probabilities: Array = np.zeros(len(self._labels))
        self._left_s: dict[int | None, float] = {}

    @property
    def verdict(self) -> str | None:
        """The label that is held, or `uncertain`; None where nothing is."""
        return None if self._held is None else self._name(self._held.label) or "uncertain"

    @property
    def probabilities(self) -> Mapping[str, float]:
        """Of every label, smoothed; empty while nobody speaks."""
        return {} if self._smoothed is None else self._by_label(self._smoothed)

    def process(self, window: Window, probabilities: Array | None) -> list[Event]:
        """Take the answer about a window: shape (n_labels,), or None where it is no speech."""
        if window.utterance_start_s != self._utterance_start_s:
            self._utterance_start_s = self._heard_until_s = window.utterance_start_s
            self._candidate = None
        self._smoothed = None if probabilities is None else self._smooth(window, probabilities)
        events = self._leave(self._held_until_s) if self._smoothed is None else self._weigh(window, self._smoothed)
        if window.over:
            events += self._leave(window.end_s)
            self._smoothed = None
        self._heard_until_s = window.end_s
        return events

    def _weigh(self, window: Window, smoothed: Array) -> list[Event]:
        choice = self._choose(smoothed)
        if self._held is not None and choice == self._held.label:
            self._candidate = None
        elif self._candidate is None or choice != self._candidate.label:
            self._candidate = _Verdict(choice, self._start_s(window), self._heard_until_s)
        kind: Kind = "hold"
        events = []
        if self._candidate is not None and self._may_enter(self._candidate, window):
            events = self._leave(self._candidate.since_s)
            kind, self._held, self._candidate = "enter", self._candidate, None
        if self._held is not None:
            self._held_until_s, self._held_probabilities = window.end_s, smoothed
            if kind == "enter" or not window.over:  # a last window has its `leave`
                events.append(self._event(kind, self._held, window.end_s))
        return events

    def _choose(self, smoothed: Array) -> int | None:
        """The label that is held while it is likely enough to stay, else the likeliest, or None: uncertain."""
        held = None if self._held is None else self._held.label
        if held is not None and smoothed[held] >= self._settings.leave_below:
            return held
        best = int(smoothed.argmax())
        return best if smoothed[best] >= self._settings.enter_above else None

    def _start_s(self, window: Window) -> float:
        if self._held is None and window.start_s <= window.utterance_start_s:
            return window.utterance_start_s
        return self._heard_until_s

    def _may_enter(self, candidate: _Verdict, window: Window) -> bool:
        long_enough = window.end_s - candidate.since_s >= self._settings.minimum_s - _ROUNDING_S
        rested = window.end_s - self._left_s.get(candidate.label, -math.inf) >= self._settings.refractory_s
        last_chance = window.over and self._held is None
        return (long_enough or last_chance) and (rested or candidate.label is None)

    def _leave(self, end_s: float) -> list[Event]:
        if self._held is None:
            return []
        left, self._held = self._held, None
        self._left_s[left.label] = end_s
        return [self._event("leave", left, max(end_s, left.start_s))]

    def _event(self, kind: Kind, verdict: _Verdict, end_s: float) -> Event:
        probabilities = self._held_probabilities
        return Event(
            kind=kind,
            status="uncertain" if verdict.label is None else "ok",
            label=self._name(verdict.label),
            confidence=float(probabilities.max() if verdict.label is None else probabilities[verdict.label]),
            probabilities=self._by_label(probabilities),
            start_s=verdict.start_s,
            end_s=end_s,
            time=self._clock(end_s),
            model=self._model,
        )

    def _name(self, label: int | None) -> str | None:
        return None if label is None else self._labels[label]

    def _by_label(self, probabilities: Array) -> dict[str, float]:
        return dict(zip(self._labels, probabilities.tolist(), strict=True))
