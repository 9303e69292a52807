"""Each number of a feature vector has the correct name."""

from __future__ import annotations

import numpy as np
import pytest

from emotion_edge.features.pooling import POOLINGS, feature_names
from emotion_edge.model.file import load, shipped


@pytest.mark.parametrize("model", shipped())
def test_there_is_one_unique_name_for_each_feature(model):
    recipe = load(model).recipe
    assert len(recipe.feature_names) == recipe.n_features
    assert len(set(recipe.feature_names)) == recipe.n_features


def named_features(pooling, frames):
    return dict(zip(feature_names(pooling, frames.shape[1]), POOLINGS[pooling](frames), strict=True))


@pytest.mark.parametrize("pooling", [name for name in POOLINGS if name != "loud"])
def test_changing_a_column_changes_only_features_with_its_name(pooling):
    """Change each coefficient in turn: no feature with another name may change."""
    rng = np.random.default_rng(0)
    n_mfcc = 24
    frames = rng.standard_normal((300, n_mfcc)).astype(np.float32)
    before = named_features(pooling, frames)
    for column in range(n_mfcc):
        changed = frames.copy()
        changed[:, column] = rng.permutation(3 * changed[:, column] + 1)
        after = named_features(pooling, changed)
        named = {name for name in before if f"mfcc_{column}." in name}
        different = {name for name in before if abs(after[name] - before[name]) > 1e-6}
        assert different <= named
        assert len(different) > 0.8 * len(named)
