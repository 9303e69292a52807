"""CREMA-D, the crowd-sourced emotional multimodal actors dataset: 91 speakers of American English, aged 20 to 74.

Cao, Cooper, Keutmann, Gur, Nenkova & Verma (2014), IEEE Transactions on Affective Computing 5(4), 377-390,
https://github.com/CheyneyComputerScience/CREMA-D. Open Database License 1.0.

Names are actor, sentence, emotion and level: 1001_DFA_ANG_XX. The label is what the actor intended. Listeners who
only heard the voice often heard something else: most of them agree with the label in 96 % of neutral, 61 % of angry,
32 % of fear, 26 % of happy and 16 % of sad recordings (the corpus's own table of votes).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from .names import distinct, recordings
from .utterance import Utterance

NAME: Final = "cremad"

_EMOTIONS: Final = {"ANG": "angry", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}
_FORM: Final = "ACTOR_SENTENCE_EMOTION_LEVEL such as 1001_DFA_ANG_XX"
_PATTERN: Final = re.compile(
    rf"(?P<actor>1\d{{3}})_(?P<sentence>[A-Z]{{3}})_(?P<emotion>{'|'.join(_EMOTIONS)})_(?P<level>XX|X|LO|MD|HI)"
)


def read(folder: Path) -> list[Utterance]:
    """Read the recordings below a folder by their names. A warning names every file that is skipped."""
    return distinct(
        Utterance(
            file,
            speaker=match["actor"],
            word=match["sentence"],
            emotion=_EMOTIONS[match["emotion"]],
            corpus=NAME,
        )
        for file, match in recordings(folder, _PATTERN, _FORM)
    )
