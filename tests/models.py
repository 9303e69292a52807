"""Models whose answers a test knows beforehand."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from emotion_edge import EmotionClassifier
from emotion_edge.features.mfcc import Mfcc
from emotion_edge.features.recipe import MfccRecipe
from emotion_edge.model.file import load
from emotion_edge.model.recipe import ProfileRecipe, Standardisation


class SpectralTilt(EmotionClassifier):
    """Says `low` of sound whose energy lies in low mel bands and `high` of the other; a stand-in for any model."""

    labels = ("low", "high")
    shift = 0.0

    def __init__(self, model=None, *, interpreter=None):
        super().__init__("tess-mlp")
        mfcc = MfccRecipe.preset("librosa", sample_rate_hz=16000, n_mfcc=2, n_mels=40, n_fft=512, hop_length=160)
        self.recipe = self.recipe.replace(mfcc=mfcc, labels=self.labels, standardisation=None, name="tilt")
        self.mfcc = Mfcc(mfcc)

    def probabilities(self, vector):
        low = 1 / (1 + np.exp(-(vector[1] - self.shift) / 20))
        return np.array([low, 1 - low])


class LowIsSpeech(SpectralTilt):
    """A speech gate that takes whatever has energy in the low bands for speech."""

    labels = ("speech", "other")


class AllIsSpeech(LowIsSpeech):
    """A speech gate that is always open."""

    def probabilities(self, vector):
        return np.array([1.0, 0.0])


def write_constant(path: Path, label: str, **changes: object) -> Path:
    """A file of a model that gives one label to whatever speaks: tess-mlp, its int8 inputs all driven to their ends.

    Args:
        path: where to; its folder is made.
        label: one of tess-mlp's.
        changes: of its recipe.
    """
    from emotion_edge_converter.conversion.model_file import embed

    model = load("tess-mlp")
    n_features = model.recipe.n_features
    path.parent.mkdir(parents=True, exist_ok=True)
    for seed in range(1000):
        ends = np.random.default_rng(seed).choice([-1e6, 1e6], n_features)
        saturated = Standardisation(mean=tuple(ends.tolist()), deviation=(1.0,) * n_features)
        path.write_bytes(embed(model.content, model.recipe.replace(standardisation=saturated)))
        if (
            EmotionClassifier(path).probabilities(np.zeros(n_features, np.float32))[model.recipe.labels.index(label)]
            > 0.9
        ):
            path.write_bytes(embed(model.content, model.recipe.replace(standardisation=saturated, **changes)))
            return path
    raise AssertionError(f"no ends make the model say {label}")


PROFILE = ProfileRecipe(strength=0.8, utterances_to_half=4.0)


def write_profiled(path: Path, **changes: object) -> Path:
    """A file of a model that knows voice profiles: tess-mlp, but for its recipe.

    Args:
        path: where to; its folder is made.
        changes: of its recipe.
    """
    from emotion_edge_converter.conversion.model_file import embed

    model = load("tess-mlp")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(embed(model.content, model.recipe.replace(profile=PROFILE, **changes)))
    return path
