"""Trains cross-validation models, one per fold of speakers and one without each corpus, and the model for all data."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from emotion_edge import EmotionClassifier
from emotion_edge.model.file import Model
from emotion_edge.model.recipe import ModelRecipe

from ..conversion import model_file
from ..conversion.keras_models import load_keras, save_keras
from ..conversion.tflite import convert
from ..corpora.readers import SAME_SPEAKERS, corpus_of_speaker
from ..evaluation import calibration
from ..evaluation.fold_models import FOLDS_FILE
from ..evaluation.metrics import confusion_matrix, label_numbers, uar
from ..features.examples import Examples
from ..files import write_bytes, write_text
from ..training import splits

Array = NDArray[Any]

VARIANT: Final = "float16"
"""A head is small. As int8 it would be smaller still, and its probabilities would have coarse steps."""

PROTOCOL: Final = (
    f"{splits.N_FOLDS} folds by speaker, all corpora together, every statistic from the training side, the file of the "
    "device; corpus left out: by a model that was trained without it; UAR of recordings as they are, without the "
    "speech gate"
)


@dataclass(frozen=True)
class TrainingSet:
    """The recordings that a model is trained on.

    Attributes:
        name: name of the files of the model.
        train: mask of the recordings in the set, shape (n,).
        corpus: the corpus that is left out; empty for a fold.
    """

    name: str
    train: Array
    corpus: str = ""


@dataclass(frozen=True)
class Trainer:
    """How the models are trained.

    Attributes:
        fit: trains on the recordings in a mask, raw features to probabilities.
        recipe: completes the recipe of a model with what depends on its training recordings.
        encoder: the file of the voice encoder.
    """

    fit: Callable[[Examples, Array], keras.Model]
    recipe: Callable[[ModelRecipe, Examples, Array], ModelRecipe]
    encoder: Path


def training_sets(examples: Examples) -> Iterator[TrainingSet]:
    """One set per fold, then one without each corpus, if there are several corpora."""
    fold = splits.folds(examples.utterances)
    for number in np.unique(fold):
        yield TrainingSet(f"fold-{number + 1}", fold != number)
    corpora = np.array([corpus_of_speaker(each) for each in examples.utterances])
    for corpus in np.unique(corpora) if len(np.unique(corpora)) > 1 else ():
        yield TrainingSet(f"without-{corpus}", corpora != corpus, str(corpus))


def run(examples: Examples, recipe: ModelRecipe, folder: Path, trainer: Trainer) -> ModelRecipe:
    """Train, convert and calibrate all models, and write them into a folder with a `folds.json`.

    A Keras model that is already in the folder is used again, so an interrupted run can be resumed.

    Temperature and threshold come from corpora that were left out, because users' recordings are from no corpus; if
    there is only one corpus, from speakers that were.

    Returns:
        The recipe with temperature, threshold and profile for all recordings, and the scores on held-out recordings.
    """
    sets = list(training_sets(examples))
    models = {each.name: trained(examples, each, folder, trainer) for each in sets}
    contents = {
        each.name: converted(models[each.name], trainer.recipe(recipe, examples, each.train), examples, each.train)
        for each in sets
    }
    folds = [each for each in sets if not each.corpus]
    logits = _held_out_answers(examples, folds, contents, trainer.encoder)
    left_out = _held_out_answers(examples, [each for each in sets if each.corpus], contents, trainer.encoder)
    strangers = left_out if len(left_out) else logits
    for each in sets:
        own = Model.from_bytes(contents[each.name]).recipe.replace(name=each.name)
        own = _calibrated(examples, own, strangers, each.train)
        write_bytes(folder / f"{each.name}.tflite", model_file.embed(contents[each.name], own))
    write_text(folder / FOLDS_FILE, json.dumps(_folds(examples, sets), indent=1) + "\n")
    write_bytes(folder / trainer.encoder.name, trainer.encoder.read_bytes())
    scores = _scores(examples, recipe, logits, "UAR") | _scores(examples, recipe, left_out, "UAR, corpus left out")
    all_rows = np.ones(len(logits), bool)
    everything = _calibrated(examples, recipe, strangers, all_rows)
    return trainer.recipe(everything.replace(protocol=PROTOCOL, scores=scores), examples, all_rows)


def of_everything(examples: Examples, recipe: ModelRecipe, folder: Path, trainer: Trainer) -> tuple[keras.Model, bytes]:
    """Train the model on all recordings, and convert it."""
    everything = TrainingSet("everything", np.ones(len(examples.utterances), bool))
    model = trained(examples, everything, folder, trainer)
    return model, converted(model, recipe, examples, everything.train)


def trained(examples: Examples, training_set: TrainingSet, folder: Path, trainer: Trainer) -> keras.Model:
    """Read the Keras model of a training set from its file in the folder, or train it and write it there."""
    file = folder / f"{training_set.name}.keras"
    if file.is_file():
        return load_keras(file)
    model = trainer.fit(examples, training_set.train)
    save_keras(model, file)
    return model


def converted(model: keras.Model, recipe: ModelRecipe, examples: Examples, train: Array) -> bytes:
    """Convert a model to `VARIANT`.

    Args:
        model: raw features to probabilities.
        recipe: the recipe to embed, with the standardisation.
        examples: n recordings.
        train: mask of the recordings that the model was trained on, shape (n,).

    Raises:
        ConversionError: the model cannot be expressed in TFLite.
    """
    return convert(model, recipe, examples.features[train, 0], VARIANT)


def _held_out_answers(
    examples: Examples, sets: Sequence[TrainingSet], contents: Mapping[str, bytes], encoder: Path
) -> Array:
    """Log probabilities by the models for recordings that they were not trained on, as recorded, (n, n_labels)."""
    answers: dict[int, Array] = {}
    for each in sets:
        with model_file.temporary(contents[each.name], beside=encoder) as file:
            classifier = EmotionClassifier(file)
        for row in np.flatnonzero(~each.train):
            answers[int(row)] = np.log(classifier.probabilities(examples.features[row, 0]))
    return np.array([answers[row] for row in range(len(answers))])


def _scores(examples: Examples, recipe: ModelRecipe, logits: Array, name: str) -> dict[str, float]:
    """The UAR of each corpus, and their mean; empty if there are no answers."""
    if not len(logits):
        return {}
    emotions = np.array([utterance.emotion for utterance in examples.utterances])
    corpora = np.array([utterance.corpus for utterance in examples.utterances])
    scores = {}
    for corpus in sorted(set(corpora.tolist()) - SAME_SPEAKERS.keys()):  # the same people's songs do not count
        rows = (corpora == corpus) & np.isin(emotions, recipe.labels)
        targets = label_numbers(emotions[rows].tolist(), recipe.labels)
        matrix = confusion_matrix(targets, logits[rows].argmax(axis=1), len(recipe.labels))
        scores[f"{name}, {corpus}"] = round(uar(matrix), 4)
    return {**scores, f"{name}, mean": round(float(np.mean(list(scores.values()))), 4)}


def _calibrated(examples: Examples, recipe: ModelRecipe, logits: Array, train: Array) -> ModelRecipe:
    """The recipe with temperature and threshold from the training recordings. Every corpus counts the same."""
    emotions = [utterance.emotion for utterance in examples.utterances]
    rows = np.flatnonzero(train & np.isin(emotions, recipe.labels))
    targets = label_numbers([emotions[row] for row in rows], recipe.labels)
    corpora = [examples.utterances[row].corpus for row in rows]
    counts = Counter(corpora)
    weights = 1 / np.array([counts[corpus] for corpus in corpora])
    temperature = calibration.temperature(logits[rows], targets, weights)
    probabilities = softmax(logits[rows] / temperature, axis=1)
    threshold = calibration.uncertain_below(probabilities, targets, weights)
    return recipe.replace(temperature=temperature, uncertain_below=threshold)


def _folds(examples: Examples, sets: Sequence[TrainingSet]) -> dict[str, Any]:
    """The content of `folds.json`: which model answers which speakers."""
    folds = []
    for each in (each for each in sets if not each.corpus):
        speakers: dict[str, list[str]] = {}
        for utterance, trained_on in zip(examples.utterances, each.train, strict=True):
            names = speakers.setdefault(utterance.corpus, [])
            if not trained_on and utterance.speaker not in names:
                names.append(utterance.speaker)
        folds.append({"model": f"{each.name}.tflite", "speakers": speakers})
    left_out = [{"model": f"{each.name}.tflite", "corpus": each.corpus} for each in sets if each.corpus]
    return {"folds": folds, "left_out": left_out}
