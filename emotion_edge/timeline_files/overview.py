"""The windows of a recording of any length, merged until they fit on a screen, in little memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..prediction import Status
from .sections import Run, Section

Array = NDArray[Any]


@dataclass(frozen=True)
class Column:
    """One or more neighbouring sections, drawn as one.

    Attributes:
        start_s, end_s: in seconds from the start of the recording.
        n_ok, n_uncertain, n_no_speech: the number of windows of each status.
        total: shape (n_labels,), the sum of the probabilities of the windows with speech.
    """

    start_s: float
    end_s: float
    n_ok: int
    n_uncertain: int
    n_no_speech: int
    total: Array

    @classmethod
    def of(cls, section: Section, labels: Sequence[str]) -> Column:
        """The column of a single section."""
        status, shares = section.prediction.status, section.prediction.probabilities
        return cls(
            section.start_s,
            section.end_s,
            int(status == "ok"),
            int(status == "uncertain"),
            int(status == "no_speech"),
            np.array([shares.get(label, 0.0) for label in labels]),
        )

    def __add__(self, after: Column) -> Column:
        return Column(
            self.start_s,
            after.end_s,
            self.n_ok + after.n_ok,
            self.n_uncertain + after.n_uncertain,
            self.n_no_speech + after.n_no_speech,
            self.total + after.total,
        )

    @property
    def status(self) -> Status:
        """The status of most of its windows; in a tie, `ok` comes before `uncertain`, and both before `no_speech`."""
        if self.n_no_speech > self.n_ok + self.n_uncertain:
            return "no_speech"
        return "uncertain" if self.n_uncertain > self.n_ok else "ok"

    @property
    def probabilities(self) -> Array:
        """The mean probabilities of the windows with speech, shape (n_labels,); zeros if there are none."""
        return np.asarray(self.total / max(1, self.n_ok + self.n_uncertain))

    @property
    def best(self) -> int:
        """The index of the most likely label."""
        return int(self.total.argmax())


class Overview:
    """The windows of a recording in a limited number of columns.

    When there are too many columns, each pair of neighbours is merged into one.

    Args:
        labels: the labels of the model.
        most: the largest number of columns, an even number.

    Attributes:
        columns: from the start of the recording to its end, without gaps.
        seconds: how long each label, `uncertain` or `no_speech` was the answer; counted before columns are merged.
        n_windows: how many windows were processed so far.
        windows_per_column: a power of two; the last column may have fewer.
    """

    def __init__(self, labels: Sequence[str], most: int = 512) -> None:
        self.labels: Final = tuple(labels)
        self.columns: list[Column] = []
        self.seconds: Final[defaultdict[str, float]] = defaultdict(float)
        self.n_windows = 0
        self._most: Final = most
        self.windows_per_column = 1

    def process(self, section: Section) -> None:
        """Add the next section."""
        column = Column.of(section, self.labels)
        if self.n_windows % self.windows_per_column:
            self.columns[-1] += column
        else:
            self.columns.append(column)
        self.n_windows += 1
        prediction = section.prediction
        answer = prediction.label if prediction.status == "ok" and prediction.label else prediction.status
        self.seconds[answer] += section.end_s - section.start_s
        if len(self.columns) > self._most:
            odd = self.columns[-1:] if len(self.columns) % 2 else []
            self.columns = [
                one + other for one, other in zip(self.columns[::2], self.columns[1::2], strict=False)
            ] + odd
            self.windows_per_column *= 2

    @property
    def end_s(self) -> float:
        """Where the last column ends; 0 if there is none."""
        return self.columns[-1].end_s if self.columns else 0.0

    def likeliest(self, count: int) -> list[str]:
        """At most `count` labels: those with the largest shares of the whole recording, in the order of the model."""
        shares = sum((column.total for column in self.columns), np.zeros(len(self.labels)))
        return [self.labels[number] for number in sorted(np.argsort(-shares, kind="stable")[:count])]

    def runs(self) -> list[Run]:
        """Neighbouring columns with the same answer, merged; uncertain ones have no label."""
        return [
            Run(same[0].start_s, same[-1].end_s, status, label)
            for (status, label), group in groupby(self.columns, key=self._answer)
            for same in [list(group)]
        ]

    def speech(self) -> Iterator[list[Column]]:
        """Neighbouring columns with speech, from one gap to the next."""
        for spoken, columns in groupby(self.columns, key=lambda column: column.status != "no_speech"):
            if spoken:
                yield list(columns)

    def _answer(self, column: Column) -> tuple[Status, str | None]:
        return column.status, self.labels[column.best] if column.status == "ok" else None
