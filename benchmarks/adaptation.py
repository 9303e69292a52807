"""Measures what `emotion-edge-converter adapt` gives to speakers whom a model never heard.

    python benchmarks/adaptation.py models/tess-mlp --corpus nemo=DIR --corpus ravdess=DIR
    python benchmarks/adaptation.py folds --corpus nemo=DIR --corpus ravdess=DIR

The model is NAME.keras with its NAME.tflite, or the folder that `emotion-edge-converter head` writes. With a
folder, each corpus is answered by the model that was trained without it.

Each speaker in turn is the owner. Some of their clips adapt the model and the rest test it: first a given number of
clips of each label, or fewer if less than two would be left to test; then the clips of half of the sentences, tested
on the other half. The int8 files are tested, with the code of the device. The benchmark also measures how often clips
with shuffled labels are accepted. It prints a line per corpus and writes the results, by the name of the model, to
benchmarks/adaptation.json.
"""

import argparse
import json
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from emotion_edge_converter.conversion import keras_models, model_file, tflite
from emotion_edge_converter.corpora import readers
from emotion_edge_converter.evaluation.metrics import confusion_matrix, uar
from emotion_edge_converter.models import adaptation, clips
from emotion_edge_converter.settings import N_DRAWN
from tqdm import tqdm

from emotion_edge import EmotionClassifier

OUTPUT = Path(__file__).with_suffix(".json")
LEFT_TO_TEST = 2
SHUFFLES = 2


def random_split(own, rows, n, random):
    """At most n clips of each label, and the rest."""
    chosen = []
    for target in np.unique(own.targets[rows]):
        of_label = random.permutation(rows[own.targets[rows] == target])
        chosen += list(of_label[: min(n, len(of_label) - LEFT_TO_TEST)])
    return np.sort(chosen).astype(int), np.setdiff1d(rows, chosen)


def sentence_split(own, rows, _, __):
    """The clips of the first half of the sentences, and those of the other half."""
    words = sorted({own.utterances[row].word for row in rows})
    first = np.array([own.utterances[row].word in words[: len(words) // 2] for row in rows])
    return rows[first], rows[~first]


def answer_uar(classifier, own, rows):
    """The UAR of a model file on some clips."""
    answers = np.array([classifier.probabilities(vector).argmax() for vector in own.features[rows]])
    return uar(confusion_matrix(own.targets[rows], answers, len(own.labels)))


def adapt_speaker(full, classifier, own, train, test, random):
    """The result of one speaker."""
    model, drawn = keras_models.load_keras(full), tflite.draw_features(classifier.recipe, N_DRAWN, seed=0)
    last, targets = keras_models.last_layers(model, own.features[train], adaptation.N_LAYERS), own.targets[train]
    calibration = {"temperature": classifier.recipe.temperature}
    compared = adaptation.cross_validate(last.inputs, last.weights, targets, seed=0, **calibration)
    shuffles = [
        adaptation.cross_validate(last.inputs, last.weights, random.permutation(targets), seed=0, **calibration).helps
        for _ in range(SHUFFLES)
    ]
    last.set_weights(adaptation.fit(last.inputs, last.weights, targets, **calibration))
    content = tflite.convert(model, classifier.recipe, np.concatenate([own.features[train], drawn]))
    encoder = classifier.recipe.encoder
    with model_file.temporary(content, beside=encoder and full.with_name(f"{encoder.name}.tflite")) as path:
        small = EmotionClassifier(path)
    wanted = keras_models.probabilities(model, own.features[test])
    same = wanted.argmax(axis=1) == [small.probabilities(vector).argmax() for vector in own.features[test]]
    before, after = (answer_uar(each, own, test) for each in (classifier, small))
    return {
        "clips": len(train),
        "before": before,
        "after": after,
        "foretold": compared.figures["UAR"][1],
        "accepted": compared.helps,
        "accepted_but_worse": compared.helps and after < before,
        "refused_but_better": not compared.helps and after > before,
        "shuffled_accepted": float(np.mean(shuffles)),
        "int8_agreement": float(same.mean()),
    }


def result(full, classifier, own, name, split, n):
    """The mean over the speakers of one corpus whose clips can be split in this way."""
    random = np.random.default_rng(0)
    speakers = np.array([utterance.speaker for utterance in own.utterances])
    rows = []
    for speaker in tqdm(sorted(set(speakers)), desc=name, unit="speaker", disable=None, leave=False):
        train, test = split(own, np.flatnonzero(speakers == speaker), n, random)
        counts = np.bincount(own.targets[train], minlength=len(own.labels))
        if counts.min() >= 2 and len(set(own.targets[test])) == len(own.labels):
            rows.append(adapt_speaker(full, classifier, own, train, test, random))
    if not rows:  # in ASED no sentence occurs with two emotions
        return []
    means = {key: round(float(np.mean([row[key] for row in rows])), 3) for key in rows[0]}
    return [{"corpus": own.utterances[0].corpus, "parts": name, "speakers": len(rows), **means}]


def corpus_results(name, corpus):
    """The results for the speakers of one corpus."""
    full = name / f"without-{corpus.partition('=')[0]}.keras" if name.is_dir() else name.with_suffix(".keras")
    classifier = EmotionClassifier(full.with_suffix(".tflite"))
    own = clips.read(classifier, [each for each in readers.read([corpus]) if each.emotion in classifier.recipe.labels])
    splits = [(f"{n} of each label", random_split, n) for n in (5, 10)] + [("other sentences", sentence_split, 0)]
    return [row for split in splits for row in result(full, classifier, own, *split)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, metavar="NAME|FOLDS")
    parser.add_argument("--corpus", action="append", required=True)
    options = parser.parse_args()
    name = "five-emotions, without the corpus" if options.model.is_dir() else options.model.name
    rows = []
    for corpus in options.corpus:
        rows += corpus_results(options.model, corpus)
        print(*map(json.dumps, rows[-3:]), sep="\n", flush=True)
    results = json.loads(OUTPUT.read_text()) if OUTPUT.is_file() else {}
    OUTPUT.write_text(json.dumps({**results, name: rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
