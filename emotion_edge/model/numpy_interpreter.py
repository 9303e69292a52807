"""TFLite models of ours in plain numpy, for machines that no TFLite package supports.

`Interpreter` speaks the part of TFLite's Python API that `emotion_edge.model.interpreter` uses. int8 arithmetic follows the
TFLite quantisation specification (Jacob et al., 2018) to the bit: integer sums, and a rescaling by a 31-bit multiplier.
Dynamic-range models quantise their input in float32, where a fused multiply-add may round a tie the other way: of 500
random rows one or none.
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

# Fields of the TFLite schema's tables of options.
_DENSE_ACTIVATION: Final = 0
_DENSE_ASYMMETRIC: Final = 3
_LEAKY_ALPHA: Final = 0
_GELU_APPROXIMATE: Final = 0

_ACTIVATIONS: Final = {0: (-math.inf, math.inf), 1: (0.0, math.inf), 2: (-1.0, 1.0), 3: (0.0, 6.0)}


class Interpreter:
    """Runs a TFLite model.

    Args:
        model_content: the file.
        num_threads: taken for the API's sake; numpy decides.

    Raises:
        InterpreterError: the model has an operator, or a quantisation, that this interpreter lacks; it says which.
        ModelError: the file is damaged, or no network of ours.
    """

    def __init__(self, *, model_content: bytes, num_threads: int | None = None) -> None:
        graph = read(model_content)
        for step in graph.steps:
            if step.operator not in _KNOWN:
                raise InterpreterError(
                    f"numpy lacks TFLite's operator {step.operator}: known are {', '.join(sorted(_KNOWN))}"
                )
        if any(tensor.by_channel for tensor in graph.tensors):
            raise InterpreterError("numpy lacks quantisation by channel")
        self._tensors, self._steps = graph.tensors, graph.steps
        self._inputs, self._outputs = graph.inputs, graph.outputs
        self._shapes = {number: graph.tensors[number].shape for number in graph.inputs}
        self._values: dict[int, Array] = {}
        self._spent = _spent(graph)

    def resize_tensor_input(self, index: int, shape: list[int]) -> None:
        """Choose the shape of an input that has a free length."""
        self._shapes[index] = tuple(shape)

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
        if np.shape(value) != self._shapes[index]:
            raise ValueError(f"got an input of shape {np.shape(value)}, wanted {self._shapes[index]}")
        self._values[index] = value

    def get_tensor(self, index: int) -> Array:
        """The value of an output, after `invoke`."""
        return self._values[index]

    def invoke(self) -> None:
        """Run the graph; what no later step needs is given back on the way."""
        with np.errstate(all="ignore"):  # that answers are not finite is for the caller to see
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
    """Of each step which tensors nothing needs after it: neither constants, inputs nor outputs."""
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
    if output.quantised:
        raise InterpreterError(f"numpy lacks TFLite's operator {step.operator} on int8")
    if step.operator == "LEAKY_RELU":
        alpha = step.options.number(_LEAKY_ALPHA, "f", 0.0) if step.options else 0.0
        return np.asarray(np.where(values[0] < 0, values[0] * np.float32(alpha), values[0]))
    if step.operator == "GELU" and step.options and step.options.number(_GELU_APPROXIMATE, "?"):
        return gelu_by_tanh(values[0])
    result = np.asarray(FLOAT[step.operator](*values))
    if step.operator in ("ADD", "SUB", "MUL"):
        result = _activate(step, result)
    return result


_KNOWN: Final = {"DEQUANTIZE", "FULLY_CONNECTED", "LEAKY_RELU", "QUANTIZE", *FLOAT, *STRUCTURAL}


def _activate(step: Step, x: Array) -> Array:
    low, high = _activation(step)
    return x if low == -math.inf else np.asarray(np.clip(x, np.float32(low), np.float32(high)))


def _activation(step: Step) -> tuple[float, float]:
    code = step.options.number(_DENSE_ACTIVATION, "b") if step.options else 0
    if code not in _ACTIVATIONS:
        raise InterpreterError(f"numpy lacks TFLite's fused activation {code}")
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


def _dense_int8(step: Step, tensors: list[Any], x: Array, weights: Array, bias: Any, output: Tensor) -> Array:
    wide_weights = tensors[1].wide_constant
    if wide_weights is None:
        wide_weights = tensors[1].wide(weights)
    # Of integers numpy has no fast matmul, and einsum takes a third of its time.
    sums = np.einsum("ij,kj->ik", tensors[0].wide(x), wide_weights) + bias
    # The product in float32, the quotient not: so do TFLite's kernels, and now and then an answer shows it.
    scale = float(np.float32(tensors[0].scale) * np.float32(tensors[1].scale)) / float(output.scale)
    rescaled = _rescale(sums, scale) + output.zero_point
    low, high = (_quantised_bound(bound, output) for bound in _activation(step))
    return np.asarray(np.clip(rescaled, low, high).astype(np.int8))


def _quantised_bound(bound: float, output: Tensor) -> int:
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


def _hybrid(x: Array, tensor: Tensor, asymmetric: bool) -> Array:
    """Float input, int8 weights: the input is quantised row by row, by its own range, in float32 as TFLite does it.

    The whole numbers are multiplied as float32, for which there is a fast matmul: sums up to 2 ** 24 are exact.
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


def _dequantise(x: Array, tensor: Tensor) -> Array:
    if not tensor.quantised:  # float16 weights
        return x.astype(np.float32)
    return (x.astype(np.int32) - tensor.zero_point).astype(np.float32) * tensor.scale
