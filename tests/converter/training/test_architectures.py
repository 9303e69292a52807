"""The models of the study, untrained."""

from __future__ import annotations

import keras
import pytest
from emotion_edge_converter.settings import ARCHITECTURES
from emotion_edge_converter.training.architectures import build

WIDTHS = {"mlp-2": [2], "mlp-n": [13], "mlp-128": [128], "mlp-256": [256], "mlp-n-n": [13, 13]}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_layers_are_those_of_the_study(name):
    normalisation = keras.layers.Normalization(mean=0.0, variance=1.0)
    model = build(name, 13, 5, normalisation)
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    dropout = [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    assert model.layers[0] is normalisation
    assert [layer.units for layer in dense] == [*WIDTHS[name], 5]
    assert len(dropout) == (0 if name == "mlp-2" else len(WIDTHS[name]))
    assert model.output_shape == (None, 5)
