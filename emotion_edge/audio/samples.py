"""Turns samples in memory, of any dtype, number of channels and rate, into mono float32 at the model's rate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import AudioError
from .resampling import Resampler, check_rate

Array = NDArray[np.float32]

MOST_CHANNELS: Final = 64

_BLOCK_FRAMES: Final = 1 << 16
_IN_MEMORY: Final = "divide 16-bit integers by 32768, or pass them as int16"
_IN_A_FILE: Final = "write the file again with scaled samples"
_LOUDEST: Final = 128.0  # 42 dB over full scale: not a recording, but integers in a float array


def sample_blocks(samples: ArrayLike, sample_rate: float, *, sample_rate_hz: int) -> Iterator[Array]:
    """Yield samples in memory as blocks, in the same form as `files.read_blocks` yields those of a file.

    Args:
        samples: shape (n,) or (n, channels); float in -1..1, or int16, int32 or uint8 at full scale.
        sample_rate: the sample rate of the samples, in Hz.
        sample_rate_hz: the sample rate of the blocks, in Hz.

    Raises:
        AudioError: the shape, dtype or rate is wrong, there are no samples, or some are not finite.
    """
    array = _checked(samples)
    if not len(array):
        raise AudioError(f"samples have shape {array.shape}, wanted at least one sample")
    check_rate(sample_rate, "the samples")
    scale = _scale_of(array.dtype)
    blocks = (scale(array[at : at + _BLOCK_FRAMES]) for at in range(0, len(array), _BLOCK_FRAMES))
    return at_rate(blocks, sample_rate, sample_rate_hz, name="the samples", remedy=_IN_MEMORY)


def mono(samples: ArrayLike) -> Array:
    """Return samples in memory as float32 in -1..1, shape (n,): channels are averaged and integers scaled.

    Raises:
        AudioError: as for `sample_blocks`, but there may be zero samples.
    """
    array = _checked(samples)
    together = one_channel(_scale_of(array.dtype)(array))
    _check_finite(together, 0, 0, "the samples", _IN_MEMORY)
    return together


def at_rate(
    blocks: Iterable[NDArray[Any]], rate: float, wanted_rate: int, *, name: str, remedy: str = _IN_A_FILE
) -> Iterator[Array]:
    """Yield mono blocks at the wanted rate, from float32 blocks of shape (n,) or (n, channels).

    Raises:
        AudioError: there are no samples, some are not finite or far outside -1..1, or the rates differ and soxr is not
            installed.
    """
    resampler = Resampler(rate, wanted_rate)
    n_in = 0
    for block in blocks:
        together = one_channel(block)
        _check_finite(together, n_in, rate, name, remedy)
        n_in += len(together)
        yield resampler.process(together)
    if n_in == 0:
        raise AudioError(f"{name} holds no samples")
    yield resampler.flush()


def one_channel(block: NDArray[Any]) -> Array:
    """Average the channels of a block of shape (n,) or (n, channels); the result has shape (n,)."""
    if block.ndim == 1:
        return block
    first, *others = block.T  # channel by channel: `mean` over such a short axis takes thirty times longer
    with np.errstate(invalid="ignore", over="ignore"):  # values that are not finite are reported
        return np.asarray(sum(others, start=first) / np.float32(len(block.T))) if others else first


def no_sound(samples: Array) -> NDArray[np.bool_]:
    """Mark the samples, shape (n,), that are not finite or absurdly loud."""
    return np.asarray(~(np.abs(samples) <= _LOUDEST))  # NaN is never <= anything


def _check_finite(samples: Array, n_before: int, rate: float, name: str, remedy: str) -> None:
    broken = no_sound(samples)
    if not broken.any():
        return
    at = int(broken.argmax())
    place = f" (at {(n_before + at) / rate:.3f} s)" if rate else ""
    where = f"{name}: sample {n_before + at}{place} is {samples[at]:g}"
    if not np.isfinite(samples[at]):
        raise AudioError(f"{where}, wanted finite numbers")
    raise AudioError(f"{where}, wanted -1..1: {remedy}")


def _checked(samples: ArrayLike) -> NDArray[Any]:
    """The samples as an array of shape (n,) or (n, channels) in native byte order."""
    try:
        array = np.asarray(samples)
    except ValueError as error:
        raise AudioError(f"samples cannot be made into an array: {error}") from error
    if array.ndim not in (1, 2):
        raise AudioError(f"samples have shape {array.shape}, wanted (n,) or (n, channels)")
    if array.ndim == 2 and not 1 <= array.shape[1] <= MOST_CHANNELS:
        raise AudioError(
            f"samples have shape {array.shape}, wanted (n, channels) with 1 to {MOST_CHANNELS} channels: "
            "did you mean samples.T?"
        )
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _scale_of(dtype: np.dtype[Any]) -> Any:
    """The function that converts samples of a dtype to float32 in -1..1."""
    if dtype == np.uint8:
        return lambda block: (block.astype(np.float32) - 128) / 128
    if dtype in (np.int16, np.int32):
        return lambda block: (block / -float(np.iinfo(dtype).min)).astype(np.float32)
    if np.issubdtype(dtype, np.floating):
        return _to_float32
    raise AudioError(f"samples are {dtype}, wanted float in -1..1, int16, int32 or uint8")


def _to_float32(block: NDArray[Any]) -> Array:
    if block.dtype == np.float32:
        return block
    with np.errstate(over="ignore", invalid="ignore"):  # overflows become infinite, which is reported
        return block.astype(np.float32)
