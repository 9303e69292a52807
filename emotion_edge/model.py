"""A model file: a `.tflite` that carries its own recipe, and where the shipped ones are."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .errors import ModelError
from .recipe import ModelRecipe

DEFAULT_MODEL: Final = "tess-mlp"
RECIPE_NAME: Final = "emotion_edge_recipe"
"""The name of the TFLite metadata buffer that holds the recipe."""
CHECKSUM_NAME: Final = "emotion_edge_crc32"
"""The name of the one that holds the CRC-32 of the file, little endian, taken with these four bytes at zero."""

_IDENTIFIER: Final = b"TFL3"
_DAMAGED: Final = "the file is damaged or cut short: get it again"


@dataclass(frozen=True)
class Model:
    """A `.tflite` file in memory.

    Attributes:
        content: the whole file.
        recipe: what it says about itself.
    """

    content: bytes
    recipe: ModelRecipe

    @classmethod
    def from_bytes(cls, content: bytes, name: str = "the model") -> Model:
        """Read the recipe out of a model file.

        Raises:
            ModelError: not a TFLite file, damaged, without a recipe, or with one that cannot be used.
        """
        try:
            return cls(content, ModelRecipe.from_json(_checked_recipe(content)))
        except ModelError as error:
            raise ModelError(f"{name}: {error}") from None


def load(model: str | os.PathLike[str]) -> Model:
    """A shipped model by its name, or any other by the path of its `.tflite` file.

    Raises:
        ModelError: no such model, or one that cannot be used.
    """
    shipped_models = shipped()
    path = shipped_models.get(os.fspath(model), Path(model))
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        known = ", ".join(shipped_models) or "none"
        raise ModelError(
            f"no model {os.fspath(model)!r}: shipped are {known}; another is named by the path of its .tflite file"
        ) from None
    except (OSError, ValueError) as error:
        raise ModelError(f"the model {path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    return Model.from_bytes(content, str(path))


def shipped() -> dict[str, Path]:
    """The shipped models: name to path, sorted by name."""
    return {path.stem: path for path in sorted(_shipped_folder().glob("*.tflite"))}


def _shipped_folder() -> Path:
    """In an installed package beside this module, in a checkout beside the package."""
    package = Path(__file__).parent
    installed = package / "models"
    return installed if installed.is_dir() else package.parent / "models"


def checksum(content: bytes, at: int) -> bytes:
    """What belongs at a position of a file, so that a damaged one is never handed to an interpreter."""
    before = zlib.crc32(content[:at])
    return struct.pack("<I", zlib.crc32(content[at + 4 :], zlib.crc32(bytes(4), before)))


def _checked_recipe(content: bytes) -> bytes:
    """The recipe's bytes, once the file has proved whole."""
    if content[4:8] != _IDENTIFIER:
        raise ModelError("this is not a TFLite file")
    places = metadata_places(content)
    if RECIPE_NAME not in places or CHECKSUM_NAME not in places:
        raise ModelError("the file carries no recipe: make it with emotion-edge-converter convert")
    stored = content[places[CHECKSUM_NAME]]
    if len(stored) != 4 or stored != checksum(content, places[CHECKSUM_NAME].start):
        raise ModelError(_DAMAGED)
    return content[places[RECIPE_NAME]]


def metadata_places(content: bytes) -> dict[str, slice]:
    """Where the named metadata buffers of a TFLite file lie, by the TFLite schema, every offset checked.

    Raises:
        ModelError: an offset leads out of the file.
    """
    try:
        model = _table(content, 0)
        buffers = list(_vector(content, model[_MODEL_BUFFERS]))
        entries = [_table(content, entry) for entry in _vector(content, model[_MODEL_METADATA])]
        places = {}
        for entry in entries:
            name = content[_bytes(content, entry[_METADATA_NAME])].decode("ascii", "replace")
            (index,) = _unpack("<I", content, entry[_METADATA_BUFFER])
            if name in (RECIPE_NAME, CHECKSUM_NAME):
                places[name] = _bytes(content, _table(content, buffers[index])[_BUFFER_DATA])
    except (struct.error, IndexError):
        raise ModelError(_DAMAGED) from None
    return places


# Field numbers of the TFLite schema's tables.
_MODEL_BUFFERS: Final = 4
_MODEL_METADATA: Final = 6
_METADATA_NAME: Final = 0
_METADATA_BUFFER: Final = 1
_BUFFER_DATA: Final = 0


def _unpack(layout: str, content: bytes, at: int) -> tuple[int, ...]:
    if at < 0:  # struct would count from the end
        raise IndexError(at)
    return struct.unpack_from(layout, content, at)


def _table(content: bytes, reference: int) -> _Fields:
    """Where the fields of a table lie, by field number, given where the offset to the table is written."""
    start = reference + _unpack("<I", content, reference)[0]
    layout = start - _unpack("<i", content, start)[0]
    size = _unpack("<H", content, layout)[0]
    offsets = _unpack(f"<{max(0, size // 2 - 2)}H", content, layout + 4)
    return _Fields({number: start + offset for number, offset in enumerate(offsets) if offset})


class _Fields(dict[int, int]):
    """Positions of the fields that a table has; one that it lacks is at -1."""

    def __missing__(self, number: int) -> int:
        return -1


def _vector(content: bytes, reference: int) -> Iterator[int]:
    """Where the items of a vector of offsets are written."""
    if reference == -1:
        return
    start = reference + _unpack("<I", content, reference)[0]
    length = _unpack("<I", content, start)[0]
    for number in range(length):
        at = start + 4 + 4 * number
        _unpack("<I", content, at)
        yield at


def _bytes(content: bytes, reference: int) -> slice:
    """Where the content of a vector of bytes, or of a string, lies."""
    start = reference + _unpack("<I", content, reference)[0]
    length = _unpack("<I", content, start)[0]
    if start + 4 + length > len(content):
        raise IndexError(start)
    return slice(start + 4, start + 4 + length)
