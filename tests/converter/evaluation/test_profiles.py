"""Profiles of an evaluation: what they are learnt from, what they are tested on, and what they change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from emotion_edge_converter.corpora.readers import Utterance
from emotion_edge_converter.evaluation import fold_models, profiles

from emotion_edge import EmotionClassifier, VoiceProfile
from emotion_edge.classifier import Features
from models import write_profiled

EMOTIONS = ("angry", "fear", "happy", "neutral", "sad")
N_EACH = 6


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return fold_models.load(str(write_profiled(tmp_path_factory.mktemp("profiled") / "profiled.tflite")))


@pytest.fixture(scope="module")
def table(models):
    """Recordings of two speakers, each with an offset of their own."""
    random = np.random.default_rng(0)
    utterances, features = [], []
    for speaker in ("ada", "bob"):
        voice = random.standard_normal(models.any.recipe.n_features)
        for emotion in EMOTIONS:
            for take in range(N_EACH):
                utterances.append(Utterance(Path(f"{emotion}{take}.wav"), speaker, "", emotion, "folders"))
                vector = models.any._mean + models.any._deviation * (voice + 0.3 * random.standard_normal(len(voice)))
                features.append(Features(vector.astype(np.float32), 2.0, True))
    return utterances, features


def test_each_kind_hears_what_it_says_and_is_not_tested_on_it(models, table):
    answered = profiles.answer(models, *table)
    assert list(answered) == list(profiles.KINDS)
    heard = {"3 of any emotion": 3, "5 of any emotion": 5, "10 of any emotion": 10}
    heard |= {"10 neutral": N_EACH - 1, "7 neutral, 3 others": N_EACH - 1 + 3, "10 of one emotion": N_EACH - 1}
    for kind, answers in answered.items():
        assert len(answers.known.utterances) == 2 * profiles.DRAWS * (len(EMOTIONS) * N_EACH - heard[kind])
        assert answers.known.utterances == answers.unknown.utterances
    neutral = answered["10 neutral"].known
    assert sum(each.emotion == "neutral" for each in neutral.utterances) == 2 * profiles.DRAWS
    for emotion in EMOTIONS:  # each draw of one emotion is of another one
        same = [each for each in answered["10 of one emotion"].known.utterances if each.emotion == emotion]
        assert len(same) == 2 * ((profiles.DRAWS - 1) * N_EACH + 1)


def test_the_answers_are_those_of_a_classifier_with_that_profile(models, table, monkeypatch):
    utterances, features = table
    monkeypatch.setattr(profiles, "KINDS", {"all but one": profiles._Kind(of_any=10**6)})
    answers = profiles.answer(models, utterances[:30], features[:30])["all but one"]
    assert len(answers.known.utterances) == profiles.DRAWS
    for utterance, known, unknown in zip(
        answers.known.utterances, answers.known.predictions, answers.unknown.predictions, strict=True
    ):
        left = utterances.index(utterance)
        recipe = models.any.recipe
        classifier = EmotionClassifier(models.source, profile=VoiceProfile(recipe.name, recipe.n_features))
        for row in range(30):
            if row != left:
                classifier.learn(features[row])
        by_label = classifier.predict(features[left]).probabilities
        assert known.probabilities == pytest.approx(by_label, abs=0.02)  # the order of learning may change a rounding
        assert unknown == models.any.predict(features[left])
        assert known.probabilities != unknown.probabilities


def test_a_model_without_profiles_has_no_answers_with_one(table):
    assert profiles.answer(fold_models.load("tess-mlp"), *table) == {}
