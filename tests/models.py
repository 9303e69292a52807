"""Models whose results a test knows in advance."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from emotion_edge import EmotionClassifier
from emotion_edge.features.recipe import MfccRecipe
from emotion_edge.model.file import load
from emotion_edge.model.front_end import FrontEnd
from emotion_edge.model.recipe import ProfileRecipe, Standardisation


class SpectralTilt(EmotionClassifier):
    """Returns `low` for sound with its energy in low mel bands and `high` otherwise; it stands in for any model."""

    labels = ("low", "high")
    shift = 0.0

    def __init__(self, model=None, *, interpreter=None):
        super().__init__("tess-mlp")
        mfcc = MfccRecipe.preset("librosa", sample_rate_hz=16000, n_mfcc=2, n_mels=40, n_fft=512, hop_length=160)
        self.recipe = self.recipe.replace(mfcc=mfcc, labels=self.labels, standardisation=None, name="tilt")  # type: ignore[misc]
        self.front_end = FrontEnd(self.recipe)  # type: ignore[misc]

    def probabilities(self, vector):
        low = 1 / (1 + np.exp(-(vector[1] - self.shift) / 20))
        return np.array([low, 1 - low])


class LowIsSpeech(SpectralTilt):
    """A speech gate that accepts all sound with energy in the low bands."""

    labels = ("speech", "other")


class AllIsSpeech(LowIsSpeech):
    """A speech gate that is always open."""

    def probabilities(self, vector):
        return np.array([1.0, 0.0])


def write_constant(path: Path, label: str, **changes: object) -> Path:
    """Write a model that gives one label to all speech: tess-mlp with int8 inputs that are all saturated.

    Args:
        path: the path of the file; its folder is created.
        label: one of the labels of tess-mlp.
        changes: changes to its recipe.
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
    raise AssertionError(f"no saturated inputs make the model return {label}")


PROFILE = ProfileRecipe(strength=0.8, utterances_to_half=4.0)


def write_profiled(path: Path, **changes: object) -> Path:
    """Write a model that supports voice profiles: tess-mlp with another recipe.

    Args:
        path: the path of the file; its folder is created.
        changes: changes to its recipe.
    """
    from emotion_edge_converter.conversion.model_file import embed

    model = load("tess-mlp")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(embed(model.content, model.recipe.replace(profile=PROFILE, **changes)))
    return path
