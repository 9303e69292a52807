"""One row of a corpus."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

SEXES: Final = ("female", "male")
"""What `Utterance.sex` is where it is known."""


@dataclass(frozen=True)
class Utterance:
    """One labelled recording.

    Attributes:
        file: where it is.
        speaker: who speaks, as the corpus calls them; empty where nobody knows.
        word: what is said, as far as the corpus tells.
        emotion: how it is said, or whatever else the label is.
        corpus: where it comes from.
        sex: of who speaks: female, male, or empty where the corpus does not tell.
    """

    file: Path
    speaker: str
    word: str
    emotion: str
    corpus: str
    sex: str = ""
