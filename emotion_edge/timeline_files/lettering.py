"""Measure text in a picture, and shorten or wrap it to fit. The current style of matplotlib applies."""

from __future__ import annotations

import re
from bisect import bisect_right


def on_one_line(text: str) -> str:
    """The text with each run of white space replaced by a single space."""
    return " ".join(text.split())


def width_pt(text: str, size_pt: float, weight: str = "normal") -> float:
    """The width in typographic points, as in a vector file; on a screen, pixels make it a little wider or narrower."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=size_pt, weight=weight)
    return float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0])


def shortened(text: str, room_pt: float, size_pt: float, weight: str = "normal") -> str:
    """The text, with its middle left out if it would be wider than the room."""
    if width_pt(text, size_pt, weight) <= room_pt:
        return text
    kept = range(1, len(text))
    n_fitting = bisect_right(kept, room_pt, key=lambda n: width_pt(_without_middle(text, n), size_pt, weight))
    return _without_middle(text, n_fitting)


def wrapped(text: str, room_pt: float, size_pt: float) -> str:
    """The text on one line, or on two with the second shortened. If the first word does not fit: one shortened line."""
    if width_pt(text, size_pt) <= room_pt:
        return text
    cuts = [gap.end() for gap in re.finditer(r"[\s_/-]+", text) if gap.start() > 0 and gap.end() < len(text)]
    fitting = [cut for cut in cuts if width_pt(text[:cut].rstrip(), size_pt) <= room_pt]
    if not fitting:
        return shortened(text, room_pt, size_pt)
    return f"{text[: fitting[-1]].rstrip()}\n{shortened(text[fitting[-1] :], room_pt, size_pt)}"


def _without_middle(text: str, n_kept: int) -> str:
    n_last = n_kept // 2
    return f"{text[: n_kept - n_last]}…{text[len(text) - n_last :]}"
