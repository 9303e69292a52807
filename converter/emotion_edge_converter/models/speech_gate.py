"""Trains the speech gate, and measures it on held-out speakers and sounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from emotion_edge import EmotionClassifier
from emotion_edge.features.recipe import MfccRecipe
from emotion_edge.model.recipe import ModelRecipe

from ..conversion import model_file, parity
from ..conversion.keras_models import probabilities
from ..conversion.tflite import convert
from ..errors import ConversionError
from ..features.outliers import clipped
from ..features.speech_windows import AS_RECORDED, N_FOLDS, NOISY, Windows
from ..settings import GATE_EPOCHS, SEED
from ..training import architectures, fitting

Array = NDArray[Any]

LABELS: Final = ("other", "speech")
JUDGED_S: Final = 0.8
"""Shorter windows are not reliable enough for a verdict."""
NOISY_RECALL: Final = 0.905
"""The threshold lets this share of the noisy windows of speech through, averaged over the corpora."""

_HIDDEN: Final = (64, 32)
_WEIGHT_DECAY: Final = 1e-3  # strong, because there is much speech, but few noises, which differ from each other
_DROPOUT: Final = 0.2
_NOISE: Final = 0.1  # in standard deviations of a feature
_BATCH_SIZE: Final = 512
_SYNTHETIC_WEIGHT: Final = 0.25  # relative to a class of recorded noise
_N_CALIBRATION: Final = 3000
_LARGEST_LOGIT: Final = 14.0

# In standard deviations. Changed sounds reach 18, and int8 steps wide enough for them change the answers for 0.8 % of
# the windows. With examples limited to 5, this is 0.4 %, and the rounding error of the logits is half as large.
_FURTHEST: Final = 5.0


def recipe(name: str) -> ModelRecipe:
    """The recipe of the gate: 16 kHz, 20 MFCCs from 40 filters every 10 ms."""
    mfcc = MfccRecipe.preset(
        "librosa", sample_rate_hz=16000, n_mfcc=20, n_fft=512, hop_length=160, n_mels=40, fmin_hz=60.0
    )
    return ModelRecipe(name=name, labels=LABELS, mfcc=mfcc, pooling="statistics")


@dataclass(frozen=True)
class Gate:
    """A trained gate, as a Keras model and as a model file.

    Attributes:
        model: Keras model, raw features to probabilities. The threshold is 0.5.
        content: the bytes of the int8 model file.
    """

    model: keras.Model
    content: bytes

    def logits(self, features: Array) -> Array:
        """The log odds of speech by the small model, shape (n,), for features, (n, n_features)."""
        with model_file.temporary(self.content) as file:
            classifier = EmotionClassifier(file)
        return _log_odds(np.array([classifier.probabilities(row) for row in features]).reshape(-1, 2))


@dataclass(frozen=True)
class CrossValidation:
    """The answers of gates to windows that they were not trained on.

    Attributes:
        gates: gate number k was trained without fold k of speakers and noises. Its threshold comes from the other
            folds.
        logits: the log odds of each window by the int8 gate of its fold, shape (n,). Windows above 0 are let through.
        left_out: the same for noise as recorded, by a gate that was trained without its class; nan for other windows.
        threshold: threshold in log odds for a gate trained on everything; `finish` subtracts it.
    """

    gates: list[Gate]
    logits: Array
    left_out: Array
    threshold: float


def fit(windows: Windows, rows: Array, *, seed: int = SEED, epochs: int = GATE_EPOCHS) -> keras.Model:
    """Train on the rows in a mask of shape (n,). The same seed gives the same weights."""
    fitting.make_repeatable(seed)
    features, targets = windows.features[rows], np.eye(2, dtype=np.float32)[windows.speech[rows].astype(int)]
    model = architectures.regularised(
        features,
        _HIDDEN,
        len(LABELS),
        noise=_NOISE,
        dropout=_DROPOUT,
        weight_decay=_WEIGHT_DECAY,
        output_weight_decay=_WEIGHT_DECAY / 2,
        name="speech_gate",
    )
    fitting.anneal(model, "categorical_crossentropy", n_rows=len(features), batch_size=_BATCH_SIZE, epochs=epochs)
    model.fit(
        features, targets, sample_weight=_weights(windows, rows), batch_size=_BATCH_SIZE, epochs=epochs, verbose=0
    )
    return model


def finish(
    model: keras.Model, threshold: float, windows: Windows, rows: Array, gate_recipe: ModelRecipe, seed: int = SEED
) -> Gate:
    """Move the threshold to a probability of 0.5, and convert the model with a random selection of the rows.

    Args:
        model: a model from `fit`. It is changed.
        threshold: log odds of speech above which a window is let through.
        windows: the table.
        rows: mask of the rows that the model was trained on, shape (n,).
        gate_recipe: the recipe to embed.
        seed: random seed for the selection.

    Raises:
        ConversionError: the model cannot be expressed in TFLite.
    """
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel, bias + np.array([threshold / 2, -threshold / 2], np.float32)])
    examples = clipped(_examples(windows, rows, seed), _FURTHEST)
    return Gate(model, convert(model, gate_recipe, examples))


def cross_validate(windows: Windows, *, seed: int, epochs: int) -> CrossValidation:
    """Train without each fold, then without each class of noise that is in several folds.

    Raises:
        ConversionError: only speech or only noise would be left for a training.
    """
    models, logits = [], np.full(len(windows.recording), np.nan)
    folds = [windows.fold != number for number in range(N_FOLDS)]
    for number, train in enumerate(tqdm(folds, desc="cross-validation", unit="fold", disable=None)):
        _check_both(windows, train, f"without fold {number + 1}")
        models.append(fit(windows, train, seed=seed, epochs=epochs))
        logits[~train] = _log_odds(probabilities(models[-1], windows.features[~train]))
    threshold = choose_threshold(windows, logits, np.ones(len(logits), bool))
    own = [choose_threshold(windows, logits, train) for train in folds]
    gates = []
    for number, (model, train) in enumerate(zip(models, folds, strict=True)):
        gates.append(finish(model, own[number], windows, train, recipe(f"fold-{number + 1}"), seed))
        logits[~train] = gates[-1].logits(windows.features[~train])
    return CrossValidation(gates, logits, _without_classes(windows, logits, threshold, seed, epochs), threshold)


def _without_classes(windows: Windows, logits: Array, threshold: float, seed: int, epochs: int) -> Array:
    as_recorded = ~windows.speech & (windows.version == AS_RECORDED)
    left_out = np.where(as_recorded, logits, np.nan)  # correct already for classes in a single fold
    for name in tqdm(np.unique(windows.group[as_recorded]), desc="without a class", unit="class", disable=None):
        tested = as_recorded & (windows.group == name)
        if len(np.unique(windows.fold[tested])) > 1:
            train = windows.speech | (windows.group != name)
            _check_both(windows, train, f"without {name}")
            model = fit(windows, train, seed=seed, epochs=epochs)
            gate = finish(model, threshold, windows, train, recipe("left-out"), seed)
            left_out[tested] = gate.logits(windows.features[tested])
    return left_out


def choose_threshold(windows: Windows, logits: Array, rows: Array) -> float:
    """The threshold in log odds that lets `NOISY_RECALL` of noisy speech through, with smoothing.

    Each corpus counts the same.

    Args:
        windows: the table.
        logits: log odds of each window, shape (n,).
        rows: mask of the rows to use, shape (n,).
    """
    judged = rows & windows.speech & (windows.version == NOISY) & (windows.length_s >= JUDGED_S - 1e-6)
    if not judged.any():  # there was no noise to mix with speech
        judged = rows & windows.speech
    values = smoothed(windows, logits)[judged]
    groups = windows.group[judged]
    shares = 1 / np.array([np.sum(groups == group) for group in groups])
    order = np.argsort(values)
    passed = np.cumsum(shares[order])
    return float(values[order][np.searchsorted(passed, (1 - NOISY_RECALL) * passed[-1])])


def smoothed(windows: Windows, logits: Array) -> Array:
    """The running mean of the log odds over each utterance, shape (n,). Too short windows keep their values."""
    result = logits.copy()
    sums: dict[int, list[float]] = {}
    for row in np.flatnonzero(windows.length_s >= JUDGED_S - 1e-6):
        values = sums.setdefault(int(windows.utterance[row]), [])
        values.append(float(logits[row]))
        result[row] = np.mean(values)
    return np.asarray(result)


def verdicts(windows: Windows, logits: Array, rows: Array) -> list[int]:
    """The first row in which the gate opens, for each utterance in which it does.

    The gate opens if it lets two consecutive windows through, with smoothing, or the last window of the utterance.
    Windows that are too short do not count.

    Args:
        windows: the table.
        logits: log odds of each window, with the threshold at 0, shape (n,).
        rows: mask of the rows to use, shape (n,).
    """
    passed = smoothed(windows, logits) > 0
    opened: dict[int, int] = {}
    before = (-1, False)
    for row in np.flatnonzero(rows & (windows.length_s >= JUDGED_S - 1e-6)):
        utterance = int(windows.utterance[row])
        if passed[row] and (before == (utterance, True) or windows.over[row]):
            opened.setdefault(utterance, int(row))
        before = utterance, bool(passed[row])
    return list(opened.values())


def check(
    gate: Gate, windows: Windows, least_agreement: float, largest_difference: float, seed: int
) -> list[parity.Parity]:
    """Compare the Keras model and the file of a gate on a random selection of windows, with each working interpreter.

    Raises:
        ConversionError: they differ by more than the tolerance.
    """
    features = _examples(windows, np.ones(len(windows.recording), bool), seed + 1)
    with model_file.temporary(gate.content) as file:
        parities = parity.compare_features(gate.model, file, features)
    parity.require(parities, least_agreement, largest_difference)
    return parities


def _check_both(windows: Windows, train: Array, name: str) -> None:
    if len(np.unique(windows.speech[train])) < 2:
        raise ConversionError(
            f"{name} only {'speech' if windows.speech[train].any() else 'noise'} is left for training: add recordings "
            "of more speakers and of more noises"
        )


def _weights(windows: Windows, rows: Array) -> Array:
    """Speech and noise count the same. Within each, a group counts by the square root of its size. Shape (rows,), mean
    1.
    """
    speech, names = windows.speech[rows], windows.group[rows]
    weights = np.zeros(len(names))
    for name in np.unique(names):
        group = names == name
        weights[group] = (_SYNTHETIC_WEIGHT if name.startswith("synthetic ") else 1) / np.sqrt(group.sum())
    for side in (speech, ~speech):
        weights[side] *= len(names) / 2 / weights[side].sum()
    return weights


def _examples(windows: Windows, rows: Array, seed: int) -> Array:
    """The features of a random selection of the rows."""
    chosen = np.random.default_rng(seed).permutation(np.flatnonzero(rows))[:_N_CALIBRATION]
    return np.asarray(windows.features[np.sort(chosen)])


def _log_odds(answers: Array) -> Array:
    """The log odds of speech, from probabilities, (n, 2)."""
    odds = np.log(np.maximum(answers[:, 1].astype(np.float64), 1e-12)) - np.log(np.maximum(answers[:, 0], 1e-12))
    return np.asarray(np.clip(odds, -_LARGEST_LOGIT, _LARGEST_LOGIT))
