"""Fitting the last layers of a trained model to a few clips of one voice, and finding out whether that helps.

The layers before them stay as they are. Their weights are pulled towards those that they had (L2-SP: Li, Grandvalet &
Davoine, 2018): the fit is the most probable change near the original, if the changes of the weights are a priori normal
around 0. It has no learning rate, no number of epochs, no seed.

Which labels a person recorded says nothing of the others. So the likelihood is that of a label among those recorded, and
where there are others, the last layer alone is fitted, whose outputs of the others keep their weights to the bit.
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
"""So many are fitted. Of five-emotions trained without nEMO, ten clips of each label: UAR 0.45 before, 0.68 with one layer,
0.78 with two, and no more with all three."""

DEVIATION: Final = 30.0
"""By how much an output of such a layer may change for a typical clip, a priori: one standard deviation. Of 1, 3, 10 and 30 the best on
speakers of nEMO, EmoDB and RAVDESS whom the base, tess-mlp, had never heard; 100 gained 1 to 3 points of UAR more, no log
loss, and forgot more of the base's own voices."""

MOST_FOLDS: Final = 5
SHUFFLES: Final = 5

_DRAWS: Final = 10_000
_CONVERGED: Final = 1e-6  # by what share of the loss a step lowers it; a thousandth of that takes five times as long


@dataclass(frozen=True)
class Comparison:
    """What a model says of clips before and after it was adapted to others of the same voice.

    Attributes:
        targets: label numbers, shape (n,).
        before: probabilities, shape (n, n_labels).
        after: the same, each clip's by a model that was not adapted to it, once a shuffle: (n_shuffles, n, n_labels).
        n_folds: into how many parts each shuffle cut the clips.
    """

    targets: Array
    before: Array
    after: Array
    n_folds: int

    @property
    def figures(self) -> dict[str, tuple[float, float]]:
        """Name of a figure to its values before and after, the latter averaged over the shuffles."""
        return {
            name: (
                figure(self.before, self.targets),
                float(np.mean([figure(each, self.targets) for each in self.after])),
            )
            for name, figure in (("accuracy", _accuracy), ("UAR", _uar), ("log loss", _log_loss))
        }

    @property
    def gain(self) -> float:
        """By how much the UAR rises."""
        return float(self._gains.sum())

    @cached_property
    def p_value(self) -> float:
        """How often chance alone changes the UAR by as much, up or down.

        A paired permutation test: had adapting no effect, before and after could be swapped for each clip (Noreen, 1989).
        With one shuffle and as many clips of each label it is McNemar's exact test.
        """
        signs = np.random.default_rng(0).choice([-1.0, 1.0], (_DRAWS, len(self.targets)))
        as_extreme = np.abs(signs @ self._gains) >= abs(self.gain) - 1e-12
        return float((as_extreme.sum() + 1) / (_DRAWS + 1))

    @property
    def helps(self) -> bool:
        """Whether the UAR rises by more than chance would have it, and to more than guessing gives."""
        guessing = 1 / len(np.unique(self.targets))
        return self.gain > 0 and self.p_value < SIGNIFICANT and self.figures["UAR"][1] > guessing

    @property
    def _gains(self) -> Array:
        """What each clip adds to the gain, shape (n,): in how many shuffles more it is right, by the weight of its label."""
        right = (self.after.argmax(axis=2) == self.targets).mean(axis=0)
        return np.asarray((right - (self.before.argmax(axis=1) == self.targets)) * _shares(self.targets))


def fit(inputs: Array, weights: Sequence[Array], targets: Array, *, temperature: float = 1.0) -> list[Array]:
    """The weights of the last layers that fit some clips, each label counting the same.

    Args:
        inputs: of the first of the layers, shape (n, n_inputs).
        weights: the original ones of each layer, as `keras_models.LastLayers` has them.
        targets: label numbers, shape (n,); the columns of the last layer of labels that do not occur stay as they are.
        temperature: what the device divides the logits by.
    """
    recorded, columns = np.unique(targets, return_inverse=True)
    original, rows = [*weights[:-1], weights[-1][:, recorded]], np.arange(len(targets))
    counts = len(targets) * _shares(targets)
    pulls = [np.mean(np.sum(each**2, axis=1)) / DEVIATION**2 for each in passed(inputs, original)[:-1]]

    def loss(flat: Array) -> tuple[float, Array]:
        changes = _unflattened(flat, original)
        several = [matrix + change for matrix, change in zip(original, changes, strict=True)]
        *entered, logits = passed(inputs, several)
        likelihoods = log_softmax(logits / temperature, axis=1)
        slopes = np.exp(likelihoods)
        slopes[rows, columns] -= 1
        value = -counts @ likelihoods[rows, columns]
        value += sum(pull / 2 * np.sum(change**2) for pull, change in zip(pulls, changes, strict=True))
        gradients = _gradients(entered, several, slopes * counts[:, None] / temperature)
        pulled = [each + pull * change for each, pull, change in zip(gradients, pulls, changes, strict=True)]
        return float(value), np.concatenate([each.ravel() for each in pulled])

    start = np.zeros(sum(matrix.size for matrix in original))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 1000, "ftol": _CONVERGED})
    changes = _unflattened(found.x, original)
    last = weights[-1].copy()
    last[:, recorded] += changes[-1]
    return [*(matrix + change for matrix, change in zip(weights, changes[:-1], strict=False)), last]


def _gradients(entered: Sequence[Array], weights: Sequence[Array], slopes: Array) -> list[Array]:
    """Of a loss by the weights of each layer, from its slopes by the logits, shape (n, n_labels)."""
    gradients: list[Array] = []
    for number in reversed(range(len(weights))):
        gradients.insert(0, entered[number].T @ slopes)
        if number:
            n_units = weights[number - 1].shape[1]  # without the column of ones
            slopes = (slopes @ weights[number].T * (entered[number] > 0))[:, :n_units]
    return gradients


def _unflattened(flat: Array, like: Sequence[Array]) -> list[Array]:
    """Numbers in a row as matrices of the shapes of others."""
    ends = np.cumsum([matrix.size for matrix in like])
    return [part.reshape(matrix.shape) for part, matrix in zip(np.split(flat, ends[:-1]), like, strict=True)]


def cross_validate(
    inputs: Array, weights: Sequence[Array], targets: Array, *, seed: int, temperature: float = 1.0
) -> Comparison:
    """Fit on all parts but one, answer that one; each part holds each label, and the clips are shuffled several times.

    Args:
        inputs, weights, targets, temperature: as of `fit`, each label that occurs at least twice.
        seed: of the shuffles.
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
    """What each clip weighs where each label counts the same, shape (n,); together 1."""
    _, columns, counts = np.unique(targets, return_inverse=True, return_counts=True)
    return np.asarray(1 / (len(counts) * counts[columns]))


def _confusion(answers: Array, targets: Array) -> Array:
    return confusion_matrix(targets, answers.argmax(axis=1), answers.shape[1])


def _accuracy(answers: Array, targets: Array) -> float:
    return accuracy(_confusion(answers, targets))


def _uar(answers: Array, targets: Array) -> float:
    return uar(_confusion(answers, targets))


def _log_loss(answers: Array, targets: Array) -> float:
    """The mean surprise, in nats, at the true labels."""
    return float(-np.mean(np.log(np.maximum(answers[np.arange(len(targets)), targets], 1e-12))))
