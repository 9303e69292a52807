"""Reads sounds without labels: noises and impulse responses of rooms."""

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
    """Read a file as mono float32 at a sample rate in Hz, shape (n,).

    Raises:
        AudioError: the file cannot be read.
    """
    return np.concatenate(list(read_blocks(file, sample_rate_hz=rate)))


def audio_files(folder: Path, flag: str) -> list[Path]:
    """All audio files below a folder that was given with an option of the command line.

    Raises:
        CorpusError: the folder does not exist or holds no audio files.
    """
    if not folder.is_dir():
        raise CorpusError(f"{flag}: no such folder: {folder}")
    files = folders.audio_files(folder)
    if not files:
        raise CorpusError(f"{flag}: {folder} holds no audio files")
    return files


def noise_files(noise: Iterable[Path]) -> list[Path]:
    """All audio files below the folders given with --noise.

    Raises:
        CorpusError: a folder does not exist or holds no audio files.
    """
    return [file for folder in noise for file in audio_files(folder, "--noise")]


def room_files(folder: Path | None) -> list[Path]:
    """All audio files below the folder given with --rooms; an empty list if there is none.

    Raises:
        CorpusError: the folder does not exist or holds no audio files.
    """
    return [] if folder is None else audio_files(folder, "--rooms")


def rooms(files: Iterable[Path], rate: int) -> list[Array]:
    """Read impulse responses for `augmentation.in_room`, each of shape (n,).

    Raises:
        AudioError: a file cannot be read.
    """
    return [augmentation.impulse_response(load(file, rate), rate) for file in files]
