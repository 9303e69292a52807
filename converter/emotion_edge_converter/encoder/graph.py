"""The encoder as a TFLite graph that LiteRT, tflite-runtime and numpy all run.

TensorFlow's converter does not write it: its dynamic range has one scale for a whole matrix, which loses too much, or
FULLY_CONNECTED version 12, which tflite-runtime refuses. Here a FULLY_CONNECTED of version 9 has whole numbers with
the scale 1, and a MUL behind it has the scale of each row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import ArrayLike, NDArray

from .graph_writer import GraphWriter, Shape
from .network import EPSILON, N_HEADS, positions
from .rounding import Rounded
from .weights import N_MELS, WIDTH

Array = NDArray[Any]

LONGEST: Final = 640
"""The most output frames, 12.8 s: the length of the table of positions."""

_NOTICE: Final = "stem and block 0 of Whisper tiny.en; MIT licence, Copyright (c) 2022 OpenAI"
_VERSIONS: Final = {"FULLY_CONNECTED": 9, "DEQUANTIZE": 2, "STRIDED_SLICE": 2}
_HEAD_WIDTH: Final = WIDTH // N_HEADS


def content(layers: Mapping[str, Rounded]) -> bytes:
    """The file: float32 (n, 80) log-mel frames, n of 1 to 1280, to float32 (ceil(n / 2), 384).

    Args:
        layers: as `rounding.rounded` gives them.
    """
    return _Encoder(layers).writer.content()


class _Encoder:
    def __init__(self, layers: Mapping[str, Rounded]) -> None:
        self.writer: Final = GraphWriter(_NOTICE, _VERSIONS)
        self._layers: Final = layers
        x = self.writer.input("log_mel", (None, N_MELS))
        for name, stride in (("conv1", 1), ("conv2", 2)):
            x = self._gelu(self._dense(name, self._taps(x, stride)))
        x = self._add(x, self._positions(x))
        x = self._add(x, self._dense("attention_out", self._attention(self._dense("query_key_value", self._norm(x)))))
        x = self._add(x, self._dense("mlp_out", self._gelu(self._dense("mlp_in", self._norm(x)))))
        self.writer.output(x)

    def _ints(self, name: str, *values: int) -> int:
        return self.writer.constant(name, np.array(values, np.int32))

    def _floats(self, name: str, values: ArrayLike) -> int:
        return self.writer.constant(name, np.asarray(values, np.float32))

    def _add(self, one: int, other: int) -> int:
        return self.writer.step("ADD", (one, other), self.writer.shape(one), "AddOptions")

    def _mul(self, one: int, other: int) -> int:
        return self.writer.step("MUL", (one, other), self.writer.shape(one), "MulOptions")

    def _gelu(self, x: int) -> int:
        return self.writer.step("GELU", (x,), self.writer.shape(x), "GeluOptions", approximate=False)

    def _slice(
        self,
        x: int,
        begin: Sequence[int],
        end: int,
        strides: Sequence[int],
        shape: Shape,
        end_mask: int = 0,
        **kind: Any,
    ) -> int:
        inputs = (x, self._ints("begin", *begin), end, self._ints("strides", *strides))
        return self.writer.step("STRIDED_SLICE", inputs, shape, "StridedSliceOptions", endMask=end_mask, **kind)

    def _taps(self, x: int, stride: int) -> int:
        """Three neighbouring frames side by side, zeros beyond the ends: a convolution is then a dense layer."""
        width = self.writer.shape(x)[1]
        assert width is not None
        pads = self.writer.constant("pads", np.array([[1, 1], [0, 0]], np.int32))
        padded = self.writer.step("PAD", (x, pads), (None, width), "PadOptions")
        taps = [
            self._slice(
                padded, (first, 0), self._ints("end", last, 0), (stride, 1), (None, width), end_mask=2 if last else 3
            )
            for first, last in ((0, -2), (1, -1), (2, 0))
        ]
        return self.writer.step("CONCATENATION", taps, (None, 3 * width), "ConcatenationOptions", axis=1)

    def _positions(self, x: int) -> int:
        """The first rows of the table of positions, as many as x has. Each number is one byte."""
        shape = self.writer.step("SHAPE", (x,), (2,), "ShapeOptions", dtype="int32", outType=schema.TensorType.INT32)
        kind: dict[str, Any] = {"dtype": "int8", "scale": 1 / 127}
        table = self.writer.constant("positions", np.rint(127 * positions(LONGEST)).astype(np.int8), scale=1 / 127)
        rows = self._slice(table, (0, 0), shape, (1, 1), (None, WIDTH), **kind)
        return self.writer.step("DEQUANTIZE", (rows,), (None, WIDTH), "DequantizeOptions")

    def _mean(self, x: int) -> int:
        return self.writer.step("MEAN", (x, self._ints("last_axis", 1)), (None, 1), "ReducerOptions", keepDims=True)

    def _norm(self, x: int) -> int:
        """Normalise to mean 0 and deviation 1. The next matrix includes the scale and the offset."""
        x = self.writer.step("SUB", (x, self._mean(x)), self.writer.shape(x), "SubOptions")
        variance = self._add(self._mean(self._mul(x, x)), self._floats("epsilon", EPSILON))
        return self._mul(x, self.writer.step("RSQRT", (variance,), (None, 1)))

    def _dense(self, name: str, x: int) -> int:
        layer = self._layers[name]
        if layer.moved is not None:
            x = self._mul(x, self._floats(f"{name}/moved", layer.moved))
        rows = self.writer.constant(f"{name}/rows", layer.rows, scale=1.0)
        bias = self._floats(f"{name}/bias", layer.bias / layer.scale)
        x = self.writer.step(
            "FULLY_CONNECTED",
            (x, rows, bias),
            (None, len(layer.rows)),
            "FullyConnectedOptions",
            asymmetricQuantizeInputs=True,
        )
        return self._mul(x, self._floats(f"{name}/scale", layer.scale))

    def _attention(self, x: int) -> int:
        """Six heads of 64, of queries, keys and values side by side."""
        writer, n = self.writer, 3 * N_HEADS
        to_heads = self._ints("to_heads", -1, n, _HEAD_WIDTH)
        x = self._transpose(
            writer.step("RESHAPE", (x, to_heads), (None, n, _HEAD_WIDTH), "ReshapeOptions"), (n, None, _HEAD_WIDTH)
        )
        query, key, value = (
            self._slice(
                x,
                (first, 0, 0),
                self._ints("end", first + N_HEADS, 0, 0),
                (1, 1, 1),
                (N_HEADS, None, _HEAD_WIDTH),
                end_mask=6,
            )
            for first in range(0, n, N_HEADS)
        )
        square = (N_HEADS, None, None)
        x = writer.step("BATCH_MATMUL", (query, key), square, "BatchMatMulOptions", adjY=True)
        x = writer.step("SOFTMAX", (x,), square, "SoftmaxOptions", beta=1.0)
        x = writer.step("BATCH_MATMUL", (x, value), (N_HEADS, None, _HEAD_WIDTH), "BatchMatMulOptions")
        x = self._transpose(x, (None, N_HEADS, _HEAD_WIDTH))
        return writer.step("RESHAPE", (x, self._ints("from_heads", -1, WIDTH)), (None, WIDTH), "ReshapeOptions")

    def _transpose(self, x: int, shape: Shape) -> int:
        return self.writer.step("TRANSPOSE", (x, self._ints("heads_first", 1, 0, 2)), shape, "TransposeOptions")
