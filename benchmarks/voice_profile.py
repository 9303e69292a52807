"""Measures what a voice profile gives to speakers whom a model never heard.

    python benchmarks/voice_profile.py FOLDS --corpus tess=DIR --corpus ravdess=DIR ...

FOLDS is the folder that `emotion-edge-converter five-emotions` writes. Each speaker is answered by the int8 model of
the fold that never heard them, without a profile and with one. A profile is made of a given number of unlabelled
utterances of the speaker, drawn at random, or of half of their utterances if that is less; either of any emotion or
only neutral ones. The other utterances test it. Each draw is repeated. Prints a table and writes
benchmarks/voice_profile.json.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from emotion_edge_converter.corpora import readers
from emotion_edge_converter.evaluation import fold_models
from emotion_edge_converter.evaluation.metrics import confusion_matrix, label_numbers, uar
from tqdm import tqdm

from emotion_edge import AudioError, EmotionClassifier, VoiceProfile
from emotion_edge.audio.files import read_blocks

DRAWS = 3
TRIALS = [(3, False), (10, False), (20, False), (10, True)]
NEUTRAL = "neutral"


def features_of(models, utterances):
    """Each utterance whose recording can be read, with its features."""
    examples = []
    for utterance in tqdm(utterances, desc="features", unit="file"):
        try:
            blocks = read_blocks(utterance.file, sample_rate_hz=models.any.sample_rate_hz)
            examples.append((utterance, models.any.features(blocks)))
        except AudioError:
            continue
    return examples


def trial(folder, models, by_speaker, count, neutral, random):
    """By corpus: the emotion, the answer without a profile, and the answer with one, for each utterance."""
    answers = {}
    for (corpus, _), examples in tqdm(by_speaker.items(), desc=f"profiles of {count}", unit="speaker"):
        alone = models.of(examples[0][0])
        path = next(
            folder / fold["model"] for fold in FOLDS["folds"] if examples[0][0].speaker in fold["speakers"][corpus]
        )
        for _ in range(DRAWS):
            rows = [row for row, (utterance, _) in enumerate(examples) if not neutral or utterance.emotion == NEUTRAL]
            chosen = set(random.permutation(rows)[: min(count, len(rows) // 2)].tolist())
            profile = VoiceProfile(alone.recipe.name, alone.recipe.n_features)
            own = EmotionClassifier(path, profile=profile)
            for row in chosen:
                own.learn(examples[row][1]._replace(speech=True))
            for row in set(range(len(examples))) - chosen:
                utterance, features = examples[row]
                answered = [int(each.probabilities(features.vector).argmax()) for each in (alone, own)]
                answers.setdefault(corpus, []).append((utterance.emotion, *answered))
    return answers


def figures(labels, answers):
    """The UAR of each corpus without and with profiles, and the mean gain."""
    result = {}
    for corpus, rows in sorted(answers.items()):
        actual = label_numbers([row[0] for row in rows], labels)
        without, with_profile = (
            uar(confusion_matrix(actual, np.array([row[number] for row in rows]), len(labels))) for number in (1, 2)
        )
        result[corpus] = {
            "without": round(without, 4),
            "with": round(with_profile, 4),
            "gain": round(with_profile - without, 4),
        }
    return {"mean_gain": round(float(np.mean([each["gain"] for each in result.values()])), 4), "corpora": result}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folds", type=Path)
    parser.add_argument("--corpus", action="append", required=True, metavar="NAME=PATH")
    options = parser.parse_args()
    models = fold_models.load(str(options.folds))
    FOLDS = json.loads((options.folds / fold_models.FOLDS_FILE).read_text())
    labels = models.any.recipe.labels
    wanted = [utterance for utterance in readers.read(options.corpus) if utterance.emotion in labels]
    by_speaker = {}
    for utterance, features in features_of(models, wanted):
        by_speaker.setdefault((utterance.corpus, utterance.speaker), []).append((utterance, features))
    results = []
    for count, neutral in TRIALS:
        answers = trial(options.folds, models, by_speaker, count, neutral, np.random.default_rng(0))
        result = {"utterances": count, "of": NEUTRAL if neutral else "any emotion", **figures(labels, answers)}
        results.append(result)
        gains = "  ".join(f"{corpus} {each['gain']:+.3f}" for corpus, each in result["corpora"].items())
        print(f"{count:3} utterances of {result['of']:12} mean {result['mean_gain']:+.4f}  {gains}", flush=True)
    (Path(__file__).parent / "voice_profile.json").write_text(json.dumps(results, indent=1) + "\n")
