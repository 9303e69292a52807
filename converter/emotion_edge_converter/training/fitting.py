"""Repeatable training: one model of the study on one split, and functions for the other models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tqdm import tqdm

from ..evaluation.metrics import confusion_matrix
from ..settings import EPOCHS, SEED
from .architectures import build
from .splits import Split

BATCH_SIZE: Final = 32
LEARNING_RATE: Final = 0.001


@dataclass(frozen=True)
class Training:
    """A trained model and its results.

    Attributes:
        model: Keras model, raw features to probabilities.
        split: the recordings that it was trained and tested on.
        confusion: confusion matrix of the test set, rows actual, columns predicted.
        history: `accuracy`, `loss`, `val_accuracy` and `val_loss` per epoch. Here val is the test set, which does not
            influence the training.
    """

    model: keras.Model
    split: Split
    confusion: NDArray[np.int64]
    history: dict[str, list[float]]


def train(
    architecture: str,
    features: NDArray[Any],
    targets: NDArray[Any],
    n_labels: int,
    split: Split,
    *,
    seed: int = SEED,
    epochs: int = EPOCHS,
) -> Training:
    """Train with Adam on categorical cross-entropy, then test. The same seed gives the same weights.

    Args:
        architecture: one of `settings.ARCHITECTURES`.
        features: shape (n, n_features).
        targets: label numbers, shape (n,).
        n_labels: number of labels.
        split: rows to train and to test on.
        seed: random seed for weights, dropout and the order of batches.
        epochs: passes over the training set.
    """
    make_repeatable(seed)
    normalisation = keras.layers.Normalization()
    normalisation.adapt(features[split.train])
    model = build(architecture, features.shape[1], n_labels, normalisation)
    one_hot = np.eye(n_labels, dtype=np.float32)[targets]
    description = f"{architecture}, {features.shape[1]} MFCC, {split.name}"
    history = _fitted(model, features, one_hot, split, epochs, description)
    predicted = model(features[split.test], training=False).numpy().argmax(axis=1)
    confusion = confusion_matrix(targets[split.test], predicted, n_labels)
    return Training(model, split, confusion, history)


def _fitted(
    model: keras.Model, features: NDArray[Any], one_hot: NDArray[Any], split: Split, epochs: int, description: str
) -> dict[str, list[float]]:
    """Train with a progress bar, and return the history for `Training`."""
    model.compile(
        optimizer=keras.optimizers.Adam(LEARNING_RATE),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
        steps_per_execution=n_batches(len(split.train), BATCH_SIZE),
    )
    with tqdm(total=epochs, desc=description, unit="epoch", disable=None, leave=False) as bar:
        history = model.fit(
            features[split.train],
            one_hot[split.train],
            batch_size=BATCH_SIZE,
            epochs=epochs,
            verbose=0,
            validation_data=(features[split.test], one_hot[split.test]),
            validation_batch_size=len(split.test),
            callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: bar.update())],
        )
    return {name: [round(float(value), 4) for value in values] for name, values in history.history.items()}


def make_repeatable(seed: int) -> None:
    """Make training deterministic: initial weights, noise, dropout and the order of batches depend on the seed only."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def anneal(model: keras.Model, loss: Any, *, n_rows: int, batch_size: int, epochs: int) -> None:
    """Compile a model for Adam with a learning rate that follows half a cosine to 0 (Loshchilov & Hutter, 2017).

    Args:
        model: an untrained model.
        loss: a loss of Keras, or its name.
        n_rows: number of feature vectors in an epoch.
        batch_size: number of feature vectors in a step.
        epochs: number of epochs until the rate is 0.
    """
    steps = n_batches(n_rows, batch_size)
    schedule = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps * epochs)
    model.compile(optimizer=keras.optimizers.Adam(schedule), loss=loss, steps_per_execution=steps)


def n_batches(n_rows: int, batch_size: int) -> int:
    """The number of batches in an epoch; the last may be smaller.

    It is also used for `steps_per_execution`: on models this small, a call costs more time than its computation.
    """
    return -(-n_rows // batch_size)
