"""Where there is room for the name of a label inside its ribbon."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .overview import Column, Overview

Array = NDArray[Any]


class Place(NamedTuple):
    """The centre of a name.

    Attributes:
        label: the name.
        at_s: position in seconds from the start of the recording.
        height: position on the vertical axis, 0 to 1.
    """

    label: str
    at_s: float
    height: float


def direct_labels(overview: Overview, *, widths_s: Mapping[str, float], least_share: float) -> Iterator[Place]:
    """Yield at most one place for each label in each section of speech.

    It is where the ribbon is thickest over the whole width of the name. Ribbons of uncertain columns are left free.

    Args:
        overview: the windows that are drawn.
        widths_s: the width of each name on the time axis, in seconds.
        least_share: how thick a ribbon must be to hold a name, as a share of the height.
    """
    for columns in overview.speech():
        shares = np.array([column.probabilities for column in columns])
        uncertain = np.array([column.status == "uncertain" for column in columns])
        for number, label in enumerate(overview.labels):
            top = shares[:, : number + 1].sum(axis=1)
            bottom = np.where(uncertain, top, top - shares[:, number])
            best = _thickest(columns, bottom, top, widths_s[label])
            if best is not None and best[0] > least_share:
                yield Place(label, best[1], best[2])


def _thickest(columns: list[Column], bottom: Array, top: Array, wide_s: float) -> tuple[float, float, float] | None:
    """The thickness of the ribbon at the best place, and the time and height of its centre; None without room."""
    best = None
    last = 0
    for first, column in enumerate(columns):
        while last < len(columns) and columns[last].end_s - column.start_s < wide_s:
            last += 1
        if last == len(columns):
            break
        low, high = bottom[first : last + 1].max(), top[first : last + 1].min()
        if best is None or high - low > best[0]:
            best = float(high - low), (column.start_s + columns[last].end_s) / 2, float(low + high) / 2
    return best
