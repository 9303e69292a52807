"""The recipe of the encoder's file, and the frames that the encoder accepts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from emotion_edge import ModelError
from emotion_edge.features.mfcc import Mfcc
from emotion_edge.features.recipe import MfccRecipe
from emotion_edge.model.encoder import EncoderRecipe, scaled
from emotion_edge.model.file import embedded_recipe, read_file, stored_checksum
from emotion_edge.model.recipe import EncoderReference

from .weights import N_MELS, WIDTH

Array = NDArray[Any]

MFCC: Final = MfccRecipe.preset(
    "librosa",
    sample_rate_hz=16000,
    n_fft=400,
    window_length=400,
    hop_length=160,
    n_mels=N_MELS,
    n_mfcc=N_MELS,
    fmax_hz=8000.0,
)
"""The parameters of Whisper's frames. But at the ends of a recording they use zeros, where Whisper mirrors the sound.
This changes pooled features by 0.02 of their deviation."""


def recipe(name: str, *, licence: str, notice: str, corpora: tuple[str, ...]) -> EncoderRecipe:
    """The recipe of the encoder's file."""
    return EncoderRecipe(name=name, width=WIDTH, mfcc=MFCC, licence=licence, notice=notice, corpora=corpora)


def reference(file: Path) -> EncoderReference:
    """How models refer to an encoder's file: by its name.

    A model looks for it in its own folder, then among the shipped ones.

    Raises:
        ModelError: it is missing, or not a voice encoder.
    """
    try:
        content = read_file(file)
    except FileNotFoundError as error:
        raise ModelError(f"{file}: no such file; make it with emotion-edge-converter voice-encoder") from error
    try:
        found = EncoderRecipe.from_json(embedded_recipe(content))
    except ModelError as error:
        raise ModelError(f"{file}: {error}") from error
    return EncoderReference(name=file.stem, checksum=stored_checksum(content), width=found.width)


def log_mel(samples: Array, own: EncoderRecipe) -> Array:
    """The frames of a recording as the network takes them, shape (n, n_mels)."""
    return scaled(Mfcc(own.mfcc).log_mel_of(samples)[:-1])
