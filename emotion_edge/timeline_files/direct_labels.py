"""Where the name of a label fits into its ribbon."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .overview import Overview, Span

Array = NDArray[Any]


class Place(NamedTuple):
    """The middle of a name.

    Attributes:
        label: the name.
        at_s: in seconds from the start of the recording.
        height: 0 to 1.
    """

    label: str
    at_s: float
    height: float


def direct_labels(overview: Overview, *, widths_s: Mapping[str, float], least_share: float) -> Iterator[Place]:
    """One place a stretch of speech at most for each label: where its ribbon, nowhere uncertain, is thickest for as long as
    its name is.

    Args:
        overview: what is drawn.
        widths_s: of each name, on the time axis.
        least_share: of the height, how thick a ribbon must be to hold a name.
    """
    for spans in overview.speech():
        shares = np.array([span.probabilities for span in spans])
        uncertain = np.array([span.status == "uncertain" for span in spans])
        for number, label in enumerate(overview.labels):
            top = shares[:, : number + 1].sum(axis=1)
            bottom = np.where(uncertain, top, top - shares[:, number])
            best = _thickest(spans, bottom, top, widths_s[label])
            if best is not None and best[0] > least_share:
                yield Place(label, best[1], best[2])


def _thickest(spans: list[Span], bottom: Array, top: Array, wide_s: float) -> tuple[float, float, float] | None:
    """How thick the ribbon is along the best place, its time and its height; None where there is no room."""
    best = None
    last = 0
    for first, span in enumerate(spans):
        while last < len(spans) and spans[last].end_s - span.start_s < wide_s:
            last += 1
        if last == len(spans):
            break
        low, high = bottom[first : last + 1].max(), top[first : last + 1].min()
        if best is None or high - low > best[0]:
            best = float(high - low), (span.start_s + spans[last].end_s) / 2, float(low + high) / 2
    return best
