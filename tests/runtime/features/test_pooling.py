"""The poolings equal simple loops."""

from __future__ import annotations

import warnings
from typing import get_args, get_type_hints

import numpy as np
import pytest
from sounds import voice

from emotion_edge.features.mfcc import Mfcc
from emotion_edge.features.pooling import (
    LAGS,
    POOLINGS,
    encoder_feature_names,
    feature_names,
    loud,
    mean,
    statistics,
)
from emotion_edge.features.recipe import MfccRecipe
from emotion_edge.model.recipe import ModelRecipe

FRAMES = np.random.default_rng(0).normal(3, 20, (57, 6)).astype(np.float32)


def by_loops(frames):
    """`statistics`, computed one number at a time."""
    n_frames, n = frames.shape
    columns = [[float(frame[k]) for frame in frames] for k in range(n)]
    means = [sum(column) / n_frames for column in columns]
    vector = means[1:]
    for column, centre in zip(columns, means, strict=True):
        vector.append((sum((value - centre) ** 2 for value in column) / n_frames) ** 0.5)
    for lag in LAGS:
        for column in columns:
            changes = [abs(column[t] - column[t - lag]) for t in range(lag, n_frames)]
            vector.append(sum(changes) / len(changes) if changes else 0.0)
    return np.array(vector)


@pytest.mark.parametrize("n_frames", [1, 2, 4, 5, 16, 17, 57])
def test_statistics_equal_their_definition(n_frames):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vector = statistics(FRAMES[:n_frames])
    np.testing.assert_allclose(vector, by_loops(FRAMES[:n_frames]), rtol=1e-5, atol=1e-5)


def test_mean():
    np.testing.assert_allclose(mean(FRAMES), FRAMES.astype(np.float64).mean(axis=0), rtol=1e-6)


@pytest.mark.parametrize("name", [name for name in POOLINGS if name != "loud"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_pooling_has_the_length_in_recipes(name, dtype):
    for n_mfcc in (1, 2, 6):
        vector = POOLINGS[name](np.random.default_rng(1).normal(0, 10, (57, n_mfcc)).astype(dtype))
        assert vector.shape == (len(feature_names(name, n_mfcc)),)
        assert vector.dtype == dtype
        assert np.isfinite(vector).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_loud_uses_only_frames_near_the_loudest(dtype):
    frames = np.random.default_rng(2).normal(0, 10, (57, 5)).astype(dtype)
    frames[:, -1] = np.where(np.arange(57) % 2, -20.0, -60.0)
    vector = loud(frames)
    assert vector.shape == (len(encoder_feature_names(4)),)
    assert vector.dtype == dtype
    np.testing.assert_allclose(vector[:4], frames[1::2, :-1].mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(vector[4:], frames[1::2, :-1].std(axis=0), rtol=1e-5)


def test_recipes_can_use_every_pooling():
    assert get_args(get_type_hints(ModelRecipe)["pooling"]) == tuple(POOLINGS)


@pytest.mark.parametrize("gain", [0.01, 0.3, 3.0])
def test_statistics_do_not_depend_on_the_gain(gain):
    mfcc = Mfcc(MfccRecipe.preset("librosa", sample_rate_hz=16000, n_fft=512, hop_length=160, n_mels=40))
    samples = voice(1, rate=16000)
    np.testing.assert_allclose(statistics(mfcc(samples)), statistics(mfcc(gain * samples)), atol=0.01)
    assert not np.allclose(mean(mfcc(samples))[0], mean(mfcc(gain * samples))[0], atol=10)
