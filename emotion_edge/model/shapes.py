"""The output shapes of TFLite operators, which are checked before any interpreter sees the graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError
from .flatbuffer import Table

Array = NDArray[Any]
Shape: TypeAlias = tuple[int, ...]


def output_shape(
    operator: str, options: Table | None, shapes: Sequence[Shape | None], values: Sequence[Array | None]
) -> Shape | None:
    """Return the shape of an operator's output; None if its inputs do not fit together.

    Args:
        operator: the name of the operator in the TFLite schema.
        options: the options of the operator.
        shapes: the shapes of its inputs; None for a missing bias.
        values: the values of its inputs, if they are known in advance; otherwise None.
    """
    try:
        if operator == "FULLY_CONNECTED":
            return _dense(*shapes)
        given = [shape for shape in shapes if shape is not None]
        if len(given) < len(shapes):
            return None
        if operator in STRUCTURAL:
            return STRUCTURAL[operator](options, given, values)
        return np.broadcast_shapes(*given)
    except (ValueError, TypeError, IndexError, AttributeError, OverflowError):  # they do not fit
        return None


def sliced(options: Table | None, begin: Array, end: Array, strides: Array) -> tuple[slice, ...]:
    """Return the Python slices of a STRIDED_SLICE.

    Raises:
        ModelError: the operator counts backwards, or drops or adds dimensions.
    """
    masks = [options.number(field, "i") if options else 0 for field in range(6)]
    if any(masks[2:]) or not len(begin) == len(end) == len(strides) or (strides < 1).any():
        raise ModelError("the model has a STRIDED_SLICE of a kind that is not supported")
    return tuple(
        slice(
            None if masks[0] >> axis & 1 else int(begin[axis]),
            None if masks[1] >> axis & 1 else int(end[axis]),
            int(strides[axis]),
        )
        for axis in range(len(begin))
    )


def transposed(options: Table | None) -> tuple[bool, bool]:
    """Return whether BATCH_MATMUL transposes each of its two inputs."""
    return (options.number(0, "?") != 0, options.number(1, "?") != 0) if options else (False, False)


def _dense(x: Shape | None, weights: Shape | None, bias: Shape | None = None) -> Shape | None:
    if x is None or weights is None or len(x) != 2 or len(weights) != 2 or x[1] != weights[1]:
        return None
    return (x[0], weights[0]) if bias in (None, (weights[0],)) else None


def _hollow(shape: Shape) -> Array:
    """An array with a shape but without memory, so that numpy can compute shapes."""
    return np.broadcast_to(np.int8(0), shape)


def _known(value: Array | None) -> Array:
    if value is None:
        raise ValueError("it is not known in advance")
    return value


def _reshape(options: Table | None, shapes: Sequence[Shape], values: Sequence[Array | None]) -> Shape:
    return _hollow(shapes[0]).reshape(_known(values[1])).shape


def _transpose(options: Table | None, shapes: Sequence[Shape], values: Sequence[Array | None]) -> Shape:
    return _hollow(shapes[0]).transpose(_known(values[1])).shape


def _strided_slice(options: Table | None, shapes: Sequence[Shape], values: Sequence[Array | None]) -> Shape:
    begin, end, strides = map(_known, values[1:])
    return _hollow(shapes[0])[sliced(options, begin, end, strides)].shape


def _pad(options: Table | None, shapes: Sequence[Shape], values: Sequence[Array | None]) -> Shape | None:
    pads = _known(values[1])
    if pads.min() < 0:
        return None
    return tuple(n + before + after for n, (before, after) in zip(shapes[0], pads.tolist(), strict=True))


def _mean(options: Table | None, shapes: Sequence[Shape], values: Sequence[Array | None]) -> Shape | None:
    axes = _known(values[1]).reshape(-1).tolist()
    keeps_axes = options is not None and options.number(0, "?")
    fits = keeps_axes and all(0 <= axis < len(shapes[0]) for axis in axes)
    return tuple(1 if axis in axes else n for axis, n in enumerate(shapes[0])) if fits else None


def _concatenation(options: Table | None, shapes: Sequence[Shape], values: Sequence[Array | None]) -> Shape | None:
    axis, first = options.number(0, "i") if options else 0, shapes[0]
    if not 0 <= axis < len(first) or {shape[:axis] + shape[axis + 1 :] for shape in shapes} != {
        first[:axis] + first[axis + 1 :]
    }:
        return None
    return (*first[:axis], sum(shape[axis] for shape in shapes), *first[axis + 1 :])


def _batch_matmul(options: Table | None, shapes: Sequence[Shape], values: Sequence[Array | None]) -> Shape | None:
    pair = zip(shapes, transposed(options), strict=True)
    one, other = ((*shape[:-2], shape[-1], shape[-2]) if turned else shape for shape, turned in pair)
    fits = len(one) == len(other) >= 2 and one[:-2] == other[:-2] and one[-1] == other[-2]
    return (*one[:-1], other[-1]) if fits else None


STRUCTURAL: Final[dict[str, Callable[[Table | None, Sequence[Shape], Sequence[Array | None]], Shape | None]]] = {
    "BATCH_MATMUL": _batch_matmul,
    "CONCATENATION": _concatenation,
    "MEAN": _mean,
    "PAD": _pad,
    "RESHAPE": _reshape,
    "SHAPE": lambda options, shapes, values: (len(shapes[0]),),
    "STRIDED_SLICE": _strided_slice,
    "TRANSPOSE": _transpose,
}
"""Operators whose output shape is not that of numpy's broadcasting."""
