"""Reads the network in a `.tflite` file and checks that it is harmless before any interpreter sees it.

ai-edge-litert checks the offsets in a file; tflite-runtime follows them without a check, which may cause a segmentation
fault. Neither limits the memory that an operator requests. So only harmless networks are accepted: one graph of
operators with output shapes that are known in advance, each of which uses only earlier results.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError
from .flatbuffer import DAMAGED, Schema, Table
from .shapes import output_shape

Array = NDArray[Any]

# The fields of the TFLite schema that interpreters read in dense networks, by number.
_SCHEMA: Final[Schema] = {
    "Model": {
        0: "I",  # version
        1: "*OperatorCode",
        2: "*SubGraph",
        3: "*B",  # description
        4: "*Buffer",
        5: "*i",  # metadata_buffer
        6: "*Metadata",
        7: "*SignatureDef",
    },
    "OperatorCode": {0: "b", 1: "*B", 2: "i", 3: "i"},  # deprecated code, custom code, version, code
    "SubGraph": {0: "*Tensor", 1: "*i", 2: "*i", 3: "*Operator", 4: "*B"},  # inputs, outputs, name
    "Tensor": {0: "*i", 1: "b", 2: "I", 3: "*B", 4: "Quantization", 5: "?", 7: "*i", 8: "?"},
    "Quantization": {0: "*f", 1: "*f", 2: "*f", 3: "*q", 4: "B", 6: "i"},  # min, max, scale, zero point, details, axis
    "Operator": {0: "I", 1: "*i", 2: "*i", 3: "B", 6: "b", 7: "*?", 8: "*i"},
    "Buffer": {0: "*B"},
    "Metadata": {0: "*B", 1: "I"},
    "SignatureDef": {0: "*TensorMap", 1: "*TensorMap", 2: "*B", 4: "I"},
    "TensorMap": {0: "*B", 1: "I"},
}
# Fields that dense networks do not use.
_TENSOR_EXTRAS: Final = (5, 6, 9)  # is_variable, sparsity, variant_tensors
_OPERATOR_EXTRAS: Final = (5, 7, 8, 9, 10, 11, 12)  # custom options, variables, intermediates, large and newer options
_BUFFER_EXTRAS: Final = (1, 2)  # an offset and a size: data behind the flatbuffer

_MODEL_OPERATOR_CODES: Final = 1
_MODEL_SUBGRAPHS: Final = 2
_MODEL_BUFFERS: Final = 4
_CODE_DEPRECATED: Final = 0
_CODE_BUILTIN: Final = 3
_GRAPH_TENSORS: Final = 0
_GRAPH_INPUTS: Final = 1
_GRAPH_OUTPUTS: Final = 2
_GRAPH_OPERATORS: Final = 3
_TENSOR_SHAPE: Final = 0
_TENSOR_TYPE: Final = 1
_TENSOR_BUFFER: Final = 2
_TENSOR_QUANTIZATION: Final = 4
_TENSOR_SIGNATURE: Final = 7
_QUANTIZATION_SCALE: Final = 2
_QUANTIZATION_ZERO_POINT: Final = 3
_QUANTIZATION_DETAILS: Final = 5
_QUANTIZATION_AXIS: Final = 6
_OPERATOR_CODE: Final = 0
_OPERATOR_INPUTS: Final = 1
_OPERATOR_OUTPUTS: Final = 2
_OPERATOR_OPTIONS: Final = 4
_BUFFER_DATA: Final = 0

_DTYPES: Final = {0: "<f4", 1: "<f2", 2: "<i4", 6: "?", 9: "i1"}
FULLY_CONNECTED: Final = 9
# The operators that emotion-edge-converter writes for the activations of Keras, and similar ones. The shape of their
# output is that of numpy's broadcasting.
_ELEMENT_BY_ELEMENT: Final = {
    0: "ADD",
    6: "DEQUANTIZE",
    14: "LOGISTIC",
    18: "MUL",
    19: "RELU",
    20: "RELU_N1_TO_1",
    21: "RELU6",
    25: "SOFTMAX",
    28: "TANH",
    41: "SUB",
    42: "DIV",
    47: "EXP",
    50: "LOG_SOFTMAX",
    55: "MAXIMUM",
    57: "MINIMUM",
    58: "LESS",
    59: "NEG",
    61: "GREATER",
    62: "GREATER_EQUAL",
    63: "LESS_EQUAL",
    73: "LOG",
    75: "SQRT",
    92: "SQUARE",
    93: "ZEROS_LIKE",
    98: "LEAKY_RELU",
    101: "ABS",
    111: "ELU",
    114: "QUANTIZE",
    117: "HARD_SWISH",
    123: "SELECT_V2",
    150: "GELU",
    76: "RSQRT",
}
# Additional operators of the voice encoder.
_STRUCTURAL: Final = {
    2: "CONCATENATION",
    22: "RESHAPE",
    34: "PAD",
    39: "TRANSPOSE",
    40: "MEAN",
    45: "STRIDED_SLICE",
    77: "SHAPE",
    126: "BATCH_MATMUL",
}
OPERATORS: Final = {FULLY_CONNECTED: "FULLY_CONNECTED", **_ELEMENT_BY_ELEMENT, **_STRUCTURAL}
"""The operators that a network may contain, by their numbers in the TFLite schema."""

_MOST_NUMBERS: Final = 1 << 25  # in all tensors together: 128 MiB of float32, of which interpreters keep only some
_MOST_DIMENSIONS: Final = 4


@dataclass(frozen=True)
class Tensor:
    """The description of a tensor in the graph.

    Attributes:
        shape: the shape; no dimension is 0, and a free one is 1 here.
        free: whether each dimension is free: the caller chooses it by resizing the input, or it follows from these.
        dtype: the type of the numbers.
        constant: the values of a tensor that the file contains, sharing the memory of the file; otherwise None.
        scale, zero_point: a quantised number means scale * (number - zero_point). If each channel has its own values,
            these are the values of the first.
        by_channel: whether each channel has its own scale and zero point.
    """

    shape: tuple[int, ...]
    free: tuple[bool, ...]
    dtype: np.dtype[Any]
    constant: Array | None
    scale: np.float32
    zero_point: int
    by_channel: bool

    def shape_at(self, length: int) -> tuple[int, ...]:
        """Return the shape when each free dimension has this length."""
        return tuple(length if free else n for n, free in zip(self.shape, self.free, strict=True))

    def may_have(self, shape: tuple[int, ...]) -> bool:
        """Return whether the tensor may have this shape."""
        if len(shape) != len(self.shape) or min(shape, default=1) < 1:
            return False
        return all(free or n == own for n, own, free in zip(shape, self.shape, self.free, strict=True))

    @property
    def quantised(self) -> bool:
        """Whether its numbers are int8."""
        return self.dtype == np.int8

    def wide(self, values: Array) -> Array:
        """Return int8 values as int32, shifted so that zero is 0."""
        return values.astype(np.int32) - np.int32(self.zero_point)

    @cached_property
    def float_constant(self) -> Array | None:
        """The constant as float32, shifted so that zero is 0; computed only once."""
        return None if self.constant is None else self.constant.astype(np.float32) - np.float32(self.zero_point)

    @cached_property
    def wide_constant(self) -> Array | None:
        """The constant as int32, computed only once, because this costs more than a product with it."""
        return None if self.constant is None else self.wide(self.constant)


@dataclass(frozen=True)
class Step:
    """One operator of the graph, with the numbers of its tensors; -1 stands for a missing bias."""

    operator: str
    inputs: list[int]
    output: int
    options: Table | None


@dataclass(frozen=True)
class Graph:
    """A dense network: its tensors, the numbers of its inputs and outputs, and its steps in order."""

    tensors: list[Tensor]
    inputs: list[int]
    outputs: list[int]
    steps: list[Step]


def read(content: bytes, *, lengths: Sequence[int] = (1,)) -> Graph:
    """Read the network in a file.

    Args:
        content: the content of the file.
        lengths: lengths of the free dimensions; for each of them all shapes must fit. A dense network runs with 1.

    Raises:
        ModelError: the file is damaged, or is not a network of the supported kind.
    """
    root = Table(content)
    root.check("Model", _SCHEMA)
    graphs = root.tables(_MODEL_SUBGRAPHS)
    if len(graphs) != 1:
        raise ModelError(f"the file contains {len(graphs)} graphs, wanted one: a dense network")
    (graph,) = graphs
    buffers = [_buffer(entry) for entry in root.tables(_MODEL_BUFFERS)]
    tensors = _tensors(graph, buffers, content)
    inputs, outputs = (_numbers(graph, field, len(tensors)) for field in (_GRAPH_INPUTS, _GRAPH_OUTPUTS))
    codes = [_operator(entry) for entry in root.tables(_MODEL_OPERATOR_CODES)]
    steps = [_step(entry, codes, len(tensors)) for entry in graph.tables(_GRAPH_OPERATORS)]
    _check_flow(tensors, inputs, outputs, steps)
    for length in lengths:
        _check_shapes(tensors, inputs, steps, length)
    return Graph(tensors, inputs, outputs, steps)


def _buffer(entry: Table) -> slice:
    _check_without(entry, _BUFFER_EXTRAS)
    return entry.bytes_at(_BUFFER_DATA)


def _tensors(graph: Table, buffers: list[slice], content: bytes) -> list[Tensor]:
    tensors, n_numbers = [], 0
    for entry in graph.tables(_GRAPH_TENSORS):
        tensor = _tensor(entry, buffers, content)
        n_numbers += math.prod(tensor.shape)
        if n_numbers > _MOST_NUMBERS:
            raise ModelError(f"its tensors have more than {_MOST_NUMBERS} numbers: too large for a device")
        tensors.append(tensor)
    return tensors


def _tensor(entry: Table, buffers: list[slice], content: bytes) -> Tensor:
    code = entry.number(_TENSOR_TYPE, "b")
    if code not in _DTYPES:
        raise ModelError(f"it has a tensor of TFLite type {code}, wanted one of {', '.join(_names())}")
    _check_without(entry, _TENSOR_EXTRAS)
    dimensions = entry.array(_TENSOR_SHAPE, "<i4")
    _check(len(dimensions) <= _MOST_DIMENSIONS and (dimensions > 0).all())
    dtype, shape = np.dtype(_DTYPES[code]), tuple(dimensions.tolist())
    index, n_numbers = entry.number(_TENSOR_BUFFER, "I"), math.prod(shape)
    _check(index < len(buffers))
    _check_size(n_numbers)
    constant, place = None, buffers[index]
    if place.stop > place.start:
        _check(place.stop - place.start == dtype.itemsize * n_numbers and place.start % dtype.itemsize == 0)
        constant = np.frombuffer(content, dtype, n_numbers, place.start).reshape(shape)
    signature = entry.array(_TENSOR_SIGNATURE, "<i4") if entry.has(_TENSOR_SIGNATURE) else dimensions
    free = signature == -1
    _check(len(signature) == len(shape) and (np.where(free, 1, signature) == dimensions).all())
    _check(constant is None or not free.any())
    return Tensor(
        shape, tuple(free.tolist()), dtype, constant, *_quantisation(entry.table(_TENSOR_QUANTIZATION), shape)
    )


def _names() -> list[str]:
    return [np.dtype(name).name for name in _DTYPES.values()]


def _quantisation(entry: Table | None, shape: tuple[int, ...]) -> tuple[np.float32, int, bool]:
    """The scale, the zero point, and whether each channel has its own."""
    if entry is None:
        return np.float32(1), 0, False
    scales, zero_points = entry.array(_QUANTIZATION_SCALE, "<f4"), entry.array(_QUANTIZATION_ZERO_POINT, "<i8")
    axis = entry.number(_QUANTIZATION_AXIS, "i")
    _check(not entry.has(_QUANTIZATION_DETAILS) and len(zero_points) == len(scales))
    _check(len(scales) <= 1 or (0 <= axis < len(shape) and len(scales) == shape[axis]))
    _check(((scales > 0) & (scales < np.inf)).all() and ((zero_points >= -128) & (zero_points <= 127)).all())
    return (scales[0], int(zero_points[0]), len(scales) > 1) if len(scales) else (np.float32(1), 0, False)


def _operator(entry: Table) -> str:
    # Codes above 127 were added later, in a wider field; the old field then contains 127.
    code = max(entry.number(_CODE_BUILTIN, "i"), entry.number(_CODE_DEPRECATED, "b"))
    if code not in OPERATORS:
        raise ModelError(f"it has the TFLite operator {code}, which does not belong in a dense network")
    return OPERATORS[code]


def _step(entry: Table, codes: list[str], n_tensors: int) -> Step:
    code = entry.number(_OPERATOR_CODE, "I")
    inputs, outputs = (_numbers(entry, field, n_tensors) for field in (_OPERATOR_INPUTS, _OPERATOR_OUTPUTS))
    _check(code < len(codes) and len(inputs) > 0 and len(outputs) == 1)
    _check_without(entry, _OPERATOR_EXTRAS)
    options = entry.table(_OPERATOR_OPTIONS)
    if options is not None:
        options.check_scalars()
    return Step(codes[code], inputs, outputs[0], options)


def _numbers(table: Table, field: int, n_tensors: int) -> list[int]:
    numbers = table.array(field, "<i4")
    _check(len(numbers) <= n_tensors + 1 and bool(((numbers >= -1) & (numbers < n_tensors)).all()))
    return [int(number) for number in numbers]


def _check_flow(tensors: list[Tensor], inputs: list[int], outputs: list[int], steps: list[Step]) -> None:
    """Check that each step uses only known tensors, and makes a new one."""
    known = {number for number, tensor in enumerate(tensors) if tensor.constant is not None}
    _check(not known & set(inputs) and -1 not in inputs)
    known |= set(inputs)
    for step in steps:
        _check({number for number in step.inputs if number >= 0} <= known)
        _check(step.output >= 0 and step.output not in known)
        known.add(step.output)
    _check(set(outputs) <= known)


def _check_shapes(tensors: list[Tensor], inputs: list[int], steps: list[Step], length: int) -> None:
    """Check that all shapes fit and that there are not too many numbers, for one length of the input."""
    values = {number: tensor.constant for number, tensor in enumerate(tensors) if tensor.constant is not None}
    shapes = {number: tensors[number].shape for number in values}
    for number in inputs:
        shapes[number] = tensors[number].shape_at(length)
    for step in steps:
        given = [None if number < 0 else shapes[number] for number in step.inputs]
        shape = output_shape(step.operator, step.options, given, [values.get(number) for number in step.inputs])
        _check(shape is not None)
        assert shape is not None
        _check(tensors[step.output].may_have(shape))
        if step.operator == "SHAPE":
            values[step.output] = np.array(given[0], np.int32)
        shapes[step.output] = shape
    _check_size(sum(math.prod(shape) for shape in shapes.values()))


def _check_size(n_numbers: int) -> None:
    if n_numbers > _MOST_NUMBERS:
        raise ModelError(f"its tensors have more than {_MOST_NUMBERS} numbers: too large for a device")


def _check_without(entry: Table, fields: Sequence[int]) -> None:
    if any(entry.has(field) for field in fields):
        raise ModelError(
            "it uses TFLite fields that a dense network does not need: make it with emotion-edge-converter convert"
        )


def _check(holds: Any) -> None:
    if not holds:
        raise ModelError(DAMAGED)
