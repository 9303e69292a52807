"""Your own recordings: one folder for each label, with any labels. A folder below it, if there is one, names the
speaker.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from .utterance import Utterance

NAME: Final = "folders"
SUFFIXES: Final = {".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif"}

_log = logging.getLogger(__name__)


def read(folder: Path) -> list[Utterance]:
    """All recordings below a folder. A warning names those that are not in a label's folder."""
    utterances = []
    for file in audio_files(folder):
        label, *below = file.relative_to(folder).parts[:-1] or [""]
        if not label:
            _log.warning("%s is not in the folder of a label: skipped", file)
            continue
        utterances.append(Utterance(file, below[0] if below else "", file.stem, label, NAME))
    return utterances


def audio_files(folder: Path) -> list[Path]:
    """The audio files below a folder, sorted. They are recognised by their suffixes, and hidden files are left out."""
    return sorted(
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in SUFFIXES and file.is_file() and not file.name.startswith(".")
    )
