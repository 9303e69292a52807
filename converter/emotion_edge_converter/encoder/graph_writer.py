"""Writes a TFLite graph operator by operator, because TensorFlow's converter would write a different one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import ArrayLike, NDArray

Shape = Sequence[int | None]
"""A length of None is one that the caller chooses by resizing the input."""

_TYPES: Final = {
    "float32": schema.TensorType.FLOAT32,
    "int32": schema.TensorType.INT32,
    "int8": schema.TensorType.INT8,
}


class GraphWriter:
    """A graph that grows by one operator at a time. Tensors are known by number.

    Args:
        description: the description in the file.
        versions: the versions of operators, if they are not 1.
    """

    def __init__(self, description: str, versions: Mapping[str, int]) -> None:
        self._versions: Final = versions
        self._graph: Final = schema.SubGraphT()
        self._graph.name = "main"
        self._graph.tensors, self._graph.operators, self._graph.inputs, self._graph.outputs = [], [], [], []
        self._model: Final = schema.ModelT()
        self._model.version, self._model.description = 3, description
        self._model.subgraphs, self._model.buffers, self._model.operatorCodes = [self._graph], [_buffer(None)], []
        self._constants: Final[dict[tuple[Any, ...], int]] = {}

    def input(self, name: str, shape: Shape) -> int:
        """A new float32 input."""
        self._graph.inputs.append(self._tensor(name, shape, "float32"))
        return int(self._graph.inputs[-1])

    def output(self, number: int) -> None:
        """Make a tensor an output."""
        self._graph.outputs.append(number)

    def constant(self, name: str, values: ArrayLike, *, scale: float | None = None) -> int:
        """A tensor of the file; one of the same values is used again."""
        array = np.ascontiguousarray(values)
        key = (array.dtype.str, array.shape, array.tobytes(), scale)
        if key not in self._constants:
            self._constants[key] = self._tensor(name, array.shape, array.dtype.name, array, scale)
        return self._constants[key]

    def shape(self, number: int) -> list[int | None]:
        """A tensor's."""
        tensor = self._graph.tensors[number]
        lengths = tensor.shape if tensor.shapeSignature is None else tensor.shapeSignature
        return [None if length < 0 else length for length in lengths]

    def step(
        self,
        operator: str,
        inputs: Sequence[int],
        shape: Shape,
        options: str | None = None,
        *,
        dtype: str = "float32",
        scale: float | None = None,
        **values: Any,
    ) -> int:
        """One operator; the number of what it makes.

        Args:
            operator: its name in TFLite's schema.
            inputs: numbers of tensors.
            shape: of its output.
            options: the name of its table of options in the schema.
            dtype, scale: of its output.
            values: fields of the options.
        """
        step = schema.OperatorT()
        step.opcodeIndex, step.inputs = self._code(operator), list(inputs)
        step.outputs = [self._tensor(f"{operator.lower()}_{len(self._graph.operators)}", shape, dtype, scale=scale)]
        if options:
            step.builtinOptionsType = getattr(schema.BuiltinOptions, options)
            step.builtinOptions = getattr(schema, f"{options}T")()
            for field, value in values.items():
                assert hasattr(step.builtinOptions, field), field
                setattr(step.builtinOptions, field, value)
        self._graph.operators.append(step)
        return int(step.outputs[0])

    def content(self) -> bytes:
        """The file."""
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(self._model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _tensor(
        self,
        name: str,
        shape: Shape,
        dtype: str,
        values: NDArray[Any] | None = None,
        scale: float | None = None,
    ) -> int:
        tensor = schema.TensorT()
        tensor.name, tensor.type = name, _TYPES[dtype]
        tensor.shape = [1 if length is None else length for length in shape]
        if None in shape:
            tensor.shapeSignature = [-1 if length is None else length for length in shape]
        if scale is not None:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale, tensor.quantization.zeroPoint = [scale], [0]
        tensor.buffer = 0
        if values is not None:
            tensor.buffer = len(self._model.buffers)
            self._model.buffers.append(_buffer(values))
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def _code(self, operator: str) -> int:
        number = getattr(schema.BuiltinOperator, operator)
        for index, code in enumerate(self._model.operatorCodes):
            if code.builtinCode == number:
                return index
        code = schema.OperatorCodeT()
        code.builtinCode, code.deprecatedBuiltinCode = number, min(number, 127)
        code.version = self._versions.get(operator, 1)
        self._model.operatorCodes.append(code)
        return len(self._model.operatorCodes) - 1


def _buffer(values: NDArray[Any] | None) -> Any:
    buffer = schema.BufferT()
    buffer.data = None if values is None else np.frombuffer(values.tobytes(), np.uint8)
    return buffer
