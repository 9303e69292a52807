"""Emotional speech in Spanish, collected by R. Cebrián: sixteen speakers, seven emotions.

https://github.com/rcebrian/speech-emotion-recognition. Its licence is not stated.

A folder a speaker, below `data` (0 to 13) or `tests` (Test1, Test2); names are the emotion in Spanish and a number:
data/0/Alegria_1.WAV.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from .names import distinct, recordings
from .utterance import Utterance

NAME: Final = "es-rcebrian"

_EMOTIONS: Final = {
    "alegria": "happy",
    "asco": "disgust",
    "ira": "angry",
    "miedo": "fear",
    "neutro": "neutral",
    "sorpresa": "surprise",
    "tristeza": "sad",
}
_FORM: Final = "SPEAKER/EMOTION_NUMBER such as 0/Alegria_1"
_PATTERN: Final = re.compile(
    rf"(?P<speaker>\d+|Test\d+)/(?P<emotion>{'|'.join(_EMOTIONS)})_+(?P<number>\d+)", re.IGNORECASE
)


def read(folder: Path) -> list[Utterance]:
    """Read the recordings below a folder by their paths. A warning names every file that is skipped."""
    return distinct(
        Utterance(
            file,
            speaker=match["speaker"],
            word=match["number"],
            emotion=_EMOTIONS[match["emotion"].lower()],
            corpus=NAME,
        )
        for file, match in recordings(folder, _PATTERN, _FORM, depth=2)
    )
