"""The Ryerson audio-visual database of emotional speech and song: 24 North American actors, audio only.

Livingstone & Russo (2018), PLoS ONE 13(5): e0196391, https://doi.org/10.1371/journal.pone.0196391. CC BY-NC-SA 4.0.

A file name holds seven numbers: modality (03 audio only), channel (01 speech, 02 song), emotion,
intensity, statement, repetition, actor. Actors with odd numbers are male. The published corpus contains one of
Actor_07's fearful recordings twice.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from .names import FEMALE, MALE, distinct, recordings
from .utterance import Utterance

NAME: Final = "ravdess"
SONG: Final = "ravdess-song"
"""The same actors, singing."""

_SPEECH, _SINGING = "01", "02"
_FORM: Final = "03-{}-EMOTION-INTENSITY-STATEMENT-REPETITION-ACTOR"
_PATTERN: Final = (
    r"03-{}-(?P<emotion>0[1-8])-(?P<intensity>0[12])-(?P<statement>0[12])-(?P<repetition>0[12])"
    r"-(?P<actor>0[1-9]|1\d|2[0-4])"
)
_EMOTIONS: Final = {
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fear",
    "07": "disgust",
    "08": "surprise",
}
_STATEMENTS: Final = {"01": "Kids are talking by the door", "02": "Dogs are sitting by the door"}


def read(folder: Path) -> list[Utterance]:
    """The spoken recordings below a folder, by their file names, each sound once. A warning names every other file."""
    return _read(folder, _SPEECH, NAME)


def read_song(folder: Path) -> list[Utterance]:
    """All sung recordings, likewise."""
    return _read(folder, _SINGING, SONG)


def _read(folder: Path, channel: str, corpus: str) -> list[Utterance]:
    return distinct(
        Utterance(
            file,
            speaker=match["actor"],
            word=_STATEMENTS[match["statement"]],
            emotion=_EMOTIONS[match["emotion"]],
            corpus=corpus,
            sex=MALE if int(match["actor"]) % 2 else FEMALE,
        )
        for file, match in recordings(folder, re.compile(_PATTERN.replace("{}", channel)), _FORM.format(channel))
    )
