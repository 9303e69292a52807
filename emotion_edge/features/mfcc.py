"""Mel-frequency cepstral coefficients in numpy: one implementation with parameters, for whole clips and for streams.

Samples become log-mel frames, which depend only on the samples under them. Log-mel frames become coefficients, which
may depend on the loudest frame of the clip (`dynamic_range_db`). A stream therefore returns log-mel frames, and the
code that knows where a clip starts and ends turns these into coefficients.

Sources: Davis & Mermelstein 1980 (the coefficients); Young et al., The HTK Book, 2006 (the lifter); the defaults of
librosa 0.11 and python_speech_features 0.6.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import AudioError
from .fft import rfft
from .mel import mel_filters
from .recipe import MfccRecipe

Array = NDArray[Any]

FRAMES_AT_ONCE: Final = 128
"""The number of frames that fit into the processor's cache; with fewer at once, each frame costs more."""
_SPECTRA_BYTES: Final = 1 << 18  # the memory of the spectra that exist at the same time

# glibc returns freed memory to the system and requests it again page by page. This costs more than the transforms that
# fill the memory, unless the program has once freed an array of this size: glibc then keeps up to twice as much.
# Nothing is written into the array.
np.empty(1 << 22, np.uint8)

# OpenBLAS splits a product of more than 4 * 65536 multiplications between threads, and waking these costs more than the
# rest of a live loop: measured up to 19 % of a core instead of 0.2 %. So no product is larger, and mel filters, which
# are mostly zero, are multiplied in groups of neighbours.
_LARGEST_PRODUCT: Final = 4 * 65536
_SMALLEST_POWER: Final = 1e-10  # with `decibel`, as in librosa.power_to_db


class Mfcc:
    """Computes the frames of one recipe.

    Args:
        recipe: the parameters of the MFCC.
        dtype: float32 on a device; float64 to compare with the reference libraries.

    Attributes:
        recipe: the parameters of the MFCC.
        dtype: the type of the frames.
        n_columns: the number of columns of log-mel frames: n_mels, and one more if the recipe needs the log energy.
    """

    def __init__(self, recipe: MfccRecipe, *, dtype: type[np.floating[Any]] = np.float32) -> None:
        self.recipe: Final = recipe
        self.dtype: Final = np.dtype(dtype)
        self._banks: Final = _banks(recipe, self.dtype)
        self.n_columns: Final = recipe.n_mels + (recipe.first_coefficient == "log_energy")

    def __call__(self, samples: Array) -> Array:
        """Compute the coefficients of a whole clip.

        Args:
            samples: mono, at the recipe's rate, shape (n,) with n at least 1.

        Returns:
            The coefficients, shape (n_frames, n_mfcc), with this object's dtype.

        Raises:
            AudioError: the samples have another shape.
        """
        if np.ndim(samples) != 1 or len(samples) == 0:
            raise AudioError(f"samples have shape {np.shape(samples)}, wanted (n,) with n at least 1")
        return self.coefficients([self.log_mel_of(samples)])

    def log_mel_of(self, samples: Array) -> Array:
        """Compute the log-mel frames, shape (n_frames, n_columns), of a mono clip, shape (n,), at the recipe's rate."""
        stream = self.stream()
        return np.concatenate([stream.process(samples), stream.flush()])

    def stream(self) -> MfccStream:
        """Start a new stream of log-mel frames."""
        return MfccStream(self)

    def log_mel(self, frames: Array) -> Array:
        """Compute the log-mel spectra of some frames.

        Args:
            frames: the samples of the frames, shape (n_frames, frame_length).

        Returns:
            The log-mel frames, shape (n_frames, n_columns).
        """
        recipe, banks = self.recipe, self._banks
        sums = np.empty((len(frames), self.n_columns), self.dtype)
        for some in _slices(len(frames), _SPECTRA_BYTES // (recipe.n_fft * self.dtype.itemsize)):
            spectrum = rfft(frames[some] * banks.window, recipe.n_fft)
            power = (np.square(spectrum.real) + np.square(spectrum.imag)).astype(self.dtype, copy=False)
            if recipe.spectrum == "periodogram":
                power /= recipe.n_fft
            for bins, columns, matrix in banks.products:
                _product(power[:, bins], matrix, out=sums[some, columns])
            if recipe.first_coefficient == "log_energy":
                sums[some, recipe.n_mels] = power.sum(axis=1)
        return self._logarithm(sums)

    def _logarithm(self, power: Array) -> Array:
        if self.recipe.log == "decibel":
            logarithm = np.log10(np.maximum(power, _SMALLEST_POWER))
            logarithm *= 10
            return np.asarray(logarithm)
        return np.log(np.where(power == 0, np.finfo(np.float64).eps, power)).astype(self.dtype, copy=False)

    def coefficients(self, log_mel: Sequence[Array]) -> Array:
        """Compute the coefficients of a clip.

        Args:
            log_mel: all its log-mel frames, in one or more blocks of shape (n, n_columns).

        Returns:
            The coefficients, shape (n_frames, n_mfcc).
        """
        floor = self._floor(log_mel)
        blocks = [self._cepstra(block, floor) for block in log_mel]
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)

    def _floor(self, log_mel: Sequence[Array]) -> Any:
        """The value to which lower values are raised, if the recipe asks for it."""
        if self.recipe.dynamic_range_db is None:
            return None
        loudest = max(block[:, : self.recipe.n_mels].max() for block in log_mel if len(block))
        return loudest - self.dtype.type(self.recipe.dynamic_range_db)

    def _cepstra(self, log_mel: Array, floor: Any) -> Array:
        filters = log_mel[:, : self.recipe.n_mels]
        cepstra: Array = np.empty((len(log_mel), self.recipe.n_mfcc), self.dtype)
        _product(filters if floor is None else np.maximum(filters, floor), self._banks.dct, out=cepstra)
        if self.recipe.first_coefficient == "log_energy":
            cepstra[:, 0] = log_mel[:, self.recipe.n_mels]
        return cepstra


class MfccStream:
    """Log-mel frames of samples that arrive in blocks of any size. The frames do not depend on these sizes."""

    def __init__(self, mfcc: Mfcc) -> None:
        self._mfcc = mfcc
        recipe = mfcc.recipe
        padding = recipe.n_fft // 2 if recipe.padding == "center" else 0
        self._pending: Array = np.zeros(padding, mfcc.dtype)  # from the start of the next frame on
        self._last_sample = mfcc.dtype.type(0)
        self._skip = 0  # future samples before that start, if hops are longer than frames
        self._n_frames = 0

    def process(self, samples: Array) -> Array:
        """Add samples, shape (n,), and return the frames that they complete, shape (n_frames, n_columns)."""
        self.feed(samples)
        return self.read(self.n_ready)

    def feed(self, samples: Array) -> None:
        """Add samples, shape (n,), without computing frames yet."""
        if len(samples):
            self._append(self._emphasise(np.asarray(samples, self._mfcc.dtype)))

    @property
    def n_ready(self) -> int:
        """The number of frames that can be read."""
        recipe = self._mfcc.recipe
        return max(0, (len(self._pending) - recipe.frame_length) // recipe.hop_length + 1)

    def read(self, n_frames: int) -> Array:
        """Compute the next frames, at most `n_ready`; shape (n_frames, n_columns)."""
        recipe, pending = self._mfcc.recipe, self._pending
        log_mel = np.empty((max(0, n_frames), self._mfcc.n_columns), self._mfcc.dtype)
        if n_frames > 0:
            step = pending.itemsize
            frames: Array = np.ndarray(
                (n_frames, recipe.frame_length), pending.dtype, pending, strides=(recipe.hop_length * step, step)
            )
            for some in _slices(n_frames, FRAMES_AT_ONCE):
                log_mel[some] = self._mfcc.log_mel(frames[some])
            self.skip(n_frames)
        return log_mel

    def skip(self, n_frames: int) -> None:
        """Skip the next frames, at most `n_ready`, without computing them."""
        n_samples = n_frames * self._mfcc.recipe.hop_length
        self._skip = max(0, n_samples - len(self._pending))
        self._pending = self._pending[n_samples:].copy()
        self._n_frames += n_frames

    def flush(self) -> Array:
        """Return the last frames at the end of the clip. The stream cannot be used afterwards."""
        recipe = self._mfcc.recipe
        if recipe.padding == "center":
            self._append(np.zeros(recipe.n_fft // 2, self._mfcc.dtype))
        else:
            uncovered = len(self._pending) - self._skip - self.n_ready * recipe.hop_length
            if uncovered > (recipe.frame_length - recipe.hop_length if self._n_frames + self.n_ready else 0):
                self._append(np.zeros(recipe.frame_length - uncovered, self._mfcc.dtype))
        return self.read(self.n_ready)

    def _emphasise(self, samples: Array) -> Array:
        recipe, dtype = self._mfcc.recipe, self._mfcc.dtype.type
        if recipe.sample_scale != 1:
            samples = samples * dtype(recipe.sample_scale)
        if recipe.pre_emphasis:
            previous = np.concatenate([[self._last_sample], samples[:-1]])
            self._last_sample = samples[-1]
            samples = samples - dtype(recipe.pre_emphasis) * previous
        return samples

    def _append(self, samples: Array) -> None:
        pending = np.concatenate([self._pending, samples])
        skipped = min(self._skip, len(pending))
        self._skip -= skipped
        self._pending = pending[skipped:]


class _Banks(NamedTuple):
    window: Array  # (frame_length,)
    products: tuple[tuple[slice, slice, Array], ...]  # bins, mel bands, and matrix (n_bins, n_bands)
    dct: Array  # (n_mels, n_mfcc), including the lifter


@lru_cache(maxsize=16)
def _banks(recipe: MfccRecipe, dtype: np.dtype[Any]) -> _Banks:
    products, n_bands = [], 0
    for bins, filters in mel_filters(recipe):
        products.append((bins, slice(n_bands, n_bands := n_bands + filters.shape[1]), filters.astype(dtype)))
    return _Banks(_window(recipe).astype(dtype), tuple(products), _dct(recipe).astype(dtype))


def _product(rows: Array, matrix: Array, *, out: Array) -> None:
    """Multiply rows by a matrix, a few rows at once if the matrix is large."""
    for some in _slices(len(rows), _LARGEST_PRODUCT // matrix.size):
        np.matmul(rows[some], matrix, out=out[some])


def _slices(n: int, at_once: int) -> Iterator[slice]:
    """Slices of n rows, with at most `at_once` rows each, but at least one."""
    at_once = max(1, at_once)
    return (slice(first, min(first + at_once, n)) for first in range(0, n, at_once))


def _window(recipe: MfccRecipe) -> Array:
    """The analysis window, in the middle of the frame if the frame is longer."""
    phase = 2 * np.pi * np.arange(recipe.window_length) / recipe.window_length
    window = {
        "hann": 0.5 - 0.5 * np.cos(phase),
        "hamming": 0.54 - 0.46 * np.cos(phase),
        "rectangular": np.ones(recipe.window_length),
    }[recipe.window]
    before = (recipe.frame_length - recipe.window_length) // 2
    return np.pad(window, (before, recipe.frame_length - recipe.window_length - before))


def _dct(recipe: MfccRecipe) -> Array:
    """The matrix of the orthonormal type II cosine transform and the lifter, (n_mels, n_mfcc)."""
    n_mels = recipe.n_mels
    order = np.arange(recipe.n_mfcc)
    matrix = np.cos(np.pi / n_mels * (np.arange(n_mels)[:, None] + 0.5) * order) * np.sqrt(2 / n_mels)
    matrix[:, 0] /= np.sqrt(2)
    if recipe.lifter:
        matrix *= 1 + recipe.lifter / 2 * np.sin(np.pi * (order + recipe.lifter_start) / recipe.lifter)
    return np.asarray(matrix)
