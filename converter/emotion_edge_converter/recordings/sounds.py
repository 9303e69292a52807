"""Sounds that carry no label: noises and rooms."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotion_edge.audio.files import read_blocks

from ..corpora import folders
from ..errors import CorpusError
from . import augmentation

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


def noise_files(noise: Iterable[Path]) -> list[Path]:
    """All audio files below some folders.

    Raises:
        CorpusError: no such folder, or none there.
    """
    return [file for folder in noise for file in audio_files(folder, "--noise")]


def room_files(folder: Path | None) -> list[Path]:
    """All audio files below a folder; none of no folder.

    Raises:
        CorpusError: no such folder, or none there.
    """
    return [] if folder is None else audio_files(folder, "--rooms")


def rooms(files: Iterable[Path], rate: int) -> list[Array]:
    """The impulse responses in some files, as `augmentation` takes them, each of shape (n,).

    Raises:
        AudioError: one cannot be read.
    """
    return [augmentation.impulse_response(load(file, rate), rate) for file in files]
