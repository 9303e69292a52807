"""The Amharic speech emotional dataset, version 1: 65 speakers.

Retta, Almekhlafi, Sutcliffe, Mhamed, Ali & Feng (2022), "A New Amharic Speech Emotion Dataset and Classification
Benchmark", ACM TALLIP, https://doi.org/10.1145/3529759, https://github.com/Ethio2021/ASED_V1. No licence is stated.

Names are emotion and its number, sentence, repetition, sex (01 female, 02 male) and speaker: a5-03-01-02-50. Most
sentences belong to one emotion, so that a sentence is known by both; which words it has is not documented. Four takes
are there twice, as published, under both numbers of their repetition.

Five names call a woman a man: f2-01-01-02-15, f2-02-01-02-25, f2-07-02-02-21, s4-01-02-02-09 and s4-04-01-02-23.
Their speakers are right, for the other repetition of each is there with this speaker and the other sex, and the
pitch is hers. Taken so, there are 25 women and 40 men, as the corpus says of itself.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Final

from .names import FEMALE, MALE, distinct, recordings
from .utterance import Utterance

NAME: Final = "ased"

_EMOTIONS: Final = {"n1": "neutral", "f2": "fear", "h3": "happy", "s4": "sad", "a5": "angry"}
_SEXES: Final = {"01": FEMALE, "02": MALE}
_WOMEN: Final = frozenset((*range(1, 38, 2), 43, 47, 48, 49, 58, 62))
_FORM: Final = "EMOTION-SENTENCE-REPETITION-SEX-SPEAKER such as a5-03-01-02-50"
_PATTERN: Final = re.compile(
    rf"(?P<emotion>{'|'.join(_EMOTIONS)})-(?P<sentence>0[1-7])-(?P<repetition>0[12])-(?P<sex>0[12])"
    r"-(?P<speaker>0[1-9]|[1-5]\d|6[0-5])",
    re.IGNORECASE,  # S4-04-02-01-29, as published
)

_log = logging.getLogger(__name__)


def read(folder: Path) -> list[Utterance]:
    """Every recording below a folder whose name fits, each sound once; the rest is named in a warning."""
    utterances = []
    for file, match in recordings(folder, _PATTERN, _FORM):
        speaker, emotion = match["speaker"], match["emotion"].lower()
        sex = FEMALE if int(speaker) in _WOMEN else MALE
        if sex != _SEXES[match["sex"]]:
            _log.warning("%s says %s, but speaker %s is %s: taken so", file, _SEXES[match["sex"]], speaker, sex)
        word = f"{emotion}-{match['sentence']}"
        utterances.append(Utterance(file, speaker, word, _EMOTIONS[emotion], NAME, sex))
    return distinct(utterances)
