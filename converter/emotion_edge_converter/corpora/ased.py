"""The Amharic speech emotional dataset, version 1: 65 speakers.

Retta, Almekhlafi, Sutcliffe, Mhamed, Ali & Feng (2022), "A New Amharic Speech Emotion Dataset and Classification
Benchmark", ACM TALLIP, https://doi.org/10.1145/3529759, https://github.com/Ethio2021/ASED_V1. No licence is stated.

A file name holds the emotion and its number, the sentence, repetition, sex (01 female, 02 male) and speaker:
a5-03-01-02-50. Most sentences belong to one emotion, so a sentence is identified by both. The words of the sentences
are not documented. The published corpus contains four recordings twice, under both repetition numbers.

Five file names give a woman's sex as male: f2-01-01-02-15, f2-02-01-02-25, f2-07-02-02-21, s4-01-02-02-09 and
s4-04-01-02-23. Their speaker numbers are right: the other repetition of each has the same speaker and the other sex,
and the pitch is hers. With this correction there are 25 women and 40 men, the numbers that the corpus itself gives.
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
    """All recordings below a folder with a matching file name, each sound once. A warning names every other file."""
    utterances = []
    for file, match in recordings(folder, _PATTERN, _FORM):
        speaker, emotion = match["speaker"], match["emotion"].lower()
        sex = FEMALE if int(speaker) in _WOMEN else MALE
        if sex != _SEXES[match["sex"]]:
            _log.warning(
                "the name of %s says %s, but speaker %s is %s: used %s", file, _SEXES[match["sex"]], speaker, sex, sex
            )
        word = f"{emotion}-{match['sentence']}"
        utterances.append(Utterance(file, speaker, word, _EMOTIONS[emotion], NAME, sex))
    return distinct(utterances)
