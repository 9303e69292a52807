"""Fits the last layers of a trained model to a few clips of one voice, and checks whether that helps.

The earlier layers do not change. The weights of the last layers are pulled towards their original values (L2-SP: Li,
Grandvalet & Davoine, 2018): the fit is the most probable change if changes of the weights have a normal prior around 0.
It has no learning rate, no number of epochs and no seed.

The clips contain no information about labels that were not recorded. So the likelihood only compares recorded labels.
If some labels are missing, only the last layer is fitted, and the weights of the missing outputs do not change at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.model_selection import RepeatedStratifiedKFold

from ..conversion.keras_models import passed
from ..evaluation.metrics import accuracy, confusion_matrix, uar
from ..settings import SIGNIFICANT

Array = NDArray[Any]

N_LAYERS: Final = 2
"""Number of fitted layers. For a network of three layers and ten clips of each label of nEMO, the UAR was 0.45 before,
0.68 with one layer, 0.78 with two, and no better with all three."""

DEVIATION: Final = 30.0
"""Standard deviation of the prior for the change of a layer's output for a typical clip. Among 1, 3, 10 and 30, this
was best on speakers of nEMO, EmoDB and RAVDESS, on which the base model tess-mlp was not trained. 100 gained 1 to 3
points of UAR more, did not improve the log loss, and made the model worse on the speakers of its training data."""

MOST_FOLDS: Final = 5
SHUFFLES: Final = 5

_DRAWS: Final = 10_000
# Relative decrease of the loss at which the search stops. A thousandth of it takes five times as long.
_CONVERGED: Final = 1e-6


@dataclass(frozen=True)
class Comparison:
    """The answers of a model to clips, before and after it was adapted to other clips of the same voice.

    Attributes:
        targets: label numbers, shape (n,).
        before: probabilities, shape (n, n_labels).
        after: probabilities for each clip by a model that was not adapted to it, shape (n_shuffles, n, n_labels).
        n_folds: number of folds in each shuffle.
    """

    targets: Array
    before: Array
    after: Array
    n_folds: int

    @property
    def figures(self) -> dict[str, tuple[float, float]]:
        """Name of each metric to its values before and after; the latter is the mean over the shuffles."""
        return {
            name: (
                figure(self.before, self.targets),
                float(np.mean([figure(each, self.targets) for each in self.after])),
            )
            for name, figure in (("accuracy", _accuracy), ("UAR", _uar), ("log loss", _log_loss))
        }

    @property
    def gain(self) -> float:
        """The increase of the UAR."""
        return float(self._gains.sum())

    @cached_property
    def p_value(self) -> float:
        """The probability that chance alone changes the UAR by at least as much, up or down.

        A paired permutation test: without an effect, before and after could be swapped for each clip (Noreen, 1989).
        With one shuffle and equally many clips of each label, it is McNemar's exact test.
        """
        signs = np.random.default_rng(0).choice([-1.0, 1.0], (_DRAWS, len(self.targets)))
        as_extreme = np.abs(signs @ self._gains) >= abs(self.gain) - 1e-12
        return float((as_extreme.sum() + 1) / (_DRAWS + 1))

    @property
    def helps(self) -> bool:
        """Whether the UAR rises significantly, and is better than guessing."""
        guessing = 1 / len(np.unique(self.targets))
        return self.gain > 0 and self.p_value < SIGNIFICANT and self.figures["UAR"][1] > guessing

    @property
    def _gains(self) -> Array:
        """The contribution of each clip to the gain, shape (n,): the change of its share of right answers, times its
        weight.
        """
        right = (self.after.argmax(axis=2) == self.targets).mean(axis=0)
        return np.asarray((right - (self.before.argmax(axis=1) == self.targets)) * _shares(self.targets))


def fit(inputs: Array, weights: Sequence[Array], targets: Array, *, temperature: float = 1.0) -> list[Array]:
    """Fit the weights of the last layers to clips. Each label counts the same.

    Args:
        inputs: inputs of the first of these layers, shape (n, n_inputs).
        weights: the original weights of each layer, see `keras_models.LastLayers.weights`.
        targets: label numbers, shape (n,). For labels that do not occur, the columns of the last layer do not change.
        temperature: the device divides the logits by it.
    """
    recorded, columns = np.unique(targets, return_inverse=True)
    original, rows = [*weights[:-1], weights[-1][:, recorded]], np.arange(len(targets))
    counts = len(targets) * _shares(targets)
    pulls = [np.mean(np.sum(each**2, axis=1)) / DEVIATION**2 for each in passed(inputs, original)[:-1]]

    def loss(flat: Array) -> tuple[float, Array]:
        changes = _unflattened(flat, original)
        changed = [matrix + change for matrix, change in zip(original, changes, strict=True)]
        *layer_inputs, logits = passed(inputs, changed)
        likelihoods = log_softmax(logits / temperature, axis=1)
        slopes = np.exp(likelihoods)
        slopes[rows, columns] -= 1
        value = -counts @ likelihoods[rows, columns]
        value += sum(pull / 2 * np.sum(change**2) for pull, change in zip(pulls, changes, strict=True))
        gradients = _gradients(layer_inputs, changed, slopes * counts[:, None] / temperature)
        pulled = [each + pull * change for each, pull, change in zip(gradients, pulls, changes, strict=True)]
        return float(value), np.concatenate([each.ravel() for each in pulled])

    start = np.zeros(sum(matrix.size for matrix in original))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 1000, "ftol": _CONVERGED})
    changes = _unflattened(found.x, original)
    last = weights[-1].copy()
    last[:, recorded] += changes[-1]
    return [*(matrix + change for matrix, change in zip(weights, changes[:-1], strict=False)), last]


def _gradients(layer_inputs: Sequence[Array], weights: Sequence[Array], slopes: Array) -> list[Array]:
    """The gradients of a loss for the weights of each layer, from its gradients for the logits, shape (n, n_labels)."""
    gradients: list[Array] = []
    for number in reversed(range(len(weights))):
        gradients.insert(0, layer_inputs[number].T @ slopes)
        if number:
            n_units = weights[number - 1].shape[1]  # without the column of ones
            slopes = (slopes @ weights[number].T * (layer_inputs[number] > 0))[:, :n_units]
    return gradients


def _unflattened(flat: Array, like: Sequence[Array]) -> list[Array]:
    """Split a vector into matrices with the shapes of the given ones."""
    ends = np.cumsum([matrix.size for matrix in like])
    return [part.reshape(matrix.shape) for part, matrix in zip(np.split(flat, ends[:-1]), like, strict=True)]


def cross_validate(
    inputs: Array, weights: Sequence[Array], targets: Array, *, seed: int, temperature: float = 1.0
) -> Comparison:
    """Stratified cross-validation, repeated with several shuffles of the clips.

    Args:
        inputs, weights, targets, temperature: as in `fit`. Each label that occurs must occur at least twice.
        seed: random seed for the shuffles.
    """
    n_folds = int(min(MOST_FOLDS, np.unique(targets, return_counts=True)[1].min()))
    folds = RepeatedStratifiedKFold(n_splits=n_folds, n_repeats=SHUFFLES, random_state=seed)
    after = np.empty((SHUFFLES, len(targets), weights[-1].shape[1]))
    for number, (train, test) in enumerate(folds.split(inputs, targets)):
        fitted = fit(inputs[train], weights, targets[train], temperature=temperature)
        after[number // n_folds, test] = _probabilities(inputs[test], fitted, temperature)
    return Comparison(targets, _probabilities(inputs, weights, temperature), after, n_folds)


def _probabilities(inputs: Array, weights: Sequence[Array], temperature: float) -> Array:
    return np.asarray(softmax(passed(inputs, weights)[-1] / temperature, axis=1))


def _shares(targets: Array) -> Array:
    """The weight of each clip if each label counts the same, shape (n,). The sum is 1."""
    _, columns, counts = np.unique(targets, return_inverse=True, return_counts=True)
    return np.asarray(1 / (len(counts) * counts[columns]))


def _confusion(answers: Array, targets: Array) -> Array:
    return confusion_matrix(targets, answers.argmax(axis=1), answers.shape[1])


def _accuracy(answers: Array, targets: Array) -> float:
    return accuracy(_confusion(answers, targets))


def _uar(answers: Array, targets: Array) -> float:
    return uar(_confusion(answers, targets))


def _log_loss(answers: Array, targets: Array) -> float:
    """The mean negative log probability of the true labels, in nats."""
    return float(-np.mean(np.log(np.maximum(answers[np.arange(len(targets)), targets], 1e-12))))
