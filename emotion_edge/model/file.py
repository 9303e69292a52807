"""Model files: `.tflite` files that contain their own recipe, and the models that are shipped with the package."""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from ..errors import ModelError
from . import graph
from .flatbuffer import DAMAGED, IDENTIFIER, Table
from .recipe import ModelRecipe

DEFAULT_MODEL: Final = "five-emotions"
SPEECH_MODEL: Final = "speech-gate"
ENCODER: Final = "voice-encoder"
"""The name of the shipped voice encoder, a file that several models share."""
RECIPE_NAME: Final = "emotion_edge_recipe"
"""The name of the TFLite metadata buffer that contains the recipe."""
CHECKSUM_NAME: Final = "emotion_edge_crc32"
"""The name of the metadata buffer with the CRC-32 of the file, little endian, computed with zeros in its place."""

_LARGEST_FILE: Final = 1 << 26

# Field numbers of the TFLite schema's tables.
_MODEL_BUFFERS: Final = 4
_MODEL_METADATA: Final = 6
_METADATA_NAME: Final = 0
_METADATA_BUFFER: Final = 1
_BUFFER_DATA: Final = 0


@dataclass(frozen=True)
class Model:
    """A `.tflite` file in memory: a dense network that fits its recipe.

    Attributes:
        content: the whole file.
        recipe: the recipe from the file.
        folder: the folder of the file, which may also contain the voice encoder that the model needs.

    Raises:
        ModelError: the file is not a dense network, or does not fit its recipe.
    """

    content: bytes
    recipe: ModelRecipe
    folder: Path = field(default=Path(), compare=False)

    def __post_init__(self) -> None:
        network = graph.read(self.content)
        _check_fits([network.tensors[number] for number in network.inputs], self.recipe.n_features, "input", "features")
        _check_fits(
            [network.tensors[number] for number in network.outputs], len(self.recipe.labels), "output", "labels"
        )

    @classmethod
    def from_bytes(cls, content: bytes, name: str = "the model", *, folder: Path = Path()) -> Model:
        """Read a model from the content of its file.

        Raises:
            ModelError: the file is not a TFLite file, is damaged, or has no recipe or one that cannot be used.
        """
        try:
            return cls(content, ModelRecipe.from_json(embedded_recipe(content)), folder)
        except ModelError as error:
            raise ModelError(f"{name}: {error}") from error


def _check_fits(tensors: list[graph.Tensor], size: int, side: str, what: str) -> None:
    if len(tensors) != 1:
        raise ModelError(f"its network has {len(tensors)} {side}s, wanted one")
    (tensor,) = tensors
    if tensor.dtype != np.float32 or tensor.shape != (1, size):
        raise ModelError(
            f"the {side} of its network is {tensor.dtype} of shape {list(tensor.shape)}, but its recipe has {size} "
            f"{what}: wanted float32 of shape [1, {size}]"
        )


def load(model: str | os.PathLike[str]) -> Model:
    """Load a shipped model by its name, or any other model by the path of its `.tflite` file.

    Raises:
        ModelError: there is no such model, or it cannot be used.
    """
    if not isinstance(model, str | os.PathLike):
        raise ModelError(f"the model: got {model!r}, wanted the name of a shipped model, or the path of a .tflite file")
    shipped_models = shipped()
    path = shipped_models.get(os.fspath(model), Path(model))
    try:
        content = read_file(path)
    except FileNotFoundError as error:
        known = ", ".join(shipped_models) or "none"
        if path.name != os.fspath(model) or path.suffix == ".tflite":
            raise ModelError(f"{os.fspath(model)}: no such file; the shipped models are {known}") from error
        raise ModelError(
            f"unknown model {os.fspath(model)!r}: the shipped models are {known}; for another one, give "
            "the path of its .tflite file"
        ) from error
    return Model.from_bytes(content, str(path), folder=path.parent)


def read_file(path: Path) -> bytes:
    """Read a model file.

    Raises:
        FileNotFoundError: the file does not exist.
        ModelError: the file cannot be read, or is too large.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise ModelError(f"the model {path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(content) > _LARGEST_FILE:
        raise ModelError(f"{path} has more than {_LARGEST_FILE >> 20} MiB: this is too large for a device")
    return content


def shipped() -> dict[str, Path]:
    """Return the shipped models: name to path, sorted by name."""
    files = {path.stem: path for path in _shipped_folder().glob("*.tflite") if path.stem != ENCODER}
    return dict(sorted(files.items()))


def shipped_encoder(name: str) -> Path:
    """Return the path of a shipped voice encoder; the file may not exist."""
    return _shipped_folder() / f"{name}.tflite"


def _shipped_folder() -> Path:
    """The folder of the shipped models: inside an installed package, or beside the package in a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "models"
    return installed if installed.is_dir() else package.parent / "models"


def checksum(content: bytes, at: int) -> bytes:
    """Compute the checksum that belongs at position `at` of a file. It keeps damaged files from interpreters."""
    before = zlib.crc32(content[:at])
    return struct.pack("<I", zlib.crc32(content[at + 4 :], zlib.crc32(bytes(4), before)))


def stored_checksum(content: bytes) -> str:
    """Return the checksum stored in a model file, as the hexadecimal digits of a number."""
    return content[metadata_places(content)[CHECKSUM_NAME]][::-1].hex()


def embedded_recipe(content: bytes) -> bytes:
    """The bytes of the recipe, after a check that the file is complete and undamaged."""
    if content[4:8] != IDENTIFIER:
        raise ModelError("this is not a TFLite file")
    places = metadata_places(content)
    if RECIPE_NAME not in places or CHECKSUM_NAME not in places:
        raise ModelError("the file contains no recipe: make it with emotion-edge-converter convert")
    stored = content[places[CHECKSUM_NAME]]
    if len(stored) != 4 or stored != checksum(content, places[CHECKSUM_NAME].start):
        raise ModelError(DAMAGED)
    return content[places[RECIPE_NAME]]


def metadata_places(content: bytes) -> dict[str, slice]:
    """Return the positions of our metadata buffers in a TFLite file, by name.

    Raises:
        ModelError: the file is damaged.
    """
    root = Table(content)
    buffers = root.tables(_MODEL_BUFFERS)
    places = {}
    for entry in root.tables(_MODEL_METADATA):
        name, index = entry.text(_METADATA_NAME), entry.number(_METADATA_BUFFER, "I")
        if name in (RECIPE_NAME, CHECKSUM_NAME):
            if index >= len(buffers):
                raise ModelError(DAMAGED)
            places[name] = buffers[index].bytes_at(_BUFFER_DATA)
    return places
