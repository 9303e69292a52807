"""Measures what a voice profile gives to speakers of a corpus that a model never heard.

    python benchmarks/voice_profile.py FOLDS --corpus tess=DIR --corpus ravdess=DIR ...

FOLDS is the folder that `emotion-edge-converter head` writes, with the features of these corpora, given in the same
order. Each corpus is answered by the int8 model that was trained without it, as on a device: without a profile, and
with one that learnt from a few utterances of the speaker. Those utterances are not tested. Each profile is drawn five
times. Every corpus counts the same. Prints a table and writes benchmarks/voice_profile.json.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from emotion_edge_converter.corpora import readers
from emotion_edge_converter.evaluation.fold_models import FOLDS_FILE
from emotion_edge_converter.evaluation.metrics import (
    confusion_matrix,
    expected_calibration_error,
    label_numbers,
    reliability,
    uar,
)
from emotion_edge_converter.features import examples
from tqdm import tqdm

from emotion_edge import EmotionClassifier, VoiceProfile
from emotion_edge.classifier import Features
from emotion_edge.model.file import load

DRAWS = 5
NEUTRAL = "neutral"
ANY, MIXED, ONE = "any emotion", "neutral, and 3 others", "one emotion"
TRIALS = [(3, ANY), (5, ANY), (10, ANY), (10, NEUTRAL), (7, MIXED), (10, ONE)]
LEARNT_S = 2.0  # the features do not tell how long an utterance is; on a device, only those below 1 s are not learnt


def drawn(targets, labels, count, of, draw, random):
    """The numbers of the utterances of a speaker that a profile learns from. At least one of a kind is left to test."""

    def some(kind, n):
        rows = np.flatnonzero(kind)
        return random.permutation(rows)[: min(n, max(0, len(rows) - 1))]

    neutral = targets == labels.index(NEUTRAL)
    if of == MIXED:
        return np.concatenate([some(neutral, count), some(~neutral, 3)])
    kinds = {ANY: targets >= 0, NEUTRAL: neutral, ONE: targets == draw % len(labels)}
    return some(kinds[of], count)


def answers_with_profiles(file, vectors, targets, speakers, count, of, random):
    """For each draw, which utterances are tested, and the probabilities of all, with a profile of their speaker."""
    recipe = load(file).recipe
    for draw in range(DRAWS):
        tested, answers = np.ones(len(targets), bool), np.empty((len(targets), len(recipe.labels)))
        for speaker in np.unique(speakers):
            rows = np.flatnonzero(speakers == speaker)
            own = EmotionClassifier(file, profile=VoiceProfile(recipe.name, recipe.n_features))
            for row in rows[drawn(targets[rows], recipe.labels, count, of, draw, random)]:
                own.learn(Features(vectors[row], LEARNT_S, speech=True))
                tested[row] = False
            for row in rows[tested[rows]]:
                answers[row] = own.probabilities(vectors[row])
        yield tested, answers


def corpus_uar(targets, answers):
    return uar(confusion_matrix(targets, answers.argmax(axis=1), answers.shape[1]))


def calibration(results):
    """Of answers as (targets, probabilities, threshold) of each corpus: calibration error, and those not uncertain."""
    confidences = np.concatenate([answers.max(axis=1) for _, answers, _ in results])
    right = np.concatenate([answers.argmax(axis=1) == targets for targets, answers, _ in results])
    sure = np.concatenate([answers.max(axis=1) >= threshold for _, answers, threshold in results])
    weights = np.concatenate([np.full(len(targets), 1 / len(targets)) for targets, _, _ in results])
    return {
        "expected_calibration_error": round(expected_calibration_error(reliability(confidences, right, weights)), 4),
        "sure": {
            "share": round(float(np.average(sure, weights=weights)), 4),
            "accuracy": round(float(np.average(right[sure], weights=weights[sure])), 4),
        },
    }


def measured(corpora, count, of):
    """The figures of one kind of profile, beside those of no profile for the same utterances."""
    figures, without, with_profile = {}, [], []
    random = np.random.default_rng(0)
    for corpus, (file, vectors, targets, speakers, alone) in tqdm(
        corpora.items(), desc=f"{count} of {of}", leave=False
    ):
        draws = list(answers_with_profiles(file, vectors, targets, speakers, count, of, random))
        pairs = [
            [corpus_uar(targets[tested], answers[tested]) for answers in (alone, changed)] for tested, changed in draws
        ]
        before, after = np.mean(pairs, axis=0)
        figures[corpus] = {
            "without": round(before, 4),
            "with": round(after, 4),
            "gain": round(after - before, 4),
        }
        tested = np.concatenate([np.flatnonzero(tested) for tested, _ in draws])
        threshold = load(file).recipe.uncertain_below
        without.append((targets[tested], alone[tested], threshold))
        changed = np.concatenate([answers[tested] for tested, answers in draws])
        with_profile.append((targets[tested], changed, threshold))
    means = {
        f"mean_{name}": round(float(np.mean([each[name] for each in figures.values()])), 4)
        for name in ("without", "with", "gain")
    }
    certainty = {"without": calibration(without), "with": calibration(with_profile)}
    return {"utterances": count, "of": of, **means, "corpora": figures, "calibration": certainty}


def left_out(folder, table):
    """By corpus: the model that was trained without it, and features, label numbers, speakers and its answers."""
    for entry in json.loads((folder / FOLDS_FILE).read_text())["left_out"]:
        corpus, file = entry["corpus"], folder / entry["model"]
        classifier = EmotionClassifier(file)
        labels = classifier.recipe.labels
        rows = [row for row, each in enumerate(table.utterances) if each.corpus == corpus and each.emotion in labels]
        utterances, vectors = [table.utterances[row] for row in rows], table.features[rows, 0]
        alone = np.stack([classifier.probabilities(vector) for vector in vectors])
        targets = label_numbers([each.emotion for each in utterances], labels)
        yield corpus, (file, vectors, targets, readers.speakers(utterances), alone)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folds", type=Path)
    parser.add_argument("--corpus", action="append", required=True)
    options = parser.parse_args()
    features = options.folds / "features.npy"
    if not features.is_file():
        parser.error(f"{features}: no such file; emotion-edge-converter head writes it")
    recipe = load(options.folds / "fold-1.tflite").recipe
    made = {"n_versions": 0, "noises": [], "rooms": [], "seed": 0, "jobs": 1, "encoder": options.folds}
    table = examples.extract(readers.read(options.corpus), recipe, file=features, **made)
    corpora = dict(left_out(options.folds, table))
    results = []
    for count, of in TRIALS:
        results.append(measured(corpora, count, of))
        gains = "  ".join(f"{corpus} {each['gain']:+.3f}" for corpus, each in results[-1]["corpora"].items())
        means = f"{results[-1]['mean_without']:.4f} to {results[-1]['mean_with']:.4f}"
        print(f"{count:3} of {of:21} {means}  {gains}  {results[-1]['calibration']['with']}", flush=True)
    Path(__file__).with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
