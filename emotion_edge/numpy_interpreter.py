"""Dense TFLite models in plain numpy, for machines that no TFLite package supports.

`Interpreter` speaks the part of TFLite's Python API that `emotion_edge.interpreter` uses. int8 arithmetic follows the
TFLite quantisation specification (Jacob et al., 2018) to the bit: integer sums, and a rescaling by a 31-bit multiplier.
Dynamic-range models quantise their input in float32, where a fused multiply-add may round a tie the other way: of 500
random rows one or none.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .errors import EmotionEdgeError, InterpreterError, ModelError
from .flatbuffer import DAMAGED, Table

Array = NDArray[Any]

# Numbers of the TFLite schema: fields of its tables, tensor types, operators, fused activations.
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
_QUANTIZATION_SCALE: Final = 2
_QUANTIZATION_ZERO_POINT: Final = 3
_OPERATOR_CODE: Final = 0
_OPERATOR_INPUTS: Final = 1
_OPERATOR_OUTPUTS: Final = 2
_OPERATOR_OPTIONS: Final = 4
_BUFFER_DATA: Final = 0
_DENSE_ACTIVATION: Final = 0
_DENSE_ASYMMETRIC: Final = 3
_LEAKY_ALPHA: Final = 0

_DTYPES: Final = {0: "<f4", 1: "<f2", 2: "<i4", 9: "i1"}
_OPERATORS: Final = {
    0: "ADD",
    6: "DEQUANTIZE",
    9: "FULLY_CONNECTED",
    14: "LOGISTIC",
    18: "MUL",
    19: "RELU",
    25: "SOFTMAX",
    28: "TANH",
    41: "SUB",
    98: "LEAKY_RELU",
    111: "ELU",
    114: "QUANTIZE",
}
_OTHER_OPERATORS: Final = {
    1: "AVERAGE_POOL_2D",
    2: "CONCATENATION",
    3: "CONV_2D",
    4: "DEPTHWISE_CONV_2D",
    16: "LSTM",
    17: "MAX_POOL_2D",
    22: "RESHAPE",
    32: "CUSTOM",
    40: "MEAN",
    44: "UNIDIRECTIONAL_SEQUENCE_LSTM",
    83: "PACK",
    126: "BATCH_MATMUL",
    150: "GELU",
}
"""What models of sound have besides, by name for the message; of the others it tells the number."""
_ACTIVATIONS: Final = {0: (-math.inf, math.inf), 1: (0.0, math.inf), 2: (-1.0, 1.0), 3: (0.0, 6.0)}


@dataclass(frozen=True)
class _Tensor:
    """What the graph says of a tensor; `constant` holds the values of one that the file carries."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: np.float32
    zero_point: int
    constant: Array | None

    @property
    def quantised(self) -> bool:
        return self.dtype == np.int8

    @cached_property
    def wide_constant(self) -> Array | None:
        """The constant as sums take it: widened once, as that costs more than a product with it."""
        return None if self.constant is None else self.wide(self.constant)

    def wide(self, values: Array) -> Array:
        """int8 values as int32, zero at 0."""
        return values.astype(np.int32) - np.int32(self.zero_point)


@dataclass(frozen=True)
class _Step:
    """One operator of the graph, its tensors by number."""

    operator: str
    inputs: list[int]
    output: int
    options: Table | None


class Interpreter:
    """Runs a TFLite model.

    Args:
        model_content: the file.
        num_threads: taken for the API's sake; numpy decides.

    Raises:
        InterpreterError: the model has an operator, or a type, that this interpreter lacks; it says which.
        ModelError: the file is damaged.
    """

    def __init__(self, *, model_content: bytes, num_threads: int | None = None) -> None:
        root = Table(model_content)
        graphs = root.tables(_MODEL_SUBGRAPHS)
        if len(graphs) != 1:
            raise InterpreterError(f"numpy runs models of one graph, this one has {len(graphs)}")
        (graph,) = graphs
        buffers = root.tables(_MODEL_BUFFERS)
        self._tensors = [_tensor(entry, buffers, model_content) for entry in graph.tables(_GRAPH_TENSORS)]
        self._inputs = _numbers(graph, _GRAPH_INPUTS, len(self._tensors))
        self._outputs = _numbers(graph, _GRAPH_OUTPUTS, len(self._tensors))
        codes = [_operator(entry) for entry in root.tables(_MODEL_OPERATOR_CODES)]
        self._steps = [_step(entry, codes, len(self._tensors)) for entry in graph.tables(_GRAPH_OPERATORS)]
        self._values: dict[int, Array] = {}

    def allocate_tensors(self) -> None:
        """Put the constants in place."""
        self._values = {number: t.constant for number, t in enumerate(self._tensors) if t.constant is not None}

    def get_input_details(self) -> list[dict[str, Any]]:
        """`index`, `shape` and `dtype` of each input."""
        return [self._details(number) for number in self._inputs]

    def get_output_details(self) -> list[dict[str, Any]]:
        """`index`, `shape` and `dtype` of each output."""
        return [self._details(number) for number in self._outputs]

    def set_tensor(self, index: int, value: Array) -> None:
        """Set an input."""
        self._values[index] = value

    def get_tensor(self, index: int) -> Array:
        """The value of an output, after `invoke`."""
        return self._values[index]

    def invoke(self) -> None:
        """Run the graph."""
        for step in self._steps:
            tensors = [self._tensors[number] if number >= 0 else None for number in step.inputs]
            try:
                values = [self._values[number] if number >= 0 else None for number in step.inputs]
                self._values[step.output] = _run(step, tensors, values, self._tensors[step.output])
            except EmotionEdgeError:
                raise
            except Exception:  # shapes that do not fit, values that nothing made: no graph that a converter wrote
                raise ModelError(DAMAGED) from None

    def _details(self, number: int) -> dict[str, Any]:
        tensor = self._tensors[number]
        return {"index": number, "shape": np.array(tensor.shape), "dtype": tensor.dtype.type}


def _tensor(entry: Table, buffers: list[Table], content: bytes) -> _Tensor:
    code = entry.number(_TENSOR_TYPE, "b")
    if code not in _DTYPES:
        raise InterpreterError(f"numpy lacks TFLite's tensor type {code}")
    dtype, shape = np.dtype(_DTYPES[code]), tuple(int(n) for n in entry.array(_TENSOR_SHAPE, "<i4"))
    quantization = entry.table(_TENSOR_QUANTIZATION)
    scales = quantization.array(_QUANTIZATION_SCALE, "<f4") if quantization else np.zeros(0, "<f4")
    zero_points = quantization.array(_QUANTIZATION_ZERO_POINT, "<i8") if quantization else np.zeros(0, "<i8")
    if len(scales) > 1:
        raise InterpreterError("numpy lacks quantisation by channel")
    index = entry.number(_TENSOR_BUFFER, "I")
    data = content[buffers[index].bytes_at(_BUFFER_DATA)] if index < len(buffers) else b""
    constant = None
    if data:
        if len(data) != dtype.itemsize * math.prod(shape):
            raise ModelError(DAMAGED)
        constant = np.frombuffer(data, dtype).reshape(shape)
    scale = np.float32(scales[0] if len(scales) else 1)
    if not 0 < scale < math.inf:
        raise ModelError(DAMAGED)
    return _Tensor(shape, dtype, scale, int(zero_points[0]) if len(zero_points) else 0, constant)


def _operator(entry: Table) -> str:
    # Codes above 127 came later, in a wider field; the old one then holds 127.
    code = max(entry.number(_CODE_BUILTIN, "i"), entry.number(_CODE_DEPRECATED, "b"))
    if code not in _OPERATORS:
        name = _OTHER_OPERATORS.get(code, code)
        raise InterpreterError(f"numpy lacks TFLite's operator {name}: known are {', '.join(_OPERATORS.values())}")
    return _OPERATORS[code]


def _step(entry: Table, codes: list[str], n_tensors: int) -> _Step:
    code = entry.number(_OPERATOR_CODE, "I")
    inputs, outputs = (_numbers(entry, field, n_tensors) for field in (_OPERATOR_INPUTS, _OPERATOR_OUTPUTS))
    if code >= len(codes) or len(outputs) != 1:
        raise ModelError(DAMAGED)
    return _Step(codes[code], inputs, outputs[0], entry.table(_OPERATOR_OPTIONS))


def _numbers(table: Table, field: int, n_tensors: int) -> list[int]:
    """Numbers of tensors; -1 stands for one that is left out."""
    numbers = [int(number) for number in table.array(field, "<i4")]
    if not all(-1 <= number < n_tensors for number in numbers):
        raise ModelError(DAMAGED)
    return numbers


def _run(step: _Step, tensors: list[Any], values: list[Any], output: _Tensor) -> Array:
    if step.operator == "QUANTIZE":
        return _quantise(values[0], output.scale, output.zero_point)
    if step.operator == "DEQUANTIZE":
        return _dequantise(values[0], tensors[0])
    if step.operator == "FULLY_CONNECTED":
        return _dense(step, tensors, values, output)
    if output.quantised:
        raise InterpreterError(f"numpy lacks TFLite's operator {step.operator} on int8")
    if step.operator == "LEAKY_RELU":
        alpha = step.options.number(_LEAKY_ALPHA, "f", 0.0) if step.options else 0.0
        return np.asarray(np.where(values[0] < 0, values[0] * np.float32(alpha), values[0]))
    result = np.asarray(_FLOAT[step.operator](*values))
    if step.operator in ("ADD", "SUB", "MUL"):
        result = _activate(step, result)
    return result


def _softmax(x: Array) -> Array:
    likelihoods = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(likelihoods / likelihoods.sum(axis=-1, keepdims=True))


_FLOAT: Final[dict[str, Callable[..., Any]]] = {
    "ADD": np.add,
    "SUB": np.subtract,
    "MUL": np.multiply,
    "RELU": lambda x: np.maximum(x, 0),
    "ELU": lambda x: np.where(x < 0, np.expm1(np.minimum(x, 0)), x),
    "TANH": np.tanh,
    "LOGISTIC": lambda x: 0.5 * (1 + np.tanh(0.5 * x)),
    "SOFTMAX": _softmax,
}


def _activate(step: _Step, x: Array) -> Array:
    low, high = _activation(step)
    return x if low == -math.inf else np.asarray(np.clip(x, np.float32(low), np.float32(high)))


def _activation(step: _Step) -> tuple[float, float]:
    code = step.options.number(_DENSE_ACTIVATION, "b") if step.options else 0
    if code not in _ACTIVATIONS:
        raise InterpreterError(f"numpy lacks TFLite's fused activation {code}")
    return _ACTIVATIONS[code]


def _dense(step: _Step, tensors: list[Any], values: list[Any], output: _Tensor) -> Array:
    x, weights = values[:2]
    bias = values[2] if len(values) > 2 and values[2] is not None else 0
    if output.quantised:
        return _dense_int8(step, tensors, x, weights, bias, output)
    if tensors[1].quantised:
        asymmetric = bool(step.options and step.options.number(_DENSE_ASYMMETRIC, "?"))
        return _activate(step, _hybrid(x, weights, tensors[1], asymmetric) + bias)
    return _activate(step, x @ weights.T + bias)


def _dense_int8(step: _Step, tensors: list[Any], x: Array, weights: Array, bias: Any, output: _Tensor) -> Array:
    wide_weights = tensors[1].wide_constant
    if wide_weights is None:
        wide_weights = tensors[1].wide(weights)
    sums = _integer_product(tensors[0].wide(x), wide_weights) + bias
    scale = float(tensors[0].scale) * float(tensors[1].scale) / float(output.scale)
    rescaled = _rescale(sums, scale) + output.zero_point
    low, high = (_quantised_bound(bound, output) for bound in _activation(step))
    return np.asarray(np.clip(rescaled, low, high).astype(np.int8))


def _integer_product(x: Array, weights: Array) -> Array:
    """Of integers, x @ weights.T: numpy has no fast matmul for those, and einsum takes a third of its time."""
    return np.asarray(np.einsum("ij,kj->ik", x, weights))


def _quantised_bound(bound: float, output: _Tensor) -> int:
    if math.isinf(bound):
        return -128 if bound < 0 else 127
    return max(-128, min(127, output.zero_point + round(bound / float(output.scale))))


def _rescale(sums: Array, scale: float) -> Array:
    """Multiply integers by a number as TFLite's kernels do: by a 31-bit multiplier, then by a shift to the right.

    Halves are rounded up both times. A scale beyond 31 bits either way comes from no converter.
    """
    mantissa, exponent = math.frexp(scale)
    if abs(exponent) > 31:
        raise ModelError(DAMAGED)
    multiplier = round(mantissa * (1 << 31))
    product = (sums.astype(np.int64) << max(0, exponent)) * multiplier
    high = (product + (1 << 30)) >> 31
    right = max(0, -exponent)
    return np.asarray((high + ((1 << right) >> 1)) >> right)


def _hybrid(x: Array, weights: Array, tensor: _Tensor, asymmetric: bool) -> Array:
    """Float input, int8 weights: the input is quantised row by row, by its own range, in float32 as TFLite does it."""
    lowest = np.minimum(x.min(axis=1, keepdims=True), 0).astype(np.float64)
    highest = np.maximum(x.max(axis=1, keepdims=True), 0).astype(np.float64)
    exact = (highest - lowest) / 255 if asymmetric else np.maximum(-lowest, highest) / 127
    exact[exact == 0] = 1  # a row of zeros
    zero_point = _zero_point(lowest / exact, highest / exact) if asymmetric else np.zeros_like(exact)
    scale = exact.astype(np.float32)
    scaled = zero_point.astype(np.float32) + x * (np.float32(1) / scale)
    quantised = np.clip(_round(scaled), -128 if asymmetric else -127, 127).astype(np.int32)
    sums = _integer_product(quantised - zero_point.astype(np.int32), weights.astype(np.int32))
    return np.asarray(sums * (scale * tensor.scale), np.float32)


def _zero_point(lowest: Array, highest: Array) -> Array:
    """Which integer stands for zero, reckoned from the end of the range that loses less; both in steps."""
    from_lowest, from_highest = -128 - lowest, 127 - highest
    nearer = np.where(128 + np.abs(lowest) < 127 + np.abs(highest), from_lowest, from_highest)
    return np.asarray(np.clip(_round(nearer), -128, 127))


def _round(x: Array) -> Array:
    """To the nearest whole number, halves away from zero, as C does."""
    return np.asarray(np.trunc(x + np.copysign(x.dtype.type(0.5), x)))


def _quantise(x: Array, scale: np.float32, zero_point: int) -> Array:
    """Nearly as TFLite's kernel: numbers by eights times 1 / scale, halves to the even one; what remains divided, halves away.

    Of 30 million inputs none differed; of inputs that are exact halves some do.
    """
    flat = x.ravel()
    by_eights = flat.size // 8 * 8
    rounded = np.concatenate(
        [np.rint(flat[:by_eights] * (np.float32(1) / scale)), _round(flat[by_eights:] / scale)]
    ).reshape(x.shape)
    return np.asarray(np.clip(rounded + zero_point, -128, 127).astype(np.int8))


def _dequantise(x: Array, tensor: _Tensor) -> Array:
    if not tensor.quantised:  # float16 weights
        return x.astype(np.float32)
    return (x.astype(np.int32) - tensor.zero_point).astype(np.float32) * tensor.scale
