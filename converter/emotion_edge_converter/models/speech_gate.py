"""The speech gate: training it, and finding out on voices and sounds that it never heard how good it is."""

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
"""Windows shorter than this say too little: verdicts wait for longer ones."""
NOISY_RECALL: Final = 0.905
"""The share of the noisy windows of speech, averaged over the corpora, that the threshold is set to let through."""

_HIDDEN: Final = (64, 32)
_WEIGHT_DECAY: Final = 1e-3  # strong: speech is plentiful, noises are few and unlike each other
_DROPOUT: Final = 0.2
_NOISE: Final = 0.1  # in deviations of a feature
_BATCH_SIZE: Final = 512
_SYNTHETIC_WEIGHT: Final = 0.25  # of a class of recorded noise
_N_CALIBRATION: Final = 3000
_LARGEST_LOGIT: Final = 14.0

# In deviations. Changed sounds reach 18, and int8 steps wide enough for them flip the answer to 0.8 % of the windows;
# examples held within 5 give 0.4 %, the logits half the rounding error.
_FURTHEST: Final = 5.0


def recipe(name: str) -> ModelRecipe:
    """What the gate hears: at 16 kHz, 20 MFCCs of 40 filters every 10 ms."""
    mfcc = MfccRecipe.preset(
        "librosa", sample_rate_hz=16000, n_mfcc=20, n_fft=512, hop_length=160, n_mels=40, fmin_hz=60.0
    )
    return ModelRecipe(name=name, labels=LABELS, mfcc=mfcc, pooling="statistics")


@dataclass(frozen=True)
class Gate:
    """A trained gate, in both forms.

    Attributes:
        model: Keras, raw features to probabilities; 0.5 is the threshold.
        content: the model file, int8.
    """

    model: keras.Model
    content: bytes

    def logits(self, features: Array) -> Array:
        """The log odds of speech by the small model, shape (n,), of features, (n, n_features)."""
        with model_file.temporary(self.content) as file:
            classifier = EmotionClassifier(file)
        return _log_odds(np.array([classifier.probabilities(row) for row in features]).reshape(-1, 2))


@dataclass(frozen=True)
class CrossValidation:
    """What gates say of what they never heard.

    Attributes:
        gates: gate number k was trained without fold k, of speakers and of noises, and has its threshold from the rest.
        logits: of each window by the gate of its fold, int8; above 0 it is let through. Shape (n,).
        left_out: the same of noise as recorded, by a gate that never heard its class; nan elsewhere.
        threshold: log odds at which a gate trained on everything has its threshold, to be taken off.
    """

    gates: list[Gate]
    logits: Array
    left_out: Array
    threshold: float


def fit(windows: Windows, rows: Array, *, seed: int = SEED, epochs: int = GATE_EPOCHS) -> keras.Model:
    """Train on some rows, given as a mask of shape (n,). The same seed gives the same weights."""
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
    """Move the threshold, in log odds, to a probability of 0.5, and convert, calibrated on some of the rows.

    Args:
        model: as `fit` gives it; it is changed.
        threshold: log odds of speech above which a window is let through.
        windows: the table.
        rows: those that it was trained on, a mask of shape (n,).
        gate_recipe: what to embed.
        seed: of the choice among the rows.

    Raises:
        ConversionError: TFLite cannot hold the model.
    """
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel, bias + np.array([threshold / 2, -threshold / 2], np.float32)])
    examples = clipped(_examples(windows, rows, seed), _FURTHEST)
    return Gate(model, convert(model, gate_recipe, examples))


def cross_validate(windows: Windows, *, seed: int, epochs: int) -> CrossValidation:
    """Train without each fold, then without each class of noise that several folds hold.

    Raises:
        ConversionError: without one of them there is only speech left, or only noise.
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
    left_out = np.where(as_recorded, logits, np.nan)  # of a class in one fold this is the answer already
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
    """The log odds that let `NOISY_RECALL` of noisy speech through, smoothed, each corpus counting the same.

    Args:
        windows: the table.
        logits: log odds of each window, shape (n,).
        rows: which count, a mask of shape (n,).
    """
    judged = rows & windows.speech & (windows.version == NOISY) & (windows.length_s >= JUDGED_S - 1e-6)
    if not judged.any():  # no noise to mix it with
        judged = rows & windows.speech
    values = smoothed(windows, logits)[judged]
    groups = windows.group[judged]
    shares = 1 / np.array([np.sum(groups == group) for group in groups])
    order = np.argsort(values)
    passed = np.cumsum(shares[order])
    return float(values[order][np.searchsorted(passed, (1 - NOISY_RECALL) * passed[-1])])


def smoothed(windows: Windows, logits: Array) -> Array:
    """The running mean of the log odds, shape (n,), over the windows of an utterance; too short ones as they are."""
    result = logits.copy()
    sums: dict[int, list[float]] = {}
    for row in np.flatnonzero(windows.length_s >= JUDGED_S - 1e-6):
        heard = sums.setdefault(int(windows.utterance[row]), [])
        heard.append(float(logits[row]))
        result[row] = np.mean(heard)
    return np.asarray(result)


def verdicts(windows: Windows, logits: Array, rows: Array) -> list[int]:
    """The utterances in which the gate opens, by the number of a row in which it does, once each.

    It opens where two windows in a row, long enough, are let through, smoothed, or where the last one is.

    Args:
        windows: the table.
        logits: log odds of each window, the threshold at 0, shape (n,).
        rows: which are looked at, a mask of shape (n,).
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
    """Compare both forms of a gate on some windows, through each interpreter that works here.

    Raises:
        ConversionError: they differ by more than they may.
    """
    features = _examples(windows, np.ones(len(windows.recording), bool), seed + 1)
    with model_file.temporary(gate.content) as file:
        parities = parity.compare_features(gate.model, file, features)
    parity.require(parities, least_agreement, largest_difference)
    return parities


def _check_both(windows: Windows, train: Array, name: str) -> None:
    if len(np.unique(windows.speech[train])) < 2:
        raise ConversionError(
            f"{name} there is only {'speech' if windows.speech[train].any() else 'noise'} left to train on: give more speakers "
            "and more noises"
        )


def _weights(windows: Windows, rows: Array) -> Array:
    """Speech and noise count the same; within each a group counts as the root of its size. Shape (rows,), mean 1."""
    speech, names = windows.speech[rows], windows.group[rows]
    weights = np.zeros(len(names))
    for name in np.unique(names):
        group = names == name
        weights[group] = (_SYNTHETIC_WEIGHT if name.startswith("synthetic ") else 1) / np.sqrt(group.sum())
    for side in (speech, ~speech):
        weights[side] *= len(names) / 2 / weights[side].sum()
    return weights


def _examples(windows: Windows, rows: Array, seed: int) -> Array:
    """The features of some of the rows."""
    chosen = np.random.default_rng(seed).permutation(np.flatnonzero(rows))[:_N_CALIBRATION]
    return np.asarray(windows.features[np.sort(chosen)])


def _log_odds(answers: Array) -> Array:
    """Of speech, from probabilities, (n, 2)."""
    odds = np.log(np.maximum(answers[:, 1].astype(np.float64), 1e-12)) - np.log(np.maximum(answers[:, 0], 1e-12))
    return np.asarray(np.clip(odds, -_LARGEST_LOGIT, _LARGEST_LOGIT))
