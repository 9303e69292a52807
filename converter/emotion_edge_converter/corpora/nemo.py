"""nEMO, emotional speech in Polish: nine actors, ninety sentences.

Christop (2024), "nEMO: Dataset of Emotional Speech in Polish", LREC-COLING, pages 12111-12116,
https://aclanthology.org/2024.lrec-main.1059. CC BY-NC-SA 4.0.

File names have the form `speaker_emotion_sentence`. The file data.tsv next to the samples holds the text of the
sentences and the sex of the speakers.
"""

from __future__ import annotations

import csv
import logging
import re
from pathlib import Path
from typing import Final

from ..errors import CorpusError
from .names import distinct, recordings
from .utterance import SEXES, Utterance

NAME: Final = "nemo"

_EMOTIONS: Final = {
    "anger": "angry",
    "fear": "fear",
    "happiness": "happy",
    "neutral": "neutral",
    "sadness": "sad",
    "surprised": "surprise",
}
_FORM: Final = "speaker_emotion_sentence"
_PATTERN: Final = re.compile(
    rf"(?P<speaker>[A-Z]{{2}}\d)_(?P<emotion>{'|'.join(_EMOTIONS)})_(?P<sentence>\d{{1,2}})", re.IGNORECASE
)
_TABLE: Final = "data.tsv"
_COLUMNS: Final = ("file_id", "raw_text", "speaker_id", "gender")

_log = logging.getLogger(__name__)


def read(folder: Path) -> list[Utterance]:
    """All recordings below a folder with a matching file name, each sound once. A warning names every other file.

    data.tsv may be in the folder, below it or directly above it. Without data.tsv, `word` is the number of the sentence
    and `sex` is empty.

    Raises:
        CorpusError: data.tsv does not have the expected columns.
    """
    texts, sexes = _table(folder)
    return distinct(
        Utterance(
            file,
            speaker=match["speaker"].upper(),
            word=texts.get(match["sentence"], match["sentence"]),
            emotion=_EMOTIONS[match["emotion"].lower()],
            corpus=NAME,
            sex=sexes.get(match["speaker"].upper(), ""),
        )
        for file, match in recordings(folder, _PATTERN, _FORM)
    )


def _table(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """From data.tsv: sentence number to text, and speaker to sex."""
    path = next((path for path in (*sorted(folder.rglob(_TABLE)), folder.parent / _TABLE) if path.is_file()), None)
    if path is None:
        _log.warning("%s has no %s: the sentences' text and the speakers' sex are not known", folder, _TABLE)
        return {}, {}
    texts, sexes = {}, {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                name, text, speaker, sex = (row[column].strip() for column in _COLUMNS)  # " WR0", as published
                match = _PATTERN.fullmatch(Path(name).stem)
                if match is not None:
                    texts[match["sentence"]] = text
                    sexes[speaker] = sex if sex in SEXES else ""
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, AttributeError) as error:
        raise CorpusError(f"{path} cannot be read: wanted columns {', '.join(_COLUMNS)}, got {error!r}") from error
    return texts, sexes
