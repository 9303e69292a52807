"""The TFLite operators in numpy, for float32."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .flatbuffer import Table
from .shapes import sliced, transposed

Array = NDArray[Any]


def _softmax(x: Array) -> Array:
    likelihoods = x - x.max(axis=-1, keepdims=True)
    np.exp(likelihoods, out=likelihoods)
    likelihoods /= likelihoods.sum(axis=-1, keepdims=True)
    return np.asarray(likelihoods)


# Eigen's approximation of erf, which TFLite's GELU uses: the odd powers of the numerator and the even powers of the
# denominator, highest first. The error is at most 4e-7.
_ERF_ABOVE: Final = (-2.72614225801306e-10, 2.77068142495902e-08, -2.10102402082508e-06, -5.69250639462346e-05,
                     -7.34990630326855e-04, -2.95459980854025e-03, -1.60960333262415e-02)  # fmt: skip
_ERF_BELOW: Final = (
    -1.45660718464996e-05,
    -2.13374055278905e-04,
    -1.68282697438203e-03,
    -7.37332916720468e-03,
    -1.42647390514189e-02,
)
_AT_ONCE: Final = 1 << 14  # numbers that fit into the processor's cache


def _gelu(x: Array) -> Array:
    """Multiply each number by the share of the normal distribution below it."""
    out = np.empty(x.shape, np.float32)
    flat, flat_out = x.reshape(-1), out.reshape(-1)
    for first in range(0, flat.size, _AT_ONCE):
        some = flat[first : first + _AT_ONCE]
        erf = np.clip(some * np.float32(math.sqrt(0.5)), np.float32(-4), np.float32(4))
        square = erf * erf
        erf *= _polynomial(_ERF_ABOVE, square)
        erf /= _polynomial(_ERF_BELOW, square)
        erf += np.float32(1)
        erf *= np.float32(0.5)
        np.multiply(some, erf, out=flat_out[first : first + _AT_ONCE])
    return out


def gelu_by_tanh(x: Array) -> Array:
    """Compute the approximation of GELU that some models use (Hendrycks & Gimpel, 2016)."""
    inner = np.float32(math.sqrt(2 / math.pi)) * (x + np.float32(0.044715) * x * x * x)
    return np.asarray(np.float32(0.5) * x * (1 + np.tanh(inner)), np.float32)


def _polynomial(coefficients: Sequence[float], x: Array) -> Array:
    value = x * np.float32(coefficients[0])
    for coefficient in coefficients[1:-1]:
        value += np.float32(coefficient)
        value *= x
    value += np.float32(coefficients[-1])
    return value


# Multiplications. OpenBLAS splits larger products between threads, and waking these costs up to 15 times the product
# itself, measured on a busy machine.
_LARGEST_PRODUCT: Final = 4 * 65536


def product(a: Array, b: Array) -> Array:
    """Multiply two matrices, or two stacks of matrices, in blocks that stay in one thread."""
    out = np.empty((*a.shape[:-1], b.shape[-1]), np.float32)
    if a.ndim > 2:
        for each, a_one, b_one in zip(out, a, b, strict=True):
            each[:] = product(a_one, b_one)
        return out
    columns = max(8, int((_LARGEST_PRODUCT / a.shape[1]) ** 0.5) // 8 * 8)
    rows = max(1, _LARGEST_PRODUCT // (a.shape[1] * columns))
    for first in range(0, b.shape[1], columns):
        some = slice(first, first + columns)
        for row in range(0, len(a), rows):
            np.matmul(a[row : row + rows], b[:, some], out=out[row : row + rows, some])
    return out


def _concatenate(options: Table | None, *values: Array) -> Array:
    return np.concatenate(values, axis=options.number(0, "i") if options else 0)


def _matmul(options: Table | None, a: Array, b: Array) -> Array:
    a, b = (np.swapaxes(x, -1, -2) if turned else x for x, turned in zip((a, b), transposed(options), strict=True))
    return product(a, b)


def _mean(options: Table | None, x: Array, axes: Array) -> Array:
    keep = bool(options and options.number(0, "?"))
    return np.asarray(x.mean(axis=tuple(axes.reshape(-1).tolist()), keepdims=keep, dtype=np.float32))


STRUCTURAL: Final[dict[str, Callable[..., Any]]] = {
    "BATCH_MATMUL": _matmul,
    "CONCATENATION": _concatenate,
    "MEAN": _mean,
    "PAD": lambda _, x, pads: np.pad(x, pads),
    "RESHAPE": lambda _, x, shape: x.reshape(shape),
    "SHAPE": lambda _, x: np.array(x.shape, np.int32),
    "STRIDED_SLICE": lambda options, x, begin, end, strides: x[sliced(options, begin, end, strides)],
    "TRANSPOSE": lambda _, x, order: x.transpose(order),
}
"""Operators that also need their options."""
KEEP_NUMBERS: Final = {"RESHAPE", "STRIDED_SLICE", "TRANSPOSE"}
"""The structural operators that only move numbers, of any type."""

FLOAT: Final[dict[str, Callable[..., Any]]] = {
    "ADD": np.add,
    "SUB": np.subtract,
    "MUL": np.multiply,
    "ELU": lambda x: np.where(x < 0, np.expm1(np.minimum(x, 0)), x),
    "TANH": np.tanh,
    "LOGISTIC": lambda x: 0.5 * (1 + np.tanh(0.5 * x)),
    "SOFTMAX": _softmax,
    "GELU": _gelu,
    "RSQRT": lambda x: np.float32(1) / np.sqrt(x),
}
"""Operators that need only values."""
