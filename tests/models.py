"""Models whose answers a test knows beforehand."""

from __future__ import annotations

import numpy as np

from emotion_edge import EmotionClassifier
from emotion_edge.mfcc import Mfcc
from emotion_edge.recipe import MfccRecipe


class SpectralTilt(EmotionClassifier):
    """Says `low` of sound whose energy lies in low mel bands and `high` of the other; a stand-in for any model."""

    labels = ("low", "high")
    shift = 0.0

    def __init__(self, model=None, *, interpreter=None):
        super().__init__()
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
