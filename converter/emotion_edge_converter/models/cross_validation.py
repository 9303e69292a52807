"""Models that never heard those whom they answer: one a fold of speakers, one without each corpus; and one of everything."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
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
from ..evaluation import calibration
from ..evaluation.fold_models import FOLDS_FILE
from ..evaluation.metrics import confusion_matrix, label_numbers, uar
from ..features.examples import Examples
from ..features.outliers import clipped
from ..files import write_bytes, write_text
from . import five_emotions

Array = NDArray[Any]

_N_CALIBRATION: Final = 3000

# In deviations. Held-out speakers of a fold: with 4 the int8 model gave the same label as Keras to 0.992 of the recordings,
# with 3 to 0.987, with 6 to 0.985.
_FURTHEST: Final = 4.0


PROTOCOL: Final = (
    f"{five_emotions.N_FOLDS} folds by speaker, all corpora together, every statistic from the training side, the int8 file; corpus left "
    "out: by a model that heard none of it; UAR of recordings as they are, the speech gate not asked"
)


@dataclass(frozen=True)
class Part:
    """What one of the models is trained on.

    Attributes:
        name: of its files.
        train: which recordings it hears, a mask of shape (n,).
        corpus: the corpus that it is trained without; empty where it is a fold's.
    """

    name: str
    train: Array
    corpus: str = ""


def parts(examples: Examples) -> Iterator[Part]:
    """The folds, then the corpora, where there are several."""
    fold = five_emotions.folds(examples.utterances)
    for number in np.unique(fold):
        yield Part(f"fold-{number + 1}", fold != number)
    of = np.array([utterance.corpus for utterance in examples.utterances])
    for corpus in np.unique(of) if len(np.unique(of)) > 1 else ():
        yield Part(f"without-{corpus}", of != corpus, str(corpus))


def run(examples: Examples, recipe: ModelRecipe, folder: Path, *, seed: int, epochs: int) -> ModelRecipe:
    """Train, convert and calibrate them all, and write them with a `folds.json` into a folder.

    A Keras model that lies in the folder already is taken as it is, so that a run that was cut off goes on.

    Returns:
        The recipe with what the models said to strangers: the temperature and the threshold from all folds together,
        and the scores.
    """
    several = list(parts(examples))
    models = {part.name: trained(examples, part, folder, seed=seed, epochs=epochs) for part in several}
    contents = {part.name: converted(models[part.name], recipe, examples, part.train, seed) for part in several}
    in_folds = [part for part in several if not part.corpus]
    logits = _of_strangers(examples, in_folds, contents)
    for part in several:
        own = Model.from_bytes(contents[part.name]).recipe.replace(name=part.name)
        own = _calibrated(examples, own, logits, part.train)
        write_bytes(folder / f"{part.name}.tflite", model_file.embed(contents[part.name], own))
    write_text(folder / FOLDS_FILE, json.dumps(_folds(examples, several), indent=1) + "\n")
    left_out = _of_strangers(examples, [part for part in several if part.corpus], contents)
    scores = _scores(examples, recipe, logits, "UAR") | _scores(examples, recipe, left_out, "UAR, corpus left out")
    everything = _calibrated(examples, recipe, logits, np.ones(len(logits), bool))
    return everything.replace(protocol=PROTOCOL, scores=scores)


def of_everything(
    examples: Examples, recipe: ModelRecipe, folder: Path, *, seed: int, epochs: int
) -> tuple[keras.Model, bytes]:
    """The model that is trained on all recordings, and its int8 file."""
    everything = Part("everything", np.ones(len(examples.utterances), bool))
    model = trained(examples, everything, folder, seed=seed, epochs=epochs)
    return model, converted(model, recipe, examples, everything.train, seed)


def trained(examples: Examples, part: Part, folder: Path, *, seed: int, epochs: int) -> keras.Model:
    """A part's Keras model, from its file in the folder, else trained and written there."""
    file = folder / f"{part.name}.keras"
    if file.is_file():
        return load_keras(file)
    model = five_emotions.fit(examples, part.train, seed=seed, epochs=epochs)
    save_keras(model, file)
    return model


def converted(model: keras.Model, recipe: ModelRecipe, examples: Examples, train: Array, seed: int) -> bytes:
    """The int8 file of a model, its ranges from some versions of the recordings that it was trained on.

    Args:
        model: raw features to probabilities.
        recipe: what to embed.
        examples: n recordings.
        train: which of them it heard, a mask of shape (n,).
        seed: of the choice among their versions.

    Raises:
        ConversionError: TFLite cannot hold the model.
    """
    features = examples.features[train].reshape(-1, examples.features.shape[2])
    chosen = np.random.default_rng(seed).permutation(len(features))[:_N_CALIBRATION]
    return convert(model, recipe, clipped(features[np.sort(chosen)], _FURTHEST))


def _of_strangers(examples: Examples, several: Sequence[Part], contents: Mapping[str, bytes]) -> Array:
    """What the int8 models say of recordings, as recorded, that they did not hear: log probabilities, (n, n_labels)."""
    answers: dict[int, Array] = {}
    for part in several:
        with model_file.temporary(contents[part.name]) as file:
            classifier = EmotionClassifier(file)
        for row in np.flatnonzero(~part.train):
            answers[int(row)] = np.log(classifier.probabilities(examples.features[row, 0]))
    return np.array([answers[row] for row in range(len(answers))])


def _scores(examples: Examples, recipe: ModelRecipe, logits: Array, name: str) -> dict[str, float]:
    """The UAR of each corpus, and their mean; nothing where there are no answers."""
    if not len(logits):
        return {}
    emotions = np.array([utterance.emotion for utterance in examples.utterances])
    of = np.array([utterance.corpus for utterance in examples.utterances])
    scores = {}
    for corpus in np.unique(of):
        rows = (of == corpus) & np.isin(emotions, recipe.labels)
        targets = label_numbers(emotions[rows].tolist(), recipe.labels)
        matrix = confusion_matrix(targets, logits[rows].argmax(axis=1), len(recipe.labels))
        scores[f"{name}, {corpus}"] = round(uar(matrix), 4)
    return {**scores, f"{name}, mean": round(float(np.mean(list(scores.values()))), 4)}


def _calibrated(examples: Examples, recipe: ModelRecipe, logits: Array, train: Array) -> ModelRecipe:
    """The recipe with temperature and threshold from the recordings that a model may know, every corpus counting the same."""
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


def _folds(examples: Examples, several: Sequence[Part]) -> dict[str, Any]:
    """`folds.json`: who answers whom."""
    folds = []
    for part in (part for part in several if not part.corpus):
        speakers: dict[str, list[str]] = {}
        for utterance, heard in zip(examples.utterances, part.train, strict=True):
            names = speakers.setdefault(utterance.corpus, [])
            if not heard and utterance.speaker not in names:
                names.append(utterance.speaker)
        folds.append({"model": f"{part.name}.tflite", "speakers": speakers})
    left_out = [{"model": f"{part.name}.tflite", "corpus": part.corpus} for part in several if part.corpus]
    return {"folds": folds, "left_out": left_out}
