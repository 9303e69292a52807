"""A voice encoder with random weights, and a head on it: what tests need that are not about accuracy."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

LABELS = ("calm", "cross", "glad")


@lru_cache(maxsize=1)
def random_weights() -> dict[str, np.ndarray]:
    """Weights of the right shapes, and about the right size, that nobody trained."""
    from emotion_edge_converter.encoder.weights import SHAPES

    random = np.random.default_rng(0)
    weights = {}
    for name, shape in SHAPES.items():
        if name.endswith("gamma"):
            weights[name] = random.uniform(0.5, 1.5, shape).astype(np.float32)
        else:
            scale = 1 / np.sqrt(np.prod(shape[1:])) if len(shape) > 1 else 0.1
            weights[name] = (scale * random.standard_normal(shape)).astype(np.float32)
    return weights


@lru_cache(maxsize=1)
def random_encoder() -> bytes:
    """The file of an encoder with these weights, each rounded to the nearest whole number."""
    from emotion_edge_converter.conversion.model_file import embed
    from emotion_edge_converter.encoder import graph, recipe, rounding

    layers = {}
    for name, (weight, bias, moved) in rounding.matrices(random_weights()).items():
        scale = np.abs(weight).max(axis=1) / 127
        rows = np.rint(weight / scale[:, np.newaxis]).astype(np.int8)
        layers[name] = rounding.Rounded(rows, scale, bias, moved)
    own = recipe.recipe("random-encoder", licence="none", notice="nobody", corpora=())
    return embed(graph.content(layers), own)


def write_head(folder: Path, *, with_encoder: bool = True, full: bool = False, **changes: object) -> Path:
    """A model file whose head has random weights, beside its encoder.

    Args:
        folder: where to.
        with_encoder: whether to put the encoder there too.
        full: whether to put the Keras model there too.
        changes: of the recipe.
    """
    from emotion_edge_converter.conversion.tflite import convert
    from emotion_edge_converter.models import heads
    from keras import Input, Sequential, layers

    from emotion_edge.model.file import stored_checksum
    from emotion_edge.model.recipe import EncoderReference

    encoder = random_encoder()
    if with_encoder:
        (folder / "random-encoder.tflite").write_bytes(encoder)
    reference = EncoderReference(name="random-encoder", checksum=stored_checksum(encoder), width=384)
    recipe = heads.recipe("head", LABELS, reference)
    random = np.random.default_rng(1)
    model = Sequential([Input((768,)), layers.Dense(len(LABELS), "softmax")], name="head")
    model.set_weights([random.standard_normal((768, len(LABELS))) / 20, np.zeros(len(LABELS))])
    rows = random.standard_normal((200, 768)).astype(np.float32)
    path = folder / "head.tflite"
    path.write_bytes(convert(model, recipe.replace(**changes), rows))
    if full:
        model.save(path.with_suffix(".keras"))
    return path
