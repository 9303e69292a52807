"""Turns the probabilities of windows into events: a label is entered, held and left."""

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
    """A change, or confirmation, of the emotion in a stream.

    Attributes:
        kind: `enter`: the label begins. `hold`: a further decision confirms it. `leave`: the label ends.
        status: `ok`, or `uncertain`: there is speech, but no label is likely enough.
        label: the emotion; None if uncertain.
        confidence: the smoothed probability of the label, 0 to 1; if uncertain, the highest probability.
        probabilities: the smoothed probability of every label, in the model's order.
        start_s: when the label began, in seconds from the start of the stream.
        end_s: the end of the last window that has this label, in seconds from the start of the stream.
        time: `end_s` as date and time, UTC. For a file: as if playback had started when it was opened.
        model: the name of the model.

    Examples:
        >>> from emotion_edge import FileSource, Listener
        >>> with Listener(source=FileSource("hello.wav")) as listener:
        ...     first, *others = listener
        >>> first.kind, first.status, first.label
        ('enter', 'ok', 'neutral')
        >>> print(first)
        enter neutral 0.86  0.0-2.4 s
        >>> sorted(first.to_dict())[:4]
        ['confidence', 'end_s', 'event', 'label']
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
        """Return a dictionary for JSON, with numbers rounded to 6 decimals.

        Its keys are `event` (the kind), `status`, `label`, `confidence`, `probabilities`, `start_s`, `end_s`,
        `time` (ISO 8601 with milliseconds) and `model`.
        """
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
    """Averages the probabilities of the windows of an utterance over time, exponentially.

    At the start of an utterance each window begins where the utterance does and so contains the windows before it.
    The average begins when the window slides.
    """

    def __init__(self, smoothing_s: float) -> None:
        self._time_constant_s: Final = smoothing_s
        self._utterance_start_s = -1.0
        self._last_end_s = 0.0
        self._average: Array | None = None

    def __call__(self, window: Window, answer: Array) -> Array:
        """Return the average up to and including this window.

        Args:
            window: the window.
            answer: its probabilities, shape (n,).
        """
        begins = window.utterance_start_s != self._utterance_start_s
        if self._average is None or begins or window.start_s <= window.utterance_start_s or not self._time_constant_s:
            average = answer
        else:
            share = math.exp(-(window.end_s - self._last_end_s) / self._time_constant_s)
            average = np.asarray(share * self._average + (1 - share) * answer)
        self._utterance_start_s, self._last_end_s, self._average = window.utterance_start_s, window.end_s, average
        return average


class _Verdict(NamedTuple):
    """A label that is held, or a candidate.

    Attributes:
        label: its index, or None for uncertain.
        start_s: when it began.
        since_s: when it was first the best choice; later than `start_s` if the first windows had no answer.
    """

    label: int | None
    start_s: float
    since_s: float


class EventTracker:
    """Smooths the probabilities of successive windows and reports when the label changes.

    A label is entered when it has been likely enough for long enough. It is then kept as long as its probability
    stays above a second, lower threshold, so that a voice between two labels does not flicker. A label never outlasts
    its utterance.

    Args:
        labels: in the order of the probabilities.
        model: the name of the model.
        settings: from `ListenSettings.for_model`.
        clock: converts seconds of the stream to date and time.
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
        self._last_end_s = 0.0  # the end of the last window
        self._smoothed: Array | None = None  # of the last window; None if there was no speech in it
        self._candidate: _Verdict | None = None
        self._held: _Verdict | None = None
        self._held_until_s = 0.0
        self._held_probabilities: Array = np.zeros(len(self._labels))
        self._left_s: dict[int | None, float] = {}

    @property
    def verdict(self) -> str | None:
        """The label that is held, or `uncertain`; None if there is neither."""
        return None if self._held is None else self._name(self._held.label) or "uncertain"

    @property
    def probabilities(self) -> Mapping[str, float]:
        """The smoothed probability of every label; empty while there is no speech."""
        return {} if self._smoothed is None else self._by_label(self._smoothed)

    def process(self, window: Window, probabilities: Array | None) -> list[Event]:
        """Process one window and return its events.

        Args:
            window: the window.
            probabilities: shape (n_labels,), or None if the window is not speech.
        """
        if window.utterance_start_s != self._utterance_start_s:
            self._utterance_start_s = self._last_end_s = window.utterance_start_s
            self._candidate = None
        self._smoothed = None if probabilities is None else self._smooth(window, probabilities)
        events = self._leave(self._held_until_s) if self._smoothed is None else self._update(window, self._smoothed)
        if window.over:
            events += self._leave(window.end_s)
            self._smoothed = None
        self._last_end_s = window.end_s
        return events

    def _update(self, window: Window, smoothed: Array) -> list[Event]:
        choice = self._choose(smoothed)
        if self._held is not None and choice == self._held.label:
            self._candidate = None
        elif self._candidate is None or choice != self._candidate.label:
            self._candidate = _Verdict(choice, self._start_s(window), self._last_end_s)
        kind: Kind = "hold"
        events = []
        if self._candidate is not None and self._may_enter(self._candidate, window):
            events = self._leave(self._candidate.since_s)
            kind, self._held, self._candidate = "enter", self._candidate, None
        if self._held is not None:
            self._held_until_s, self._held_probabilities = window.end_s, smoothed
            if kind == "enter" or not window.over:  # the last window gets a `leave` instead
                events.append(self._event(kind, self._held, window.end_s))
        return events

    def _choose(self, smoothed: Array) -> int | None:
        """Return the held label if it is likely enough to stay, else the most likely label, or None for uncertain."""
        held = None if self._held is None else self._held.label
        if held is not None and smoothed[held] >= self._settings.leave_below:
            return held
        best = int(smoothed.argmax())
        return best if smoothed[best] >= self._settings.enter_above else None

    def _start_s(self, window: Window) -> float:
        """Return when a label begins that becomes the best one with this window."""
        if self._held is None and window.start_s <= window.utterance_start_s:
            # The window has all of the utterance, but an earlier label may have ended within it.
            return max([window.utterance_start_s, *self._left_s.values()])
        return self._last_end_s

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
