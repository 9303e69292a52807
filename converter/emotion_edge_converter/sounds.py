"""Sounds that carry no label: noises and rooms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotion_edge.audio import read_blocks

from . import augmentation
from .corpora import folders
from .errors import CorpusError

Array = NDArray[Any]


def load(file: Path, rate: int) -> Array:
    """A file as mono float32 at a rate, shape (n,).

    Raises:
        AudioError: it cannot be read.
    """
    return np.concatenate(list(read_blocks(file, sample_rate_hz=rate)))


def audio_files(folder: Path, flag: str) -> list[Path]:
    """All audio files below a folder that a flag of the command line names.

    Raises:
        CorpusError: no such folder, or none there.
    """
    if not folder.is_dir():
        raise CorpusError(f"{flag}: no such folder: {folder}")
    files = folders.audio_files(folder)
    if not files:
        raise CorpusError(f"{flag}: {folder} holds no audio file")
    return files


def rooms(folder: Path | None, rate: int) -> list[Array]:
    """The impulse responses below a folder, as `augmentation` takes them; none of no folder.

    Raises:
        CorpusError: no such folder, or none there.
        AudioError: one cannot be read.
    """
    files = [] if folder is None else audio_files(folder, "--rooms")
    return [augmentation.impulse_response(load(file, rate), rate) for file in files]
