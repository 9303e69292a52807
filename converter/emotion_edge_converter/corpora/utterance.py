"""One row of the table of a corpus."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

SEXES: Final = ("female", "male")
"""The values of `Utterance.sex` when it is known."""


@dataclass(frozen=True)
class Utterance:
    """One labelled recording.

    Attributes:
        file: path of the recording.
        speaker: name of the speaker in the corpus; empty if unknown.
        word: what is said, as far as the corpus states it.
        emotion: the label, usually the emotion.
        corpus: name of the corpus.
        sex: sex of the speaker: female, male, or empty if the corpus does not state it.
    """

    file: Path
    speaker: str
    word: str
    emotion: str
    corpus: str
    sex: str = ""
