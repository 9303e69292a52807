"""Features by the reference libraries. Models are trained on them, and the features of the device must be equal."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import librosa
import numpy as np
import python_speech_features
from numpy.typing import NDArray
from tqdm import tqdm

from emotion_edge import AudioError
from emotion_edge.audio.files import read_blocks
from emotion_edge.features import pooling
from emotion_edge.features.recipe import MfccRecipe
from emotion_edge.model.recipe import ModelRecipe

from ..corpora.readers import Utterance
from ..errors import ConversionError, CorpusError

Array = NDArray[Any]


def _statistics(mfcc: Array) -> Array:
    """An independent implementation of `emotion_edge.features.pooling.statistics`."""
    changes = [[np.abs(mfcc[i] - mfcc[i - lag]) for i in range(lag, len(mfcc))] for lag in pooling.LAGS]
    return np.concatenate(
        [
            np.mean(mfcc[:, 1:], axis=0),
            np.std(mfcc, axis=0),
            *(np.mean(rows, axis=0) if rows else np.zeros(mfcc.shape[1]) for rows in changes),
        ]
    )


POOLINGS: Final = {"mean": lambda mfcc: np.mean(mfcc, axis=0), "statistics": _statistics}

# The fields of a recipe that each library lets its caller choose. The others must have the values of its preset.
_CHOSEN_IN_BOTH: Final = (
    "n_mfcc",
    "n_fft",
    "window_length",
    "hop_length",
    "n_mels",
    "fmin_hz",
    "fmax_hz",
    "lifter",
    "sample_scale",
)
_CHOSEN_IN_LIBROSA: Final = (*_CHOSEN_IN_BOTH, "window", "mel_scale", "mel_norm")
_CHOSEN_IN_PYTHON_SPEECH_FEATURES: Final = (*_CHOSEN_IN_BOTH, "pre_emphasis", "first_coefficient")

_log = logging.getLogger(__name__)


def load_audio(file: Path, sample_rate_hz: int) -> Array:
    """Load a file with librosa, as mono float32 at a sample rate, shape (n,).

    Raises:
        AudioError: the file cannot be read.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the decoder that it tries next
            samples, _ = librosa.load(file, sr=sample_rate_hz)
    except Exception:  # librosa and its decoders raise many types
        samples = np.zeros(0, np.float32)
    if not len(samples) or not np.isfinite(samples).all():
        for _ in read_blocks(file, sample_rate_hz=sample_rate_hz):  # the runtime raises a clear error
            pass
        raise AudioError(f"{file} cannot be read by librosa")
    return np.asarray(samples)


def reference_mfcc(samples: Array, recipe: MfccRecipe) -> Array:
    """The MFCC by librosa or python_speech_features, depending on the recipe, shape (n_frames, n_mfcc).

    Raises:
        ConversionError: neither library can compute it.
    """
    if recipe == _as_preset("librosa", recipe, _CHOSEN_IN_LIBROSA):
        return _librosa_mfcc(samples, recipe)
    if recipe == _as_preset("python_speech_features", recipe, _CHOSEN_IN_PYTHON_SPEECH_FEATURES):
        return _python_speech_features_mfcc(samples, recipe)
    raise ConversionError(
        "neither librosa nor python_speech_features can compute the MFCC of this recipe: start from one "
        "of the presets, and change only fields that are parameters of that library"
    )


def reference_features(file: Path, recipe: ModelRecipe) -> Array:
    """The pooled features of a file by the reference libraries, shape (n_features,), float32.

    Raises:
        AudioError: the file cannot be read.
        ConversionError: neither library can compute them.
    """
    if recipe.encoder is not None:
        raise ConversionError(
            f"the model {recipe.name} uses a voice encoder, which no reference library has: the commands "
            "voice-encoder and head compare both parts with Keras when they make them"
        )
    frames = reference_mfcc(load_audio(file, recipe.mfcc.sample_rate_hz), recipe.mfcc)
    return np.asarray(POOLINGS[recipe.pooling](frames), np.float32)


def extract(utterances: Sequence[Utterance], recipe: ModelRecipe) -> tuple[list[Utterance], Array]:
    """Compute the features of many files, with a progress bar. A file that cannot be read is left out with a warning.

    Returns:
        The utterances that could be read, and their features, shape (n_utterances, n_features).

    Raises:
        CorpusError: no file could be read.
    """
    kept, rows = [], []
    for utterance in tqdm(utterances, desc="features", unit="file", disable=None):
        try:
            rows.append(reference_features(utterance.file, recipe))
        except AudioError as error:
            _log.warning("%s: left out", error)
        else:
            kept.append(utterance)
    if not kept:
        raise CorpusError(f"none of the {len(utterances)} files could be read")
    return kept, np.stack(rows)


def _as_preset(name: str, recipe: MfccRecipe, chosen: Sequence[str]) -> MfccRecipe:
    changes = {field: getattr(recipe, field) for field in chosen}
    if name == "librosa" and recipe.window_length > recipe.n_fft:
        changes.pop("window_length")  # librosa does not allow it, so the recipes differ
    return MfccRecipe.preset(name, sample_rate_hz=recipe.sample_rate_hz, **changes)


def _librosa_mfcc(samples: Array, recipe: MfccRecipe) -> Array:
    window = "boxcar" if recipe.window == "rectangular" else recipe.window
    mfcc = librosa.feature.mfcc(
        y=_scaled(samples, recipe),
        sr=recipe.sample_rate_hz,
        n_mfcc=recipe.n_mfcc,
        n_fft=recipe.n_fft,
        hop_length=recipe.hop_length,
        win_length=recipe.window_length,
        window=window,
        n_mels=recipe.n_mels,
        fmin=recipe.fmin_hz,
        fmax=recipe.fmax_hz,
        htk=recipe.mel_scale == "htk",
        mel_norm="slaney" if recipe.mel_norm == "area" else None,
        lifter=recipe.lifter,
    )
    return np.asarray(mfcc.T)


def _python_speech_features_mfcc(samples: Array, recipe: MfccRecipe) -> Array:
    rate = recipe.sample_rate_hz
    mfcc = python_speech_features.mfcc(
        _scaled(samples, recipe),
        samplerate=rate,
        winlen=recipe.window_length / rate,
        winstep=recipe.hop_length / rate,
        numcep=recipe.n_mfcc,
        nfilt=recipe.n_mels,
        nfft=recipe.n_fft,
        lowfreq=recipe.fmin_hz,
        highfreq=recipe.fmax_hz,
        preemph=recipe.pre_emphasis,
        ceplifter=recipe.lifter,
        appendEnergy=recipe.first_coefficient == "log_energy",
    )
    return np.asarray(mfcc)


def _scaled(samples: Array, recipe: MfccRecipe) -> Array:
    return samples if recipe.sample_scale == 1 else samples * samples.dtype.type(recipe.sample_scale)
