"""The colours and patterns of labels in pictures and on web pages. The style sheet and the script come from this table.

The colours of emotions are at least 12 apart in OKLab (x 100), also for people who cannot see red, green or blue
(Machado et al., 2009), and are never the only difference between two labels.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final, NamedTuple

LIGHT: Final = {
    "page": "#f6f6f3", "card": "#ffffff", "ink": "#17191c", "soft": "#586068", "line": "#dfe1dc", "track": "#eceeea",
    "accent": "#0f6b52", "accent-strong": "#0a5440", "on-accent": "#ffffff",
    "wrong": "#9b1c1c", "wrong-card": "#fdf1f0",
    "angry": "#a62b10", "on-angry": "#ffffff",
    "fear": "#7d45c9", "on-fear": "#ffffff",
    "happy": "#e07a0a", "on-happy": "#101214",
    "neutral": "#4a9bb5", "on-neutral": "#101214",
    "sad": "#14307a", "on-sad": "#ffffff",
    "other-1": "#4f7a1f", "on-other-1": "#ffffff",
    "other-2": "#c2327e", "on-other-2": "#ffffff",
    "other-3": "#7a5a3c", "on-other-3": "#ffffff",
    "uncertain": "#868e96", "on-uncertain": "#17191c",
    "no-speech": "#c9ced3", "on-no-speech": "#3d444b",
}  # fmt: skip
"""Name to colour on a light background. The colour of text on top of `NAME` is called `on-NAME`."""

DARK: Final = {
    "page": "#101214", "card": "#191c1f", "ink": "#eceef0", "soft": "#a0a9b1", "line": "#2c3136", "track": "#262b30",
    "accent": "#5fd0ab", "accent-strong": "#86e2c3", "on-accent": "#07120e",
    "wrong": "#ff9d92", "wrong-card": "#2b1817",
    "angry": "#f2653a", "on-angry": "#101214",
    "fear": "#b29bf7", "on-fear": "#101214",
    "happy": "#f9d54a", "on-happy": "#101214",
    "neutral": "#84dff0", "on-neutral": "#101214",
    "sad": "#5468ee", "on-sad": "#ffffff",
    "other-1": "#9ccc65", "on-other-1": "#101214",
    "other-2": "#ff8ac4", "on-other-2": "#101214",
    "other-3": "#cfae8b", "on-other-3": "#101214",
    "uncertain": "#8b939b", "on-uncertain": "#eceef0",
    "no-speech": "#454c53", "on-no-speech": "#b6bec5",
}  # fmt: skip
"""The same on a dark background."""

KNOWN: Final = {
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
"""Label to the name of its colour, for common emotions."""

OTHERS: Final = ("other-1", "other-2", "other-3")
"""The colours of all other labels, used in turn."""

_MARKS: Final = (
    "radial-gradient(circle, var(--mark) 1px, transparent 1.4px) 0 0 / 6px 6px",
    "repeating-linear-gradient(45deg, var(--mark) 0 1.2px, transparent 1.2px 6px), "
    "repeating-linear-gradient(-45deg, var(--mark) 0 1.2px, transparent 1.2px 6px)",
    "repeating-linear-gradient(0deg, var(--mark) 0 1.2px, transparent 1.2px 5px)",
    "repeating-linear-gradient(90deg, var(--mark) 0 1.2px, transparent 1.2px 5px)",
    "radial-gradient(circle, transparent 1.4px, var(--mark) 1.8px 2.6px, transparent 3px) 0 0 / 9px 9px",
    "repeating-linear-gradient(45deg, var(--mark) 0 1.2px, transparent 1.2px 6px)",
    "repeating-linear-gradient(0deg, var(--mark) 0 1.2px, transparent 1.2px 7px), "
    "repeating-linear-gradient(90deg, var(--mark) 0 1.2px, transparent 1.2px 7px)",
)
N_PATTERNS: Final = 2 * len(_MARKS)
"""Seven kinds of marks, first light, then dark. This is not a multiple of the number of colours: only after 42 labels
do two look alike."""


class Look(NamedTuple):
    """The colour and pattern of a label.

    Attributes:
        colour: the name of the colour.
        pattern: 1 to `N_PATTERNS`; None where the colour alone is enough.
    """

    colour: str
    pattern: int | None


def looks(labels: Sequence[str]) -> dict[str, Look]:
    """Return the look of each label. Labels without their own colour share three colours, each with a pattern."""
    others = [label for label in labels if label not in KNOWN]
    own = {label: Look(OTHERS[number % len(OTHERS)], 1 + number % N_PATTERNS) for number, label in enumerate(others)}
    return {label: own.get(label) or Look(KNOWN[label], None) for label in labels}


def css() -> str:
    """Return the style sheet: colours for light and dark pages, and the patterns."""
    return "\n".join(
        [
            f":root {{ color-scheme: light dark; {_variables(LIGHT)} }}",
            f"@media (prefers-color-scheme: dark) {{ :root {{ {_variables(DARK)} }} }}",
            *(_pattern(number) for number in range(1, N_PATTERNS + 1)),
            "",
        ]
    )


def javascript() -> str:
    """Return the tables that the scripts of the web page need, as a JavaScript module."""
    table = {"KNOWN": KNOWN, "OTHERS": OTHERS, "N_PATTERNS": N_PATTERNS}
    return "".join(f"export const {name} = {json.dumps(value)};\n" for name, value in table.items())


def _variables(colours: dict[str, str]) -> str:
    return " ".join(f"--{name}: {colour};" for name, colour in colours.items())


def _pattern(number: int) -> str:
    """The style rule of a pattern: light marks first, then dark ones; the other way round on dark pages."""
    mark = "card" if number <= len(_MARKS) else "ink"
    marks = _MARKS[(number - 1) % len(_MARKS)]
    return f'[data-pattern="{number}"] {{ --mark: var(--{mark}); --pattern: {marks}; }}'
