"""The Berlin database of emotional speech: ten German actors.

Burkhardt, Paeschke, Rolfes, Sendlmeier & Weiss (2005), "A database of German emotional speech", Interspeech,
http://emodb.bilderbar.info. Free to use, asks to be cited.

Names are speaker, text, emotion (the first letter of its German name) and version: 03a01Fa.
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
_TEXTS: Final = {
    "a01": "Der Lappen liegt auf dem Eisschrank.",
    "a02": "Das will sie am Mittwoch abgeben.",
    "a04": "Heute abend könnte ich es ihm sagen.",
    "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück.",
    "a07": "In sieben Stunden wird es soweit sein.",
    "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen?",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht.",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
}
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
    """Every recording below a folder whose name fits, each sound once; the rest is named in a warning."""
    return distinct(
        Utterance(
            file,
            talker=match["speaker"],
            word=_TEXTS[match["text"].lower()],
            emotion=_EMOTIONS[match["emotion"].upper()],
            corpus=NAME,
            sex=_SEXES[match["speaker"]],
        )
        for file, match in recordings(folder, _PATTERN, _FORM)
    )
