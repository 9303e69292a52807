"""Repeats the original study, five architectures with five numbers of MFCCs, and adds scores for new speakers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from numpy.typing import NDArray

from emotion_edge.features.recipe import MfccRecipe
from emotion_edge.model.recipe import ModelRecipe

from ..corpora.readers import Utterance
from ..evaluation.metrics import accuracy, label_numbers, uar
from ..settings import ARCHITECTURES, EPOCHS, MFCC_COUNTS, SEED
from .fitting import Training, train
from .splits import random_split, speaker_splits

SAMPLE_RATE_HZ: Final = 22050
ORIGINAL: Final = {
    13: (0.2, 0.28, 0.73, 0.81, 0.44),
    20: (0.2, 0.39, 0.88, 0.94, 0.32),
    30: (0.2, 0.65, 0.96, 0.95, 0.62),
    40: (0.24, 0.91, 0.98, 0.97, 0.80),
    50: (0.2, 0.94, 0.97, 0.99, 0.95),
}
"""Accuracy of the original study on its random test third: number of MFCCs to models 1 to 5."""


@dataclass(frozen=True)
class Score:
    """The result of one training.

    Attributes:
        split: name of the split.
        n_train, n_test: number of recordings in each set.
        accuracy, uar: on the test set.
        confusion: rows actual, columns predicted.
        history: per epoch, see `fitting.Training`.
    """

    split: str
    n_train: int
    n_test: int
    accuracy: float
    uar: float
    confusion: list[list[int]]
    history: dict[str, list[float]]


@dataclass(frozen=True)
class Cell:
    """One architecture with one number of MFCCs: the score of the random split, then one for each speaker left out."""

    architecture: str
    n_mfcc: int
    scores: list[Score]


@dataclass(frozen=True)
class Study:
    """All cells, and the settings of the study."""

    corpora: list[str]
    labels: list[str]
    seed: int
    epochs: int
    n_recordings: int
    cells: list[Cell]

    def cell(self, architecture: str, n_mfcc: int) -> Cell | None:
        """One cell, or None if the study does not contain it."""
        found = [cell for cell in self.cells if (cell.architecture, cell.n_mfcc) == (architecture, n_mfcc)]
        return found[0] if found else None

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def mfcc_recipe(name: str, labels: Sequence[str], n_mfcc: int) -> ModelRecipe:
    """The study's features: librosa's MFCC at 22050 Hz, averaged over time."""
    mfcc = MfccRecipe.preset("librosa", sample_rate_hz=SAMPLE_RATE_HZ, n_mfcc=n_mfcc)
    return ModelRecipe(name=name, labels=tuple(labels), mfcc=mfcc)


def run(
    utterances: Sequence[Utterance],
    features: NDArray[Any],
    labels: Sequence[str],
    *,
    mfcc_counts: Sequence[int] = MFCC_COUNTS,
    seed: int = SEED,
    epochs: int = EPOCHS,
) -> Study:
    """Train every architecture with every number of MFCCs on every split.

    Args:
        utterances: all recordings.
        features: shape (n_utterances, at least max(mfcc_counts)). The first n coefficients of the cosine transform do
            not depend on how many are kept, so one extraction is enough.
        labels: the emotions, in the order of the models' outputs.
        mfcc_counts: numbers of coefficients to try.
        seed: random seed for the splits and for every training.
        epochs: number of epochs of every training.
    """
    targets = label_numbers([utterance.emotion for utterance in utterances], labels)
    splits = [random_split(utterances, seed), *speaker_splits(utterances)]

    def cell(architecture: str, n_mfcc: int) -> Cell:
        first = features[:, :n_mfcc]
        trainings = (
            train(architecture, first, targets, len(labels), split, seed=seed, epochs=epochs) for split in splits
        )
        return Cell(architecture, n_mfcc, [score(each) for each in trainings])

    cells = [cell(architecture, n_mfcc) for n_mfcc in mfcc_counts for architecture in ARCHITECTURES]
    corpora = sorted({utterance.corpus for utterance in utterances})
    return Study(corpora, list(labels), seed, epochs, len(utterances), cells)


def score(training: Training) -> Score:
    """The figures of a training that a report needs."""
    matrix: NDArray[Any] = training.confusion
    return Score(
        training.split.name,
        len(training.split.train),
        len(training.split.test),
        accuracy(matrix),
        uar(matrix),
        matrix.tolist(),
        training.history,
    )
