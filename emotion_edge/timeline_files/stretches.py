"""Windows overlap; stretches do not: each moment of a recording belongs to the window whose middle is nearest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ..prediction import Prediction, Status


class Stretch(NamedTuple):
    """What one window stands for.

    Attributes:
        start_s, end_s: of it, in seconds from the start of the recording.
        prediction: the window's.
    """

    start_s: float
    end_s: float
    prediction: Prediction


class Run(NamedTuple):
    """Neighbours that say the same.

    Attributes:
        start_s, end_s: of them all, in seconds from the start of the recording.
        status, label: as a `Prediction` has them.
    """

    start_s: float
    end_s: float
    status: Status
    label: str | None


def stretches(windows: Iterable[Prediction]) -> Iterator[Stretch]:
    """A stretch for each window, in their order; they have no gaps, and end where the last window does."""
    start_s = 0.0
    previous: Prediction | None = None
    for window in windows:
        if previous is not None:
            end_s = (_middle_s(previous) + _middle_s(window)) / 2
            yield Stretch(start_s, end_s, previous)
            start_s = end_s
        previous = window
    if previous is not None:
        yield Stretch(start_s, previous.end_s, previous)


def runs(parts: Iterable[Stretch]) -> Iterator[Run]:
    """Neighbours of the same status and label as one; each as soon as it is over."""
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
