"""Writing the recipe into a `.tflite` file. Reading it back is the runtime's part (`emotion_edge.model`)."""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from emotion_edge.model import METADATA_NAME
from emotion_edge.recipe import ModelRecipe

_ALIGNMENT = 16  # what the TFLite schema promises of a buffer's data, and 32-bit ARM needs


class _AlignedBuffer(schema.BufferT):  # type: ignore[misc]
    """The generated class writes its data wherever it falls."""

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


def embed(tflite: bytes, recipe: ModelRecipe) -> bytes:
    """A `.tflite` file with a recipe in its metadata, in place of one that was there."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(tflite, 0))
    model.metadata = [entry for entry in model.metadata or [] if entry.name != METADATA_NAME.encode()]
    entry = schema.MetadataT()
    entry.name, entry.buffer = METADATA_NAME, len(model.buffers)
    model.metadata.append(entry)
    added = schema.BufferT()
    added.data = np.frombuffer(recipe.to_json().encode(), np.uint8)
    model.buffers = [_aligned(buffer) for buffer in [*model.buffers, added]]
    builder = flatbuffers.Builder(len(tflite) + 4096)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _aligned(buffer: Any) -> _AlignedBuffer:
    aligned = _AlignedBuffer()
    aligned.data = buffer.data
    return aligned
