"""Runs our TFLite models in plain numpy, for machines that no TFLite package supports.

`Interpreter` has the part of TFLite's Python API that `emotion_edge.model.interpreter` uses. int8 arithmetic follows
the TFLite quantisation specification (Jacob et al., 2018) to the bit: integer sums, rescaled by a 31-bit multiplier.
Dynamic-range models quantise their input in float32, where a fused multiply-add may round a tie the other way: in at
most one of 500 random rows.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import EmotionEdgeError, InterpreterError, ModelError
from .flatbuffer import DAMAGED
from .graph import Graph, Step, Tensor, read
from .numpy_operators import FLOAT, KEEP_NUMBERS, STRUCTURAL, gelu_by_tanh, product

Array = NDArray[Any]

# Fields of the option tables in the TFLite schema.
_DENSE_ACTIVATION: Final = 0
_DENSE_ASYMMETRIC: Final = 3
_LEAKY_ALPHA: Final = 0
_GELU_APPROXIMATE: Final = 0

_ACTIVATIONS: Final = {0: (-math.inf, math.inf), 1: (0.0, math.inf), 2: (-1.0, 1.0), 3: (0.0, 6.0)}


class Interpreter:
    """Runs a TFLite model.

    Args:
        model_content: the content of the file.
        num_threads: ignored; it exists for compatibility with TFLite.

    Raises:
        InterpreterError: this interpreter does not support an operator or the quantisation of the model.
        ModelError: the file is damaged, or is not a network of the supported kind.
    """

    def __init__(self, *, model_content: bytes, num_threads: int | None = None) -> None:
        graph = read(model_content)
        for step in graph.steps:
            if step.operator not in _KNOWN:
                raise InterpreterError(
                    f"numpy lacks the TFLite operator {step.operator}: known are {', '.join(sorted(_KNOWN))}"
                )
        if any(tensor.by_channel for tensor in graph.tensors):
            raise InterpreterError("numpy lacks quantisation by channel")
        self._tensors, self._steps = graph.tensors, graph.steps
        self._inputs, self._outputs = graph.inputs, graph.outputs
        self._shapes = {number: graph.tensors[number].shape for number in graph.inputs}
        self._values: dict[int, Array] = {}
        self._spent = _spent(graph)

    def resize_tensor_input(self, index: int, shape: list[int]) -> None:
        """Set the shape of an input with a free length."""
        self._shapes[index] = tuple(shape)

    def allocate_tensors(self) -> None:
        """Set the constants."""
        self._values = {number: t.constant for number, t in enumerate(self._tensors) if t.constant is not None}

    def get_input_details(self) -> list[dict[str, Any]]:
        """Return `index`, `shape` and `dtype` of each input."""
        return [self._details(number) for number in self._inputs]

    def get_output_details(self) -> list[dict[str, Any]]:
        """Return `index`, `shape` and `dtype` of each output."""
        return [self._details(number) for number in self._outputs]

    def set_tensor(self, index: int, value: Array) -> None:
        """Set an input."""
        if np.shape(value) != self._shapes[index]:
            raise ValueError(f"got an input of shape {np.shape(value)}, wanted {self._shapes[index]}")
        self._values[index] = value

    def get_tensor(self, index: int) -> Array:
        """Return the value of an output, after `invoke`."""
        return self._values[index]

    def invoke(self) -> None:
        """Run the graph. Values that no later step needs are deleted on the way."""
        with np.errstate(all="ignore"):  # the caller checks for results that are not finite
            for step, spent in zip(self._steps, self._spent, strict=True):
                tensors = [self._tensors[number] if number >= 0 else None for number in step.inputs]
                values = [self._values[number] if number >= 0 else None for number in step.inputs]
                try:
                    self._values[step.output] = _run(step, tensors, values, self._tensors[step.output])
                except EmotionEdgeError:
                    raise
                except Exception as error:  # inputs of a type or number that no converter writes
                    raise ModelError(DAMAGED) from error
                for number in spent:
                    del self._values[number]

    def _details(self, number: int) -> dict[str, Any]:
        tensor = self._tensors[number]
        shape = self._shapes.get(number, tensor.shape)
        return {"index": number, "shape": np.array(shape), "dtype": tensor.dtype.type}


def _spent(graph: Graph) -> list[list[int]]:
    """For each step, the tensors that no later step needs; constants, inputs and outputs are kept."""
    kept = {number for number, tensor in enumerate(graph.tensors) if tensor.constant is not None}
    kept |= {*graph.inputs, *graph.outputs}
    spent: list[list[int]] = []
    for step in reversed(graph.steps):
        last = {*step.inputs, step.output} - {-1} - kept
        kept |= last
        spent.append(sorted(last))
    return spent[::-1]


def _run(step: Step, tensors: list[Any], values: list[Any], output: Tensor) -> Array:
    if step.operator == "QUANTIZE":
        return _quantise(values[0], output.scale, output.zero_point)
    if step.operator == "DEQUANTIZE":
        return _dequantise(values[0], tensors[0])
    if step.operator == "FULLY_CONNECTED":
        return _dense(step, tensors, values, output)
    if step.operator in STRUCTURAL and not (output.quantised and step.operator not in KEEP_NUMBERS):
        return np.asarray(STRUCTURAL[step.operator](step.options, *values))
    if step.operator in _LIMITS and output.quantised:
        return _limited_int8(tensors[0], values[0], output, *_LIMITS[step.operator])
    if output.quantised:
        raise InterpreterError(f"numpy lacks the TFLite operator {step.operator} on int8")
    if step.operator in _LIMITS:
        return _limited(values[0], *_LIMITS[step.operator])
    if step.operator == "LEAKY_RELU":
        alpha = step.options.number(_LEAKY_ALPHA, "f", 0.0) if step.options else 0.0
        return np.asarray(np.where(values[0] < 0, values[0] * np.float32(alpha), values[0]))
    if step.operator == "GELU" and step.options and step.options.number(_GELU_APPROXIMATE, "?"):
        return gelu_by_tanh(values[0])
    result = np.asarray(FLOAT[step.operator](*values))
    if step.operator in ("ADD", "SUB", "MUL"):
        result = _activate(step, result)
    return result


_LIMITS: Final = {"RELU": (0.0, math.inf), "RELU_N1_TO_1": (-1.0, 1.0), "RELU6": (0.0, 6.0)}
_KNOWN: Final = {"DEQUANTIZE", "FULLY_CONNECTED", "LEAKY_RELU", "QUANTIZE", *_LIMITS, *FLOAT, *STRUCTURAL}


def _activate(step: Step, x: Array) -> Array:
    low, high = _activation(step)
    return x if low == -math.inf else _limited(x, low, high)


def _limited(x: Array, low: float, high: float) -> Array:
    return np.asarray(np.clip(x, np.float32(low), np.float32(high)))


def _activation(step: Step) -> tuple[float, float]:
    code = step.options.number(_DENSE_ACTIVATION, "b") if step.options else 0
    if code not in _ACTIVATIONS:
        raise InterpreterError(f"numpy lacks the TFLite fused activation {code}")
    return _ACTIVATIONS[code]


def _dense(step: Step, tensors: list[Any], values: list[Any], output: Tensor) -> Array:
    x, weights = values[:2]
    bias = values[2] if len(values) > 2 and values[2] is not None else 0
    if output.quantised:
        return _dense_int8(step, tensors, x, weights, bias, output)
    if tensors[1].quantised:
        asymmetric = bool(step.options and step.options.number(_DENSE_ASYMMETRIC, "?"))
        return _activate(step, _hybrid(x, tensors[1], asymmetric) + bias)
    return _activate(step, product(x, weights.T) + bias)


def _limited_int8(tensor: Tensor, x: Array, output: Tensor, low: float, high: float) -> Array:
    scale = float(np.float32(tensor.scale) / np.float32(output.scale))
    rescaled = _rescale(tensor.wide(x), scale) + output.zero_point
    return np.asarray(np.clip(rescaled, _quantised_bound(low, output), _quantised_bound(high, output)), np.int8)


def _dense_int8(step: Step, tensors: list[Any], x: Array, weights: Array, bias: Any, output: Tensor) -> Array:
    wide_weights = tensors[1].wide_constant
    if wide_weights is None:
        wide_weights = tensors[1].wide(weights)
    # numpy has no fast matmul for integers; einsum takes a third of its time.
    sums = np.einsum("ij,kj->ik", tensors[0].wide(x), wide_weights) + bias
    # The product is in float32, the quotient is not: TFLite's kernels do the same, and a few results depend on it.
    scale = float(np.float32(tensors[0].scale) * np.float32(tensors[1].scale)) / float(output.scale)
    rescaled = _rescale(sums, scale) + output.zero_point
    low, high = (_quantised_bound(bound, output) for bound in _activation(step))
    return np.asarray(np.clip(rescaled, low, high).astype(np.int8))


def _quantised_bound(bound: float, output: Tensor) -> int:
    if math.isinf(bound):
        return -128 if bound < 0 else 127
    return max(-128, min(127, output.zero_point + round(bound / float(output.scale))))


def _rescale(sums: Array, scale: float) -> Array:
    """Multiply integers by a number as TFLite's kernels do: with a 31-bit multiplier and a shift to the right.

    Halves are rounded up both times. No converter writes a scale beyond 31 bits in either direction.
    """
    mantissa, exponent = math.frexp(scale)
    if abs(exponent) > 31:
        raise ModelError(DAMAGED)
    multiplier = round(mantissa * (1 << 31))
    product = (sums.astype(np.int64) << max(0, exponent)) * multiplier
    high = (product + (1 << 30)) >> 31
    right = max(0, -exponent)
    return np.asarray((high + ((1 << right) >> 1)) >> right)


def _hybrid(x: Array, tensor: Tensor, asymmetric: bool) -> Array:
    """Float input, int8 weights: each row of the input is quantised by its own range, in float32 as in TFLite.

    The integers are multiplied as float32, for which matmul is fast: sums up to 2 ** 24 are exact.
    """
    lowest = np.minimum(x.min(axis=1, keepdims=True), 0).astype(np.float64)
    highest = np.maximum(x.max(axis=1, keepdims=True), 0).astype(np.float64)
    exact = (highest - lowest) / 255 if asymmetric else np.maximum(-lowest, highest) / 127
    exact[exact == 0] = 1  # a row of zeros
    zero_point = (_zero_point(lowest / exact, highest / exact) if asymmetric else np.zeros_like(exact)).astype(
        np.float32
    )
    scale = exact.astype(np.float32)
    whole = x * (np.float32(1) / scale)
    np.rint(whole, out=whole)
    np.clip(whole, np.float32(-128 if asymmetric else -127) - zero_point, 127 - zero_point, out=whole)
    assert tensor.float_constant is not None
    sums = product(whole, tensor.float_constant.T)
    sums *= scale * tensor.scale
    return np.asarray(sums)


def _zero_point(lowest: Array, highest: Array) -> Array:
    """The integer for zero, computed from the end of the range that loses less precision; both ends are in steps."""
    from_lowest, from_highest = -128 - lowest, 127 - highest
    nearer = np.where(128 + np.abs(lowest) < 127 + np.abs(highest), from_lowest, from_highest)
    return np.asarray(np.clip(_round(nearer), -128, 127))


def _round(x: Array) -> Array:
    """Round to the nearest whole number, halves away from zero, as C does."""
    return np.asarray(np.trunc(x + np.copysign(x.dtype.type(0.5), x)))


def _quantise(x: Array, scale: np.float32, zero_point: int) -> Array:
    """Quantise almost exactly as TFLite's kernel does.

    Groups of eight numbers are multiplied by 1 / scale, with halves to even. The remaining numbers are divided, with
    halves away from zero. None of 30 million inputs gave a different result; some inputs that are exact halves do.
    """
    flat = x.ravel()
    by_eights = flat.size // 8 * 8
    rounded = np.concatenate(
        [np.rint(flat[:by_eights] * (np.float32(1) / scale)), _round(flat[by_eights:] / scale)]
    ).reshape(x.shape)
    return np.asarray(np.clip(rounded + zero_point, -128, 127).astype(np.int8))


def _dequantise(x: Array, tensor: Tensor) -> Array:
    if not tensor.quantised:  # float16 weights
        return x.astype(np.float32)
    return (x.astype(np.int32) - tensor.zero_point).astype(np.float32) * tensor.scale
