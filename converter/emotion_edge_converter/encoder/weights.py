"""Reads the weights of Whisper's encoder from the formats in which they are published, except from pickles."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import ConversionError

Array = NDArray[Any]

WIDTH: Final = 384
N_MELS: Final = 80
SHAPES: Final = {
    "conv1.weight": (WIDTH, N_MELS, 3),
    "conv1.bias": (WIDTH,),
    "conv2.weight": (WIDTH, WIDTH, 3),
    "conv2.bias": (WIDTH,),
    "block0.attention_norm.gamma": (WIDTH,),
    "block0.attention_norm.beta": (WIDTH,),
    "block0.query_key_value.weight": (3 * WIDTH, WIDTH),
    "block0.query_key_value.bias": (3 * WIDTH,),
    "block0.attention_out.weight": (WIDTH, WIDTH),
    "block0.attention_out.bias": (WIDTH,),
    "block0.mlp_norm.gamma": (WIDTH,),
    "block0.mlp_norm.beta": (WIDTH,),
    "block0.mlp_in.weight": (4 * WIDTH, WIDTH),
    "block0.mlp_in.bias": (4 * WIDTH,),
    "block0.mlp_out.weight": (WIDTH, 4 * WIDTH),
    "block0.mlp_out.bias": (WIDTH,),
}
"""Names and shapes as the encoder uses them; matrices are (out, in), convolutions (out, in, tap)."""

_CTRANSLATE2: Final = {
    "conv1": "encoder/conv1",
    "conv2": "encoder/conv2",
    "block0.attention_norm": "encoder/layer_0/self_attention/layer_norm",
    "block0.query_key_value": "encoder/layer_0/self_attention/linear_0",
    "block0.attention_out": "encoder/layer_0/self_attention/linear_1",
    "block0.mlp_norm": "encoder/layer_0/ffn/layer_norm",
    "block0.mlp_in": "encoder/layer_0/ffn/linear_0",
    "block0.mlp_out": "encoder/layer_0/ffn/linear_1",
}
_TRANSFORMERS: Final = {
    "conv1": "encoder.conv1",
    "conv2": "encoder.conv2",
    "block0.attention_norm": "encoder.layers.0.self_attn_layer_norm",
    "block0.attention_out": "encoder.layers.0.self_attn.out_proj",
    "block0.mlp_norm": "encoder.layers.0.final_layer_norm",
    "block0.mlp_in": "encoder.layers.0.fc1",
    "block0.mlp_out": "encoder.layers.0.fc2",
}
_PROJECTION: Final = "encoder.layers.0.self_attn.{}_proj.{}"
_DTYPES: Final = {0: "<f4", 4: "<f2"}  # of CTranslate2
_LARGEST: Final = 1 << 33


def read(path: Path) -> dict[str, NDArray[np.float32]]:
    """The weights of stem and first block, float32, by the names of `SHAPES`.

    Args:
        path: an `.npz` with these names, a `.safetensors` file of Hugging Face's `WhisperModel`, or a CTranslate2
            `model.bin`.

    Raises:
        ConversionError: the file is damaged, of another kind, or from another size of Whisper.

    Examples:
        >>> weights = read(Path("whisper-tiny.en.safetensors"))  # doctest: +SKIP
        >>> weights["conv1.weight"].shape  # doctest: +SKIP
        (384, 80, 3)
    """
    readers = {".npz": _npz, ".safetensors": _safetensors, ".bin": _ctranslate2}
    if path.suffix not in readers:
        raise ConversionError(f"{path}: got {path.suffix or 'no suffix'}, wanted one of {', '.join(readers)}")
    try:
        found = readers[path.suffix](path)
    except OSError as error:
        raise ConversionError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:
        raise ConversionError(f"{path} is damaged, or not a file of Whisper's weights: {error}") from error
    for name, shape in SHAPES.items():
        if name not in found:
            raise ConversionError(f"{path} has no {name}: wanted the encoder of Whisper tiny or tiny.en")
        if found[name].shape != shape:
            raise ConversionError(
                f"{path}: {name} has shape {found[name].shape}, wanted {shape}, as Whisper tiny has it"
            )
        if not np.isfinite(found[name]).all():
            raise ConversionError(f"{path}: {name} holds numbers that are not finite")
    return {name: np.asarray(found[name], np.float32) for name in SHAPES}


def _npz(path: Path) -> dict[str, Array]:
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files if name in SHAPES}


def _safetensors(path: Path) -> dict[str, Array]:
    """Query, key and value are three matrices there, and the key has no bias."""
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        prefix = next(
            (key[: -len("encoder.conv1.weight")] for key in file.keys() if key.endswith("encoder.conv1.weight")),  # noqa: SIM118, it is not a dict
            "",
        )

        def tensor(name: str) -> Array:
            return np.asarray(file.get_tensor(prefix + name), np.float32)

        found = {
            name: tensor(name.replace(own, theirs).replace(".gamma", ".weight").replace(".beta", ".bias"))
            for name, own, theirs in _renamed(_TRANSFORMERS)
        }
        parts = [tensor(_PROJECTION.format(part, "weight")) for part in "qkv"]
        biases = [
            tensor(_PROJECTION.format("q", "bias")),
            np.zeros(WIDTH, np.float32),
            tensor(_PROJECTION.format("v", "bias")),
        ]
    return {
        **found,
        "block0.query_key_value.weight": np.concatenate(parts),
        "block0.query_key_value.bias": np.concatenate(biases),
    }


def _ctranslate2(path: Path) -> dict[str, Array]:
    variables = dict(_variables(path.read_bytes()))
    return {
        name: variables[name.replace(own, theirs).replace(".", "/")] for name, own, theirs in _renamed(_CTRANSLATE2)
    }


def _renamed(places: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Each name of `SHAPES`, the part that differs in another format, and its name there."""
    for name in SHAPES:
        own = name.rpartition(".")[0]
        if own in places:
            yield name, own, places[own]


def _variables(content: bytes) -> Iterator[tuple[str, Array]]:
    """Name and value of each float variable: version, specification, revision and count, then the variables."""
    at = 4
    _, at = _text(content, at)
    _, count = struct.unpack_from("<II", content, at)
    at += 8
    for _ in range(count):
        name, at = _text(content, at)
        (rank,) = struct.unpack_from("<B", content, at)
        shape = struct.unpack_from(f"<{rank}I", content, at + 1)
        dtype, size = struct.unpack_from("<BI", content, at + 1 + 4 * rank)
        at += 6 + 4 * rank
        if size > _LARGEST or at + size > len(content):
            raise ValueError("it ends too early")
        if dtype in _DTYPES:
            yield name, np.frombuffer(content[at : at + size], _DTYPES[dtype]).reshape(shape)
        at += size


def _text(content: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<H", content, at)
    return content[at + 2 : at + 2 + length].rstrip(b"\0").decode(), at + 2 + length
