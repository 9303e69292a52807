"""Measures all eight emotions of RAVDESS on actors that a model never heard, with the protocol that others use.

    python benchmarks/eight_emotions.py FOLDS --corpus tess=DIR --corpus ravdess=DIR ...

FOLDS is the folder that `emotion-edge-converter head` writes, with the features of these corpora, given in the same
order. There are six folds of four actors each, in the order of their numbers. Each fold is answered by the int8 file of
a head that is trained like five-emotions, apart from its labels, on everything else: the other actors and the other
corpora. The songs of the tested actors are left out, too. Prints a table and writes benchmarks/eight_emotions.json.
"""

import argparse
import json
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from emotion_edge_converter.conversion import model_file
from emotion_edge_converter.corpora import readers
from emotion_edge_converter.encoder.recipe import reference
from emotion_edge_converter.evaluation.metrics import accuracy, confusion_matrix, label_numbers, uar
from emotion_edge_converter.features import examples
from emotion_edge_converter.models import cross_validation, heads
from emotion_edge_converter.settings import SEED

from emotion_edge import EmotionClassifier
from emotion_edge.model.file import load

CORPUS = "ravdess"
LABELS = ("angry", "calm", "disgust", "fear", "happy", "neutral", "sad", "surprise")
ACTORS_PER_FOLD = 4


def answers(table, recipe, encoder, train, tested):
    """The label numbers of the tested recordings, by a head that was not trained on them, and the size of its file."""
    model = heads.fit(table, train, LABELS, seed=SEED)
    content = cross_validation.converted(model, heads.fitted(recipe, table, train), table, train)
    with model_file.temporary(content, beside=encoder) as file:
        classifier = EmotionClassifier(file)
    return [int(classifier.probabilities(vector).argmax()) for vector in table.features[tested, 0]], len(content)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folds", type=Path)
    parser.add_argument("--corpus", action="append", required=True)
    options = parser.parse_args()
    features = options.folds / "features.npy"
    if not features.is_file():
        parser.error(f"{features}: no such file; emotion-edge-converter head writes it")
    found = load(options.folds / "fold-1.tflite").recipe.encoder
    encoder = options.folds / f"{found.name}.tflite"
    recipe = heads.recipe("ravdess-eight", LABELS, reference(encoder))
    made = {"n_versions": 0, "noises": [], "rooms": [], "seed": SEED, "jobs": 1, "encoder": options.folds}
    table = examples.extract(readers.read(options.corpus), recipe, file=features, **made)
    names = readers.speakers(table.utterances)
    own = np.array([utterance.corpus == CORPUS and utterance.emotion in LABELS for utterance in table.utterances])
    actors = sorted(set(names[own]))
    matrix, folds = np.zeros((len(LABELS), len(LABELS)), int), []
    for first in range(0, len(actors), ACTORS_PER_FOLD):
        held_out = np.isin(names, actors[first : first + ACTORS_PER_FOLD])
        tested = np.flatnonzero(held_out & own)
        predicted, size = answers(table, recipe, encoder, ~held_out, tested)
        actual = label_numbers([table.utterances[row].emotion for row in tested], LABELS)
        fold = confusion_matrix(actual, np.array(predicted), len(LABELS))
        folds.append(round(uar(fold), 4))
        matrix += fold
        print(f"{', '.join(actors[first : first + ACTORS_PER_FOLD])}: UAR {folds[-1]:.3f}", flush=True)
    figures = {"uar": round(uar(matrix), 4), "accuracy": round(accuracy(matrix), 4), "folds": folds, "bytes": size}
    print(f"UAR {figures['uar']:.3f}, accuracy {figures['accuracy']:.3f}, {size} bytes")
    result = {**figures, "labels": LABELS, "confusion": matrix.tolist(), "recordings": int(own.sum())}
    Path(__file__).with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
