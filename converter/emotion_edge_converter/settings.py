"""Choices and defaults of the commands. They are here so that `--help` can show them without TensorFlow."""

from __future__ import annotations

from typing import Final

ARCHITECTURES: Final = ("mlp-2", "mlp-n", "mlp-128", "mlp-256", "mlp-n-n")
"""Models 1 to 5 of the study, named after their hidden layers. n is the number of MFCCs."""

MFCC_COUNTS: Final = (13, 20, 30, 40, 50)
CHOSEN: Final = ("mlp-128", 30)
"""The choice of the original study: model 3 with 30 MFCCs."""

EPOCHS: Final = 100
GATE_EPOCHS: Final = 25
"""For the speech gate, which learns from a hundred times as much data."""
SEED: Final = 0

VARIANTS: Final = {"int8": 0.25, "dynamic": 0.25, "float16": 0.01, "float32": 0.01}
"""Quantisation variants, each with the largest allowed difference between its probabilities and the full model's.

int8: weights and activations, with float input and output. dynamic: int8 weights. float16: float16 weights.
Quantisation changes the probabilities most for sounds that are between two labels, hence the wide bound.
"""

LEAST_AGREEMENT: Final = 0.995
"""The smallest allowed share of answers with the same label as the full model's."""

GATE_LEAST_AGREEMENT: Final = 0.99
"""The same for the speech gate. Many of its windows are close to the threshold: speech in equally loud noise."""

ADAPTED_LEAST_AGREEMENT: Final = 0.95
"""The same for a model adapted to a few clips, one of which may be between two labels."""

FEWEST_CALIBRATION: Final = 10
"""With fewer recordings, neither the int8 ranges nor a parity check mean anything."""

N_DRAWN: Final = 500
"""Number of random feature vectors that replace the training data (see `conversion.tflite.draw_features`)."""

FEWEST_CLIPS: Final = 10
FEWEST_OF_A_LABEL: Final = 2
"""The fewest clips of your own voice that a model can be adapted to: in total, and for each label that occurs."""

SIGNIFICANT: Final = 0.05
"""A change with a smaller p value counts as more than chance."""
