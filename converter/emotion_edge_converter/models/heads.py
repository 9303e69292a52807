"""Trains heads: models on the voice encoder that work with a profile of the speaker and without one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from emotion_edge.model.recipe import EncoderReference, ModelRecipe, ProfileRecipe, Standardisation

from ..conversion.tflite import decimals
from ..corpora.readers import Utterance, speakers
from ..encoder.recipe import MFCC
from ..evaluation.metrics import label_numbers
from ..features.examples import Examples
from ..training import linear, shallow
from ..training.balance import balanced_weights
from ..training.voices import Voices, emotion_means

Array = NDArray[Any]

_WINDOW_S: Final = 2.5
_RIDGE: Final = 0.03  # of the heads that only estimate the emotions of profiles
_LABEL_SMOOTHING: Final = 0.1
_N_FOLDS: Final = 5
_N_PROFILES: Final = 3  # drawn for each recording
_NO_PROFILE: Final = 0.25  # the weight of each recording without a profile
_STRENGTH: Final = 1.0
_UTTERANCES_TO_HALF: Final = 1.0
_EMOTION_SHARE: Final = 0.7


def recipe(name: str, labels: Sequence[str], encoder: EncoderReference) -> ModelRecipe:
    """The recipe of a head, before it is trained."""
    return ModelRecipe(name=name, labels=tuple(labels), mfcc=MFCC, pooling="loud", encoder=encoder, window_s=_WINDOW_S)


def fit(examples: Examples, rows: Array, labels: Sequence[str], *, seed: int) -> keras.Model:
    """Train on the recordings in a mask of shape (n,). The same seed gives the same head.

    Emotions that are not among the labels are learnt too, with half the weight, and their outputs are removed
    afterwards.
    """
    utterances = [each for each, wanted in zip(examples.utterances, rows, strict=True) if wanted]
    features = examples.features[rows]
    names = [each.emotion for each in utterances]
    learnt = _learnt(utterances, labels)
    targets = np.eye(len(learnt), dtype=np.float32)[label_numbers(names, learnt)]
    targets = targets * (1 - _LABEL_SMOOTHING) + _LABEL_SMOOTHING / len(learnt)
    weights = balanced_weights(utterances, labels)
    mean, deviation = linear.standardisation(features, weights)
    standardised = (features - mean) / deviation
    means = emotion_means(standardised[:, 0], utterances, learnt)
    answers = _cross_fitted(standardised, targets, weights, speakers(utterances))
    voices = Voices(standardised, answers, utterances, _profile(means), means)
    random = np.random.default_rng(seed)
    shifts = [np.zeros((), np.float32), *(voices.offsets(random) for _ in range(_N_PROFILES))]
    shares = [_NO_PROFILE, *[(1 - _NO_PROFILE) / _N_PROFILES] * _N_PROFILES]
    n_versions, n_features = features.shape[1:]
    network = shallow.fit(
        np.concatenate([shallow.limited(standardised - shift).reshape(-1, n_features) for shift in shifts]),
        np.tile(np.repeat(targets, n_versions, axis=0), (len(shifts), 1)),
        np.concatenate([share * np.repeat(weights, n_versions) for share in shares]),
        seed=seed,
    )
    return shallow.complete(network, mean, deviation, len(labels), "head")


def fitted(recipe: ModelRecipe, examples: Examples, rows: Array) -> ModelRecipe:
    """The recipe with the standardisation and the use of voice profiles of a head on the recordings in a mask (n,)."""
    utterances = [each for each, wanted in zip(examples.utterances, rows, strict=True) if wanted]
    features = examples.features[rows]
    mean, deviation = linear.standardisation(features, balanced_weights(utterances, recipe.labels))
    deviation = shallow.LIMIT * deviation  # as in shallow.complete
    means = emotion_means((features[:, 0] - mean) / deviation, utterances, recipe.labels)
    standardisation = Standardisation(mean=decimals(mean), deviation=decimals(deviation))
    return recipe.replace(standardisation=standardisation, profile=_profile(means))


def _profile(means: Array) -> ProfileRecipe:
    return ProfileRecipe(
        strength=_STRENGTH,
        utterances_to_half=_UTTERANCES_TO_HALF,
        emotion_share=_EMOTION_SHARE,
        emotion_means=tuple(round(float(number), 4) for number in means.ravel()),
    )


def _learnt(utterances: Sequence[Utterance], labels: Sequence[str]) -> tuple[str, ...]:
    """The labels, then the other emotions of the recordings."""
    return (*labels, *sorted({each.emotion for each in utterances} - set(labels)))


def _cross_fitted(standardised: Array, targets: Array, weights: Array, names: Array) -> Array:
    """Probabilities by heads without profiles, for speakers that they were not trained on, (n, n_learnt)."""
    recorded = shallow.limited(standardised[:, 0])
    fold = np.unique(names, return_inverse=True)[1] % _N_FOLDS
    answers = np.empty((len(targets), targets.shape[1]), np.float32)
    for number in range(_N_FOLDS):
        train = fold != number
        kernel, bias = linear.fit(recorded[train], targets[train], weights[train], _RIDGE)
        answers[~train] = softmax(recorded[~train] @ kernel + bias, axis=1)
    return answers
