"""The latest frames of a stream, and the features of any window of them. No frame is computed twice."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..audio.resampling import Resampler
from ..features.recipe import MfccRecipe
from ..model.network import Network

Array = NDArray[Any]

_EPSILON: Final = 1e-6  # hops; times that should be whole hops differ from them by rounding errors


def frames_within(recipe: MfccRecipe, start_s: float, end_s: float) -> tuple[int, int]:
    """Return the numbers of the first and last frame centred in a window, or inside it if frames are not centred."""
    hop_s = recipe.hop_length / recipe.sample_rate_hz
    frame_s = 0.0 if recipe.padding == "center" else recipe.frame_length / recipe.sample_rate_hz
    return math.ceil(start_s / hop_s - _EPSILON), max(0, math.floor((end_s - frame_s) / hop_s + _EPSILON))


class RecentFrames:
    """Computes the features of windows of a stream for one model. The stream may arrive in blocks of any size.

    A window consists of the frames that are centred in it, or inside it if frames are not centred. The result is that
    of `EmotionClassifier.classify_samples` for the same samples, except for one or two frames at each end, which
    include the sound around the window instead of zeros.

    Samples wait until a window is needed: many frames at once cost a fraction of a few at a time, and frames that are
    never needed, because there is no speech, cost nothing.

    Args:
        network: the model.
        sample_rate_hz: the sample rate of the stream.
        keep_s: how far back a window may begin, in seconds.
    """

    def __init__(self, network: Network, sample_rate_hz: float, *, keep_s: float) -> None:
        recipe = network.recipe.mfcc
        self._network: Final = network
        self._ratio: Final = recipe.sample_rate_hz / sample_rate_hz
        self._resampler: Final = Resampler(sample_rate_hz, recipe.sample_rate_hz)
        self._stream: Final = network.mfcc.stream()
        self._recipe: Final = recipe
        self._reach: Final = recipe.frame_length - (recipe.n_fft // 2 if recipe.padding == "center" else 0)
        self._n_kept: Final = math.ceil(keep_s * recipe.sample_rate_hz / recipe.hop_length) + 1
        self._most_waiting: Final = math.ceil(2 * keep_s * sample_rate_hz)
        self._waiting: list[Array] = []  # blocks of samples as they arrived
        self._n_waiting = self._n_samples = 0
        self._frames: Array = self._stream.process(np.zeros(0, np.float32))
        self._first = 0  # the number of the first frame in memory
        self._finished = False

    def process(self, samples: Array) -> None:
        """Process the next mono samples, shape (n,), float32."""
        self._waiting.append(samples.copy())  # the caller may reuse the array
        self._n_waiting += len(samples)
        self._n_samples += len(samples)
        if self._n_waiting > self._most_waiting:
            self._feed()
            self._skip(self._stream.n_ready - self._n_kept)

    def finish(self) -> None:
        """Mark the end of the stream, which completes the last frames."""
        self._feed()
        self._stream.feed(self._resampler.flush())
        self._keep(self._stream.flush())
        self._finished = True

    def ready(self, end_s: float) -> bool:
        """Whether all frames of a window that ends at `end_s` are known."""
        if self._finished:
            return True
        _, last = frames_within(self._recipe, end_s, end_s)
        if self._n_samples * self._ratio + 1 < last * self._recipe.hop_length + self._reach:
            return False
        self._feed()  # the resampler may still hold back samples that are needed
        return self._next + self._stream.n_ready > last

    def vector(self, start_s: float, end_s: float) -> Array:
        """Compute the features of a window, shape (n_features,), not yet standardised.

        Args:
            start_s: the start of the window, in seconds from the start of the stream.
            end_s: the end of the window, in seconds from the start of the stream.
        """
        first, last = frames_within(self._recipe, start_s, end_s)
        self._compute(last)
        first, last = first - self._first, last - self._first
        last = max(0, min(last, len(self._frames) - 1))
        first = max(0, min(first, last))  # at least one frame, the nearest
        return self._network.pool([self._frames[first : last + 1]])

    def probabilities(self, start_s: float, end_s: float) -> Array:
        """Compute the model's probabilities for a window, shape (n_labels,)."""
        return self._network.probabilities(self.vector(start_s, end_s))

    @property
    def _next(self) -> int:
        """The number of the first frame that is not computed yet."""
        return self._first + len(self._frames)

    def _feed(self) -> None:
        """Feed the waiting samples to the stream."""
        if self._waiting:
            self._stream.feed(self._resampler.process(np.concatenate(self._waiting)))
            self._waiting.clear()
            self._n_waiting = 0

    def _compute(self, last: int) -> None:
        """Compute the frames up to number `last`, except those that are unknown or too old to be needed."""
        self._feed()
        last = min(last, self._next + self._stream.n_ready - 1)
        self._skip(last + 1 - self._n_kept - self._next)
        self._keep(self._stream.read(last + 1 - self._next))

    def _skip(self, n_frames: int) -> None:
        """Skip the next frames, and forget the frames before them."""
        if n_frames > 0:
            self._stream.skip(n_frames)
            self._first, self._frames = self._next + n_frames, self._frames[:0]

    def _keep(self, frames: Array) -> None:
        if len(frames):
            together = np.concatenate([self._frames, frames])
            n_dropped = max(0, len(together) - self._n_kept)
            self._first += n_dropped
            self._frames = together[n_dropped:]
