"""Each number of a feature vector has the correct name."""

from __future__ import annotations

import numpy as np
import pytest
from sounds import tone

from emotion_edge import EmotionClassifier
from emotion_edge.features.functionals import functionals
from emotion_edge.features.pooling import POOLINGS, feature_names

RATE = 16000


@pytest.mark.parametrize("model", ["five-emotions", "tess-mlp", "speech-gate"])
def test_there_is_one_unique_name_for_each_feature(model):
    recipe = EmotionClassifier(model).recipe
    assert len(recipe.feature_names) == recipe.n_features
    assert len(set(recipe.feature_names)) == recipe.n_features


def named_features(pooling, frames):
    n_mfcc = frames.shape[1] - 3 * (pooling == "functionals")
    return dict(zip(feature_names(pooling, n_mfcc), POOLINGS[pooling](frames), strict=True))


@pytest.mark.parametrize("pooling", [name for name in POOLINGS if name != "loud"])
def test_changing_a_column_changes_only_features_with_its_name(pooling):
    """Change each coefficient in turn: no feature with another name may change."""
    rng = np.random.default_rng(0)
    n_mfcc = 24
    frames = rng.standard_normal((300, n_mfcc + 3)).astype(np.float32)
    frames[:, -3:] = -20, 0.9, 7.0
    frames[:, -1] += rng.standard_normal(300).astype(np.float32) * 0.01
    frames = frames if pooling == "functionals" else frames[:, :n_mfcc]
    before = named_features(pooling, frames)
    for column in range(n_mfcc):
        changed = frames.copy()
        changed[:, column] = rng.permutation(3 * changed[:, column] + 1)
        after = named_features(pooling, changed)
        named = {name for name in before if f"mfcc_{column}." in name or name.endswith(f"_mfcc_{column}")}
        different = {name for name in before if abs(after[name] - before[name]) > 1e-6}
        assert different <= named
        assert len(different) > 0.8 * len(named)


def test_a_voice_of_known_pitch():
    classifier = EmotionClassifier("five-emotions")
    sound = sum(tone(n * 200, rate=RATE, seconds=1.0) / n for n in range(1, 12)).astype(np.float32)
    stream = classifier.mfcc.stream()
    stream.feed(0.1 * sound)
    named = dict(
        zip(
            classifier.recipe.feature_names,
            functionals(classifier.mfcc.coefficients([stream.flush()])),
            strict=True,
        )
    )
    assert 2 ** named["pitch.quantile_50"] == pytest.approx(200, rel=0.02)
    assert named["pitch.range_10_to_90"] < 0.01
    assert named["voiced.share"] > 0.9
    assert np.exp(named["log_frames"]) == pytest.approx(100, abs=5)
