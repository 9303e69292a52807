"""The Berlin database of emotional speech: ten German actors.

Burkhardt, Paeschke, Rolfes, Sendlmeier & Weiss (2005), "A database of German emotional speech", Interspeech,
http://emodb.bilderbar.info. Free to use, please cite.

A file name holds the speaker, text, emotion (the first letter of its German name) and version: 03a01Fa.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from .names import FEMALE, MALE, distinct, recordings
from .utterance import Utterance

NAME: Final = "emodb"

_SEXES: Final = {
    **dict.fromkeys(("03", "10", "11", "12", "15"), MALE),
    **dict.fromkeys(("08", "09", "13", "14", "16"), FEMALE),
}
_TEXTS: Final = ("a01", "a02", "a04", "a05", "a07", "b01", "b02", "b03", "b09", "b10")
_EMOTIONS: Final = {
    "W": "angry",  # Wut
    "L": "boredom",  # Langeweile
    "E": "disgust",  # Ekel
    "A": "fear",  # Angst
    "F": "happy",  # Freude
    "T": "sad",  # Trauer
    "N": "neutral",
}
_FORM: Final = "SPEAKER TEXT EMOTION VERSION such as 03a01Fa"
_PATTERN: Final = re.compile(
    rf"(?P<speaker>{'|'.join(_SEXES)})(?P<text>{'|'.join(_TEXTS)})(?P<emotion>[{''.join(_EMOTIONS)}])(?P<version>[a-z])",
    re.IGNORECASE,
)


def read(folder: Path) -> list[Utterance]:
    """All recordings below a folder with a matching file name, each sound once. A warning names every other file."""
    return distinct(
        Utterance(
            file,
            speaker=match["speaker"],
            word=match["text"].lower(),
            emotion=_EMOTIONS[match["emotion"].upper()],
            corpus=NAME,
            sex=_SEXES[match["speaker"]],
        )
        for file, match in recordings(folder, _PATTERN, _FORM)
    )
