"""The Toronto emotional speech set (Dupuis & Pichora-Fuller, 2010).

File names have the form `speaker_word_emotion`. Copies of the corpus differ in their folders, in upper and lower case
and in the spelling of the two-word emotion, and some contain every file twice. So only file names are read, and each
recording counts once.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Final

from .utterance import Utterance

NAME: Final = "tess"

_PATTERN: Final = re.compile(
    r"(?P<speaker>OAF|YAF|OA)_(?P<word>[a-z]+)_(?P<emotion>angry|disgust|fear|happy|neutral|sad|ps|pleasant_surprised?)",
    re.IGNORECASE,
)
_SUFFIXES: Final = {".wav", ".flac"}
_SPEAKERS: Final = {"OA": "OAF"}  # OA_bite_neutral, as published
# Other corpora say surprise, whether it is pleasant or not.
_EMOTIONS: Final = dict.fromkeys(("ps", "pleasant_surprise", "pleasant_surprised"), "surprise")

_log = logging.getLogger(__name__)


def read(folder: Path) -> list[Utterance]:
    """All recordings below a folder with a matching file name. A warning names every other WAV and FLAC file."""
    found: dict[tuple[str, str, str], Utterance] = {}
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() not in _SUFFIXES or not file.is_file():
            continue
        match = _PATTERN.fullmatch(file.stem)
        if match is None:
            _log.warning("%s is not named speaker_word_emotion: skipped", file)
            continue
        speaker, word, emotion = match["speaker"].upper(), match["word"].lower(), match["emotion"].lower()
        key = (_SPEAKERS.get(speaker, speaker), word, _EMOTIONS.get(emotion, emotion))
        if key in found:
            _log.warning("%s is a copy of %s: skipped", file, found[key].file)
            continue
        found[key] = Utterance(file, *key, NAME, "female")
    return list(found.values())
