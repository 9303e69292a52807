"""What fits on a screen of the windows of a recording of any length, in little memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..prediction import Status
from .stretches import Run, Stretch

Array = NDArray[Any]


@dataclass(frozen=True)
class Span:
    """One or more neighbouring stretches.

    Attributes:
        start_s, end_s: in seconds from the start of the recording.
        n_ok, n_uncertain, n_no_speech: windows of each status.
        total: shape (n_labels,), the probabilities of those with speech, added up.
    """

    start_s: float
    end_s: float
    n_ok: int
    n_uncertain: int
    n_no_speech: int
    total: Array

    @classmethod
    def of(cls, stretch: Stretch, labels: Sequence[str]) -> Span:
        """That of one stretch."""
        status, shares = stretch.prediction.status, stretch.prediction.probabilities
        return cls(
            stretch.start_s,
            stretch.end_s,
            int(status == "ok"),
            int(status == "uncertain"),
            int(status == "no_speech"),
            np.array([shares.get(label, 0.0) for label in labels]),
        )

    def __add__(self, after: Span) -> Span:
        return Span(
            self.start_s,
            after.end_s,
            self.n_ok + after.n_ok,
            self.n_uncertain + after.n_uncertain,
            self.n_no_speech + after.n_no_speech,
            self.total + after.total,
        )

    @property
    def status(self) -> Status:
        """What most of its windows say; of a tie what says more."""
        if self.n_no_speech > self.n_ok + self.n_uncertain:
            return "no_speech"
        return "uncertain" if self.n_uncertain > self.n_ok else "ok"

    @property
    def probabilities(self) -> Array:
        """Shape (n_labels,): their mean over the windows with speech; zeros where there are none."""
        return np.asarray(self.total / max(1, self.n_ok + self.n_uncertain))

    @property
    def best(self) -> int:
        """The number of the likeliest label."""
        return int(self.total.argmax())


class Overview:
    """The windows of a recording, at most so many; when there are more, two neighbours become one.

    Args:
        labels: the model's.
        most: spans; even.

    Attributes:
        spans: from the start of the recording to its end, without gaps.
        seconds: how long each label was said, or `uncertain` or `no_speech`; of the windows, before any become one.
        n_windows: so far.
        windows_a_span: a power of two; the last span may have fewer.
    """

    def __init__(self, labels: Sequence[str], most: int = 512) -> None:
        self.labels: Final = tuple(labels)
        self.spans: list[Span] = []
        self.seconds: Final[defaultdict[str, float]] = defaultdict(float)
        self.n_windows = 0
        self._most: Final = most
        self.windows_a_span = 1

    def process(self, stretch: Stretch) -> None:
        """Take the next one."""
        span = Span.of(stretch, self.labels)
        if self.n_windows % self.windows_a_span:
            self.spans[-1] += span
        else:
            self.spans.append(span)
        self.n_windows += 1
        prediction = stretch.prediction
        said = prediction.label if prediction.status == "ok" and prediction.label else prediction.status
        self.seconds[said] += stretch.end_s - stretch.start_s
        if len(self.spans) > self._most:
            odd = self.spans[-1:] if len(self.spans) % 2 else []
            self.spans = [one + other for one, other in zip(self.spans[::2], self.spans[1::2], strict=False)] + odd
            self.windows_a_span *= 2

    @property
    def end_s(self) -> float:
        """Where the last span ends; 0 without any."""
        return self.spans[-1].end_s if self.spans else 0.0

    def likeliest(self, count: int) -> list[str]:
        """So many labels at most, those with the largest shares of all of it; in the order of the model's."""
        shares = sum((span.total for span in self.spans), np.zeros(len(self.labels)))
        return [self.labels[number] for number in sorted(np.argsort(-shares, kind="stable")[:count])]

    def runs(self) -> list[Run]:
        """Neighbouring spans that say the same, as one; of uncertain ones no label is told."""
        return [
            Run(same[0].start_s, same[-1].end_s, status, label)
            for (status, label), group in groupby(self.spans, key=self._said)
            for same in [list(group)]
        ]

    def speech(self) -> Iterator[list[Span]]:
        """Neighbouring spans with speech, from one gap to the next."""
        for spoken, spans in groupby(self.spans, key=lambda span: span.status != "no_speech"):
            if spoken:
                yield list(spans)

    def _said(self, span: Span) -> tuple[Status, str | None]:
        return span.status, self.labels[span.best] if span.status == "ok" else None
