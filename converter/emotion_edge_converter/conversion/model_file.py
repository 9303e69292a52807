"""Writes model files: embeds a recipe in a `.tflite`. The runtime reads it (`emotion_edge.model.file`)."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from emotion_edge.model.encoder import EncoderRecipe
from emotion_edge.model.file import CHECKSUM_NAME, RECIPE_NAME, checksum, metadata_places
from emotion_edge.model.recipe import ModelRecipe

_ALIGNMENT = 16  # the TFLite schema promises this for the data of a buffer, and 32-bit ARM needs it


class _AlignedBuffer(schema.BufferT):  # type: ignore[misc]
    """A buffer with aligned data. The generated class does not align it."""

    def Pack(self, builder: Any) -> Any:  # noqa: N802, the generated name
        data = None
        if self.data is not None and len(self.data):
            content = bytes(bytearray(self.data))
            builder.StartVector(1, len(content), _ALIGNMENT)
            builder.head -= len(content)
            builder.Bytes[builder.head : builder.head + len(content)] = content
            data = builder.EndVector()
        schema.BufferStart(builder)
        if data is not None:
            schema.BufferAddData(builder, data)
        return schema.BufferEnd(builder)


def embed(tflite: bytes, recipe: ModelRecipe | EncoderRecipe) -> bytes:
    """A `.tflite` file with the recipe and a checksum in its metadata. Earlier ones are replaced."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(tflite, 0))
    _set_metadata(model, RECIPE_NAME, recipe.to_json().encode())
    _set_metadata(model, CHECKSUM_NAME, bytes(4))
    model.buffers = [_aligned(buffer) for buffer in model.buffers]
    builder = flatbuffers.Builder(len(tflite) + 4096)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    content = bytes(builder.Output())
    place = metadata_places(content)[CHECKSUM_NAME]
    return content[: place.start] + checksum(content, place.start) + content[place.stop :]


@contextmanager
def temporary(content: bytes, *, beside: Path | None = None) -> Iterator[Path]:
    """Yield the path of a temporary file with this content. A model loaded from it works after the block too."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(content)
        if beside is not None:
            shutil.copy(beside, folder)
        yield path


def _set_metadata(model: Any, name: str, data: bytes) -> None:
    model.metadata = model.metadata or []
    numbers = [entry.buffer for entry in model.metadata if entry.name == name.encode()]
    if not numbers:
        entry = schema.MetadataT()
        entry.name, entry.buffer = name, len(model.buffers)
        model.metadata.append(entry)
        model.buffers.append(schema.BufferT())
        numbers = [entry.buffer]
    model.buffers[numbers[0]].data = np.frombuffer(data, np.uint8)


def _aligned(buffer: Any) -> _AlignedBuffer:
    aligned = _AlignedBuffer()
    aligned.data = buffer.data
    return aligned
