"""The voice encoder: weights from every format, Keras as its authors have it, and a small file that follows."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from emotion_edge_converter.encoder import network, parity, rounding
from emotion_edge_converter.encoder import weights as reading
from emotion_edge_converter.encoder.recipe import MFCC, reference
from emotion_edge_converter.errors import ConversionError
from encoders import random_encoder, random_weights
from sounds import spoken, tone

from emotion_edge import ModelError

RATE = 16000


@pytest.fixture(scope="module")
def model():
    return network.build(random_weights())


def write_npz(path):
    weights: dict[str, Any] = dict(random_weights())
    np.savez(path, **weights)


def write_safetensors(path):
    from safetensors.numpy import save_file

    weights = random_weights()
    tensors = {
        "model." + name.replace(own, theirs).replace(".gamma", ".weight").replace(".beta", ".bias"): weights[name]
        for name, own, theirs in reading._renamed(reading._TRANSFORMERS)
    }
    parts = np.split(weights["block0.query_key_value.weight"], 3)
    biases = np.split(weights["block0.query_key_value.bias"], 3)
    for letter, part, bias in zip("qkv", parts, biases, strict=True):
        tensors[f"model.encoder.layers.0.self_attn.{letter}_proj.weight"] = part.copy()
        if letter != "k":
            tensors[f"model.encoder.layers.0.self_attn.{letter}_proj.bias"] = bias.copy()
    save_file(tensors, path)


def write_ctranslate2(path):
    def text(name):
        return struct.pack("<H", len(name) + 1) + name.encode() + b"\0"

    variables = [("decoder/activation", np.zeros((), np.int8), 1)]
    for name, own, theirs in reading._renamed(reading._CTRANSLATE2):
        variables.append((name.replace(own, theirs).replace(".", "/"), random_weights()[name], 0))
    content = struct.pack("<I", 6) + text("WhisperSpec") + struct.pack("<II", 3, len(variables))
    for name, values, dtype in variables:
        shape = struct.pack(f"<B{values.ndim}I", values.ndim, *values.shape)
        content += text(name) + shape + struct.pack("<BI", dtype, values.nbytes) + values.tobytes()
    path.write_bytes(content)


WRITERS = {".npz": write_npz, ".safetensors": write_safetensors, ".bin": write_ctranslate2}


@pytest.mark.parametrize("suffix", WRITERS)
def test_weights_are_read_from_every_format(tmp_path, suffix):
    path = tmp_path / f"model{suffix}"
    WRITERS[suffix](path)
    found, expected = reading.read(path), random_weights()
    assert found.keys() == expected.keys()
    for name in found:
        if name == "block0.query_key_value.bias" and suffix == ".safetensors":  # the key has no bias there
            assert not found[name][384:768].any()
            continue
        np.testing.assert_array_equal(found[name], expected[name])


@pytest.mark.parametrize("suffix", WRITERS)
def test_damaged_files_are_named(tmp_path, suffix):
    path = tmp_path / f"model{suffix}"
    WRITERS[suffix](path)
    content = path.read_bytes()
    for damaged in (b"", content[:100], content[: len(content) // 2], b"x" * 1000):
        path.write_bytes(damaged)
        with pytest.raises(ConversionError, match="model"):
            reading.read(path)


def test_an_encoder_that_head_cannot_use_is_named(tmp_path):
    path = tmp_path / "voice.tflite"
    with pytest.raises(ModelError, match=r"voice\.tflite: no such file; make it with emotion-edge-converter voice-enc"):
        reference(path)
    path.write_bytes(random_encoder()[:-1])
    with pytest.raises(ModelError, match=r"voice\.tflite: the file is damaged"):
        reference(path)


def test_other_files_and_sizes_are_named(tmp_path):
    with pytest.raises(ConversionError, match=r"got \.pkl, wanted one of \.npz, \.safetensors, \.bin"):
        reading.read(tmp_path / "model.pkl")
    with pytest.raises(ConversionError, match="cannot be read: No such file"):
        reading.read(tmp_path / "model.npz")
    base: dict[str, Any] = {name: np.zeros((8, *values.shape[1:])) for name, values in random_weights().items()}
    np.savez(tmp_path / "base.npz", **base)
    with pytest.raises(ConversionError, match=r"conv1.weight has shape \(8, 80, 3\), wanted \(384, 80, 3\)"):
        reading.read(tmp_path / "base.npz")


def test_keras_gives_what_the_authors_give():
    folder = os.environ.get("EMOTION_EDGE_ENCODER")
    if not folder:
        pytest.skip("EMOTION_EDGE_ENCODER is not set: it is the folder with Whisper's weights and a reference output")
    weights = reading.read(Path(folder) / "whisper-tiny.en-first-blocks.npz")
    with np.load(Path(folder) / "reference.npz") as reference:
        found = np.asarray(network.build(weights)(reference["log_mel"].T[np.newaxis]))[0]
        np.testing.assert_allclose(found, reference["after_block0"], atol=1e-3)


def test_the_small_file_follows_keras_on_every_interpreter(model):
    sounds = [spoken(number, rate=RATE) for number in range(3)]
    sounds += [tone(frequency, rate=RATE, seconds=1.0) for frequency in (150, 400, 2000)]
    parities = parity.compare(model, random_encoder(), sounds)
    assert {each.interpreter for each in parities} >= {"ai-edge-litert", "numpy"}
    for each in parities:
        assert each.difference < 0.1, each
    parity.require(parities, 0.1)
    with pytest.raises(ConversionError, match="wanted at most 1e-06"):
        parity.require(parities, 1e-6)


def test_rounding_for_speech_beats_rounding_to_the_nearest(model):
    """On other sounds than it was rounded for."""
    from emotion_edge.features.mfcc import Mfcc
    from emotion_edge.model.encoder import scaled

    mels = [scaled(Mfcc(MFCC).log_mel_of(spoken(number, rate=RATE))) for number in range(3)]
    inputs = network.layer_inputs(model, mels[2])["mlp_out"]
    layer = rounding.matrices(random_weights())["mlp_out"]
    exact = inputs @ layer.weight.T + layer.bias
    fitted = rounding.rounded(random_weights(), model, mels[:2])["mlp_out"]
    scale = np.abs(layer.weight).max(axis=1) / 127
    nearest = inputs @ (np.rint(layer.weight / scale[:, np.newaxis]) * scale[:, np.newaxis]).T + layer.bias
    own = inputs @ (fitted.rows * fitted.scale[:, np.newaxis]).T + fitted.bias
    assert np.square(own - exact).mean() < 0.8 * np.square(nearest - exact).mean()


def test_librosa_makes_the_frames_that_the_device_makes():
    from emotion_edge.features.mfcc import Mfcc

    for number in range(3):
        samples = spoken(number, rate=RATE)
        own, theirs = Mfcc(MFCC).log_mel_of(samples), parity.reference_log_mel(samples, MFCC)
        loud = theirs > theirs.max() - 80
        assert np.abs(own - theirs)[loud].max() < 0.01
