"""Choices and defaults of the study and of conversion, where the command line can show them without TensorFlow."""

from __future__ import annotations

from typing import Final

ARCHITECTURES: Final = ("mlp-2", "mlp-n", "mlp-128", "mlp-256", "mlp-n-n")
"""Models 1 to 5 of the study, named by their hidden layers; n stands for the number of MFCCs."""

MFCC_COUNTS: Final = (13, 20, 30, 40, 50)
CHOSEN: Final = ("mlp-128", 30)
"""The original's choice: model 3 with 30 MFCCs."""

EPOCHS: Final = 100
GATE_EPOCHS: Final = 25
"""Of the speech gate, which learns from a hundred times as much."""
STRANGERS_EPOCHS: Final = 140
"""Of the model for voices never heard, each of as many recordings as there are, in three versions."""
SEED: Final = 0

VARIANTS: Final = {"int8": 0.25, "dynamic": 0.25, "float16": 0.01, "float32": 0.01}
"""How a model may be quantised, and by how much a probability may then differ from the full model's.

int8: weights and activations, float in and out; dynamic: int8 weights; float16: weights. Quantisation moves most the
probabilities of sounds that lie between two labels, hence the wide bound.
"""

LEAST_AGREEMENT: Final = 0.995
"""The share of labels that must be the same as the full model's."""

GATE_LEAST_AGREEMENT: Final = 0.99
"""The same of the speech gate: many of its windows, speech in as much noise, lie on the threshold."""

STRANGERS_LEAST_AGREEMENT: Final = 0.98
"""The same of the model for voices never heard: its answers to strangers are often divided between two labels."""


ADAPTED_LEAST_AGREEMENT: Final = 0.95
"""The same of a model adapted to a few clips, of which one may lie between two labels."""

FEWEST_CALIBRATION: Final = 10
"""Recordings below which neither the int8 ranges nor a proof of parity mean anything."""

N_DRAWN: Final = 500
"""Feature vectors that stand in for what a model learnt from (`conversion.tflite.draw_features`)."""

FEWEST_CLIPS: Final = 10
FEWEST_OF_A_LABEL: Final = 2
"""Clips of one's own voice below which there is nothing to adapt to, in all and of each label that occurs."""

SIGNIFICANT: Final = 0.05
"""The p value below which a change counts as more than chance."""
