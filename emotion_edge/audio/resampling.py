"""A stream of samples at another rate."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import AudioError

Array = NDArray[np.float32]

_AT_ONCE: Final = 1 << 13  # soxr has larger queues otherwise, and moves them: it takes a tenth longer
_RATES_HZ: Final = (1000, 1_000_000)


class Resampler:
    """A stream of mono samples at another rate: ceil(n * wanted_rate / rate) in all, as many as librosa makes.

    Args:
        rate, wanted_rate: in Hz.

    Raises:
        AudioError: soxr is not installed, and the rates differ.
    """

    def __init__(self, rate: float, wanted_rate: int) -> None:
        self._rates: Final = rate, wanted_rate
        self._soxr: Final = None if rate == wanted_rate else _import_soxr(rate, wanted_rate)
        self._n_in = self._n_out = 0

    def process(self, samples: Array) -> Array:
        """What these samples, shape (n,), float32, complete; shape (m,)."""
        self._n_in += len(samples)
        if self._soxr is None:
            return samples
        pieces = [samples[at : at + _AT_ONCE] for at in range(0, len(samples), _AT_ONCE)]
        out = np.concatenate([self._soxr.resample_chunk(piece) for piece in pieces]) if pieces else samples
        self._n_out += len(out)
        return out

    def flush(self) -> Array:
        """What only the end of the stream completes. It is spent afterwards."""
        if self._soxr is None:
            return np.zeros(0, np.float32)
        rate, wanted_rate = self._rates
        n_missing = max(0, math.ceil(self._n_in * wanted_rate / rate) - self._n_out)
        rest = self._soxr.resample_chunk(np.zeros(0, np.float32), last=True)[:n_missing]
        return np.concatenate([rest, np.zeros(n_missing - len(rest), np.float32)])


def _import_soxr(rate: float, wanted_rate: int) -> Any:
    try:
        import soxr
    except ImportError as error:
        raise AudioError(
            f"the sound has {rate:g} Hz and the model wants {wanted_rate} Hz: "
            f"pip install soxr to resample, or give sound of {wanted_rate} Hz"
        ) from error
    return soxr.ResampleStream(rate, wanted_rate, 1, dtype="float32", quality="HQ")


def check_rate(rate: float, name: str) -> None:
    """Raise an AudioError unless a rate is a number of Hz that sound has."""
    if isinstance(rate, bool) or not isinstance(rate, int | float | np.integer | np.floating):
        raise AudioError(f"sample_rate: got {rate!r}, wanted a rate in Hz")
    if not _RATES_HZ[0] <= rate <= _RATES_HZ[1]:
        raise AudioError(f"{name}: the sample rate is {rate} Hz, wanted {_RATES_HZ[0]} to {_RATES_HZ[1]} Hz")
