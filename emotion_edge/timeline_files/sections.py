"""Windows overlap; sections do not: each moment of a recording belongs to the window with the nearest middle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ..prediction import Prediction, Status


class Section(NamedTuple):
    """The section of a recording that one window stands for.

    Attributes:
        start_s, end_s: in seconds from the start of the recording.
        prediction: the prediction of the window.
    """

    start_s: float
    end_s: float
    prediction: Prediction


class Run(NamedTuple):
    """Neighbouring sections with the same answer.

    Attributes:
        start_s, end_s: in seconds from the start of the recording.
        status, label: as in a `Prediction`.
    """

    start_s: float
    end_s: float
    status: Status
    label: str | None


def sections(windows: Iterable[Prediction]) -> Iterator[Section]:
    """Yield a section for each window, in order; there are no gaps, and the last section ends with the last window."""
    start_s = 0.0
    previous: Prediction | None = None
    for window in windows:
        if previous is not None:
            end_s = (_middle_s(previous) + _middle_s(window)) / 2
            yield Section(start_s, end_s, previous)
            start_s = end_s
        previous = window
    if previous is not None:
        yield Section(start_s, previous.end_s, previous)


def runs(parts: Iterable[Section]) -> Iterator[Run]:
    """Merge neighbours with the same status and label; yield each run as soon as it ends."""
    run: Run | None = None
    for start_s, end_s, prediction in parts:
        if run is not None and (run.status, run.label) == (prediction.status, prediction.label):
            run = run._replace(end_s=end_s)
            continue
        if run is not None:
            yield run
        run = Run(start_s, end_s, prediction.status, prediction.label)
    if run is not None:
        yield run


def _middle_s(window: Prediction) -> float:
    return (window.start_s + window.end_s) / 2
