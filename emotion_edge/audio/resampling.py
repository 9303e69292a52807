"""Resamples a stream of samples."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import AudioError

Array = NDArray[np.float32]

_AT_ONCE: Final = 1 << 13  # samples; with more, soxr moves larger queues around and takes a tenth longer
_RATES_HZ: Final = (1000, 1_000_000)


class Resampler:
    """Resamples a stream of mono samples. In total there are ceil(n * wanted_rate / rate) samples, as in librosa.

    Args:
        rate: the sample rate of the stream, in Hz.
        wanted_rate: the sample rate of the output, in Hz.

    Raises:
        AudioError: the rates differ, and soxr is not installed.
    """

    def __init__(self, rate: float, wanted_rate: int) -> None:
        self._rates: Final = rate, wanted_rate
        self._soxr: Final = None if rate == wanted_rate else _import_soxr(rate, wanted_rate)
        self._n_in = self._n_out = 0

    def process(self, samples: Array) -> Array:
        """Add samples, shape (n,), float32, and return the output that is complete, shape (m,)."""
        self._n_in += len(samples)
        if self._soxr is None:
            return samples
        chunks = [samples[at : at + _AT_ONCE] for at in range(0, len(samples), _AT_ONCE)]
        out = np.concatenate([self._soxr.resample_chunk(chunk) for chunk in chunks]) if chunks else samples
        self._n_out += len(out)
        return out

    def flush(self) -> Array:
        """Return the rest of the output at the end of the stream. The resampler cannot be used afterwards."""
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
            f"the sound has a sample rate of {rate:g} Hz, and the model needs {wanted_rate} Hz: "
            f"pip install soxr to resample, or use sound of {wanted_rate} Hz"
        ) from error
    return soxr.ResampleStream(rate, wanted_rate, 1, dtype="float32", quality="HQ")


def check_rate(rate: float, name: str) -> None:
    """Raise an AudioError unless a sample rate is a plausible number of Hz."""
    if isinstance(rate, bool) or not isinstance(rate, int | float | np.integer | np.floating):
        raise AudioError(f"sample_rate: got {rate!r}, wanted a sample rate in Hz")
    if not _RATES_HZ[0] <= rate <= _RATES_HZ[1]:
        raise AudioError(f"{name}: the sample rate is {rate} Hz, wanted {_RATES_HZ[0]} to {_RATES_HZ[1]} Hz")
