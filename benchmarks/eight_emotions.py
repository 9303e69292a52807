"""Measures all eight emotions of RAVDESS on actors that a model never heard, with the protocol that others use.

    python benchmarks/eight_emotions.py FOLDS --corpus tess=DIR --corpus ravdess=DIR ...

FOLDS is the folder that `emotion-edge-converter five-emotions` writes, with the features of these corpora, given in
the same order. There are six folds of four actors each, in the order of their numbers. Each fold is answered by the
int8 file of a model that is trained like five-emotions, apart from its labels, on everything else: the other actors
and the other corpora. Prints a table and writes benchmarks/eight_emotions.json.
"""

import argparse
import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from emotion_edge_converter.conversion import model_file
from emotion_edge_converter.corpora import readers
from emotion_edge_converter.evaluation.metrics import accuracy, confusion_matrix, label_numbers, uar
from emotion_edge_converter.features import examples
from emotion_edge_converter.models import cross_validation, five_emotions
from emotion_edge_converter.settings import SEED, STRANGERS_EPOCHS

from emotion_edge import EmotionClassifier

CORPUS = "ravdess"
LABELS = ("angry", "calm", "disgust", "fear", "happy", "neutral", "sad", "surprise")
ACTORS_PER_FOLD = 4


def answers(table, recipe, test):
    """The label numbers of the test recordings, by a model that was not trained on them, and the size of its file."""
    model = five_emotions.fit(table, ~test, labels=LABELS, epochs=STRANGERS_EPOCHS)
    content = cross_validation.converted(model, recipe, table, ~test, SEED)
    with model_file.temporary(content) as file:
        classifier = EmotionClassifier(file)
    vectors = table.features[test, 0]
    return [int(classifier.probabilities(vector).argmax()) for vector in vectors], len(content)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folds", type=Path)
    parser.add_argument("--corpus", action="append", required=True)
    options = parser.parse_args()
    recipe = five_emotions.recipe("ravdess-eight").replace(labels=LABELS)
    made: dict[str, Any] = {"n_versions": 0, "noises": [], "rooms": [], "seed": SEED, "jobs": 1}
    table = examples.extract(readers.read(options.corpus), recipe, **made, file=options.folds / "features.npy")
    own = np.array([utterance.corpus == CORPUS for utterance in table.utterances])
    speakers = np.array([utterance.speaker for utterance in table.utterances])
    actors = sorted(set(speakers[own]))
    matrix, folds = np.zeros((len(LABELS), len(LABELS)), int), []
    for first in range(0, len(actors), ACTORS_PER_FOLD):
        test = own & np.isin(speakers, actors[first : first + ACTORS_PER_FOLD])
        predicted, size = answers(table, recipe, test)
        emotions = [utterance.emotion for utterance, wanted in zip(table.utterances, test, strict=True) if wanted]
        fold = confusion_matrix(label_numbers(emotions, LABELS), np.array(predicted), len(LABELS))
        folds.append(round(uar(fold), 4))
        matrix += fold
        print(f"actors {', '.join(actors[first : first + ACTORS_PER_FOLD])}: UAR {folds[-1]:.3f}", flush=True)
    figures = {"uar": round(uar(matrix), 4), "accuracy": round(accuracy(matrix), 4), "folds": folds, "bytes": size}
    print(f"UAR {figures['uar']:.3f}, accuracy {figures['accuracy']:.3f}, {size} bytes")
    result = {**figures, "labels": LABELS, "confusion": matrix.tolist(), "recordings": int(own.sum())}
    Path(__file__).with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
