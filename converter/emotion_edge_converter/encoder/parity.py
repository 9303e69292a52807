"""Checks that the small encoder gives the features of the full one.

The full path uses librosa's log-mel frames and Keras in float32. The small path is the code of the device: numpy
frames and the file, on each interpreter that works here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import librosa
import numpy as np
from numpy.typing import NDArray

from emotion_edge import InterpreterError
from emotion_edge.features.mfcc import Mfcc
from emotion_edge.features.pooling import loud
from emotion_edge.features.recipe import MfccRecipe
from emotion_edge.model.encoder import Encoder, encode
from emotion_edge.model.interpreter import BACKENDS

from ..errors import ConversionError

Array = NDArray[Any]


@dataclass(frozen=True)
class EncoderParity:
    """A comparison of the full and the small encoder over some sounds.

    Attributes:
        interpreter: name of the interpreter.
        n_sounds: number of sounds.
        difference: root mean square difference of the pooled features, in units of their deviation over the sounds.
        correlation: the lowest correlation of a pooled mean over the sounds.
    """

    interpreter: str
    n_sounds: int
    difference: float
    correlation: float

    def __str__(self) -> str:
        return (
            f"{self.interpreter}: {self.n_sounds} sounds, pooled features differ by {self.difference:.4f} of their "
            f"deviation, lowest correlation {self.correlation:.4f}"
        )


def reference_log_mel(samples: Array, recipe: MfccRecipe) -> Array:
    """The log-mel frames of samples by librosa, in decibels, shape (n_frames, n_mels)."""
    power = librosa.feature.melspectrogram(
        y=np.asarray(samples, np.float32),
        sr=recipe.sample_rate_hz,
        n_fft=recipe.n_fft,
        hop_length=recipe.hop_length,
        n_mels=recipe.n_mels,
        fmax=recipe.fmax_hz,
        pad_mode="constant",
    )
    return np.asarray(librosa.power_to_db(power, ref=1.0, amin=1e-10, top_db=None).T)


def compare(model: keras.Model, content: bytes, sounds: Sequence[Array]) -> list[EncoderParity]:
    """Run sounds through the full encoder, and through the small one with each interpreter that works here.

    Args:
        model: the full encoder (`network.build`).
        content: the file of the small one.
        sounds: samples at 16 kHz, each of shape (n,); two or more.
    """
    found, full = [], None
    for backend in BACKENDS:
        try:
            encoder = Encoder(content, backend)
        except InterpreterError:
            continue
        recipe = encoder.recipe.mfcc
        if full is None:
            full = np.stack(
                [
                    loud(encode(reference_log_mel(each, recipe), lambda x: np.asarray(model(x[np.newaxis]))[0]))
                    for each in sounds
                ]
            )
        mfcc = Mfcc(recipe)
        small = np.stack([loud(encoder(mfcc.log_mel_of(each))) for each in sounds])
        found.append(_compared(backend, full, small))
    return found


def _compared(backend: str, full: Array, small: Array) -> EncoderParity:
    deviation = full.std(axis=0) + 1e-6
    means = full.shape[1] // 2
    correlations = [np.corrcoef(full[:, column], small[:, column])[0, 1] for column in range(means)]
    difference = float(np.sqrt(np.mean(((small - full) / deviation) ** 2)))
    return EncoderParity(backend, len(full), difference, float(min(correlations)))


def require(parities: Sequence[EncoderParity], largest_difference: float) -> None:
    """Check that every interpreter gives the features of the full encoder.

    Raises:
        ConversionError: one does not, or none works here.
    """
    if not parities:
        raise ConversionError("no TFLite interpreter works here: nothing was compared")
    for each in parities:
        if not each.difference <= largest_difference:
            raise ConversionError(
                f"{each}: wanted at most {largest_difference:g}; give more speech to round for, or check the weights"
            )
