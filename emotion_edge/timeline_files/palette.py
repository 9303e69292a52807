"""How each label looks: the same colours and patterns in pictures, on pages of their own and on the served page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

_CSS: Final = Path(__file__).parents[1] / "web" / "static" / "palette.css"

# As web/static/labels.js has them.
_KNOWN: Final = {
    "angry": "angry",
    "anger": "angry",
    "fear": "fear",
    "fearful": "fear",
    "happy": "happy",
    "happiness": "happy",
    "neutral": "neutral",
    "sad": "sad",
    "sadness": "sad",
}
_OTHERS: Final = ("other-1", "other-2", "other-3")
N_PATTERNS: Final = 14
"""Seven kinds of marks, light and then dark. No multiple of the number of colours: it takes 42 labels until two look alike."""


class Look(NamedTuple):
    """What a label is drawn with.

    Attributes:
        colour: its name.
        pattern: 1 to `N_PATTERNS`; None where the colour alone tells everybody.
    """

    colour: str
    pattern: int | None


def css() -> str:
    """The style sheet that defines the colours, for light and for dark pages."""
    return _CSS.read_text(encoding="utf-8")


def light() -> dict[str, str]:
    """Name to colour, as `#rrggbb`, on light ground; the colour of text on one is called `on-` and its name."""
    block = re.search(r":root \{(.*?)\}", css(), re.DOTALL)
    assert block is not None
    return dict(re.findall(r"--([\w-]+): (#\w{6})", block[1]))


def looks(labels: Sequence[str]) -> dict[str, Look]:
    """Of each label; those without a colour of their own get one of three in turn, and a pattern."""
    others = [label for label in labels if label not in _KNOWN]
    own = {label: Look(_OTHERS[number % len(_OTHERS)], 1 + number % N_PATTERNS) for number, label in enumerate(others)}
    return {label: own.get(label) or Look(_KNOWN[label], None) for label in labels}
