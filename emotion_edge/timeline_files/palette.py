"""The colour of each label, the same in pictures, on pages of their own and on the served page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

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


def css() -> str:
    """The style sheet that defines the colours, for light and for dark pages."""
    return _CSS.read_text(encoding="utf-8")


def light() -> dict[str, str]:
    """Name to colour, as `#rrggbb`, on light ground; the colour of text on one is called `on-` and its name."""
    block = re.search(r":root \{(.*?)\}", css(), re.DOTALL)
    assert block is not None
    return dict(re.findall(r"--([\w-]+): (#\w{6})", block[1]))


def colour_names(labels: Sequence[str]) -> dict[str, str]:
    """The name of each label's colour; labels without a colour of their own get one of three in turn."""
    others = [label for label in labels if label not in _KNOWN]
    turns = {label: _OTHERS[number % len(_OTHERS)] for number, label in enumerate(others)}
    return {label: _KNOWN.get(label) or turns[label] for label in labels}
