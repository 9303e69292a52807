"""Trains the model for new speakers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray
from tqdm import trange

from emotion_edge.features.recipe import MfccRecipe, ProsodyRecipe
from emotion_edge.model.recipe import ModelRecipe, ProfileRecipe

from ..corpora.readers import EMOTIONS, SAME_SPEAKERS, Utterance
from ..evaluation.metrics import label_numbers
from ..features.examples import Examples
from ..features.outliers import clipped
from ..settings import SEED
from ..training import architectures, fitting
from ..training.balance import balanced_weights
from ..training.owners import Owners

Array = NDArray[Any]

N_FOLDS: Final = 5

PROFILE: Final = ProfileRecipe(strength=0.5, utterances_to_half=5.0)

# On utterances of held-out speakers, the last 1, 1.5, 2 and 2.5 s gave a mean UAR of 0.59, 0.67, 0.70 and 0.72.
# Complete utterances gave 0.72.
_WINDOW_S: Final = 2.5

_HIDDEN: Final = (208, 64)
_DROPOUT: Final = 0.3
_WEIGHT_DECAY: Final = 3e-4
_NOISE: Final = 0.1  # in standard deviations of a feature
_LABEL_SMOOTHING: Final = 0.05
_BATCH_SIZE: Final = 256
_VERSIONS_AN_EPOCH: Final = 3
_FURTHEST: Final = 6.0  # standard deviations; larger values come from pitch tracking errors or scratches


def recipe(name: str) -> ModelRecipe:
    """The recipe of the model: 16 kHz, functionals of 30 MFCCs from 64 filters and of prosody, every 10 ms."""
    mfcc = MfccRecipe.preset(
        "librosa",
        sample_rate_hz=16000,
        n_mfcc=30,
        n_mels=64,
        n_fft=1024,
        window_length=640,
        hop_length=160,
        fmin_hz=60.0,
        fmax_hz=7600.0,
    )
    prosody = ProsodyRecipe()
    return ModelRecipe(
        name=name,
        labels=EMOTIONS,
        mfcc=mfcc,
        pooling="functionals",
        prosody=prosody,
        profile=PROFILE,
        window_s=_WINDOW_S,
    )


def folds(utterances: Sequence[Utterance]) -> Array:
    """The fold of each recording, shape (n,). Speaker number i of a corpus, sorted, is in fold i modulo 5."""
    speakers: dict[str, set[str]] = {}
    for utterance in utterances:
        speakers.setdefault(SAME_SPEAKERS.get(utterance.corpus, utterance.corpus), set()).add(utterance.speaker)
    fold = {
        (corpus, speaker): number % N_FOLDS
        for corpus, names in speakers.items()
        for number, speaker in enumerate(sorted(names))
    }
    corpora = [SAME_SPEAKERS.get(utterance.corpus, utterance.corpus) for utterance in utterances]
    return np.array([fold[corpus, each.speaker] for corpus, each in zip(corpora, utterances, strict=True)])


def fit(
    examples: Examples, rows: Array, *, labels: Sequence[str] = EMOTIONS, seed: int = SEED, epochs: int
) -> keras.Model:
    """Train on the recordings in a mask of shape (n,). The same seed gives the same weights.

    The training includes emotions that are not among the labels; their outputs are removed afterwards. Examples of
    disgust or surprise help to recognise anger. About half of the examples are changed as by a device with a profile of
    the speaker.

    Returns:
        Raw features to the probabilities of the labels.
    """
    fitting.make_repeatable(seed)
    random = np.random.default_rng(seed)
    utterances = [utterance for utterance, wanted in zip(examples.utterances, rows, strict=True) if wanted]
    features = clipped(examples.features[rows], _FURTHEST)
    names = [utterance.emotion for utterance in utterances]
    learnt = (*labels, *sorted(set(names) - set(labels)))
    targets = np.eye(len(learnt), dtype=np.float32)[label_numbers(names, learnt)]
    weights = balanced_weights(utterances, labels)
    n_features = features.shape[2]
    model = architectures.regularised(
        features.reshape(-1, n_features),
        _HIDDEN,
        len(learnt),
        noise=_NOISE,
        dropout=_DROPOUT,
        weight_decay=_WEIGHT_DECAY,
    )
    n_rows = len(features) * _VERSIONS_AN_EPOCH
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=_LABEL_SMOOTHING)
    fitting.anneal(model, loss, n_rows=n_rows, batch_size=_BATCH_SIZE, epochs=epochs)
    owners = Owners(features, utterances, PROFILE)
    targets, weights = np.tile(targets, (_VERSIONS_AN_EPOCH, 1)), np.tile(weights, _VERSIONS_AN_EPOCH)
    for _ in trange(epochs, desc="training", unit="epoch", disable=None, leave=False):
        versions = random.integers(features.shape[1], size=(_VERSIONS_AN_EPOCH, len(features)))
        drawn = features[np.arange(len(features)), versions] - owners.draw(_VERSIONS_AN_EPOCH, random)
        model.fit(drawn.reshape(n_rows, n_features), targets, sample_weight=weights, batch_size=_BATCH_SIZE, verbose=0)
    return _cut(model, len(labels))


def _cut(model: keras.Model, n_labels: int) -> keras.Model:
    """The same model without noise and dropout, with only the first outputs. Their proportions stay the same."""
    kept = [layer for layer in model.layers if isinstance(layer, keras.layers.Normalization | keras.layers.Dense)]
    last = keras.layers.Dense(n_labels, activation="softmax")
    small = keras.Sequential([keras.Input(model.input_shape[1:]), *kept[:-1], last], name="five_emotions")
    last.set_weights([weights[..., :n_labels] for weights in kept[-1].get_weights()])
    return small
