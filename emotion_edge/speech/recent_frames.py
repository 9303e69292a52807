"""The latest frames of a stream, and the features of any window of them: no frame is computed twice."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..audio.resampling import Resampler
from ..features.recipe import MfccRecipe
from ..model.network import Network

Array = NDArray[Any]

_EPSILON: Final = 1e-6  # of a hop: times that are whole hops are computed, and fall beside them by rounding


def frames_within(recipe: MfccRecipe, start_s: float, end_s: float) -> tuple[int, int]:
    """The numbers of the first and the last frame of a window, in seconds: centred in it, or where frames are not, in it."""
    hop_s = recipe.hop_length / recipe.sample_rate_hz
    frame_s = 0.0 if recipe.padding == "center" else recipe.frame_length / recipe.sample_rate_hz
    return math.ceil(start_s / hop_s - _EPSILON), max(0, math.floor((end_s - frame_s) / hop_s + _EPSILON))


class RecentFrames:
    """What one model needs to answer about windows of a stream that arrives in pieces of any size.

    A window is answered from the frames that are centred in it, or where frames are not centred, lie in it: as
    `EmotionClassifier.classify_samples` answers the same samples, but for the one or two frames at each end, which see
    the sound around the window in place of zeros.

    Samples wait until a window is asked for: many frames at once cost a fraction of what a few at a time do, and those
    that nobody asks for, as nobody speaks, cost nothing.

    Args:
        network: the model.
        sample_rate_hz: of the stream.
        keep_s: how far back a window may begin.
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
        self._waiting: list[Array] = []  # samples as they came
        self._n_waiting = self._n_heard = 0
        self._frames: Array = self._stream.process(np.zeros(0, np.float32))
        self._first = 0  # the number of the first frame that is kept
        self._finished = False

    def process(self, samples: Array) -> None:
        """Hear some more: shape (n,), mono, float32."""
        self._waiting.append(samples.copy())  # whoever filled the array may use it again
        self._n_waiting += len(samples)
        self._n_heard += len(samples)
        if self._n_waiting > self._most_waiting:
            self._hear()
            self._pass_over(self._stream.n_ready - self._n_kept)

    def finish(self) -> None:
        """Hear that this was all."""
        self._hear()
        self._stream.feed(self._resampler.flush())
        self._keep(self._stream.flush())
        self._finished = True

    def ready(self, end_s: float) -> bool:
        """Whether all frames of a window that ends there are known."""
        if self._finished:
            return True
        _, last = frames_within(self._recipe, end_s, end_s)
        if self._n_heard * self._ratio + 1 < last * self._recipe.hop_length + self._reach:
            return False
        self._hear()  # what the resampler still holds back may be wanting
        return self._next + self._stream.n_ready > last

    def vector(self, start_s: float, end_s: float) -> Array:
        """What the model sees of a window, shape (n_features,), not yet standardised.

        Args:
            start_s, end_s: where the window begins and ends, in seconds from the start of the stream.
        """
        first, last = frames_within(self._recipe, start_s, end_s)
        self._compute(last)
        first, last = first - self._first, last - self._first
        last = max(0, min(last, len(self._frames) - 1))
        first = max(0, min(first, last))  # at least one frame, the nearest
        return self._network.pool([self._frames[first : last + 1]])

    def probabilities(self, start_s: float, end_s: float) -> Array:
        """The model's answer about a window, shape (n_labels,)."""
        return self._network.probabilities(self.vector(start_s, end_s))

    @property
    def _next(self) -> int:
        """The number of the first frame that is not computed."""
        return self._first + len(self._frames)

    def _hear(self) -> None:
        """Let the stream have what waits."""
        if self._waiting:
            self._stream.feed(self._resampler.process(np.concatenate(self._waiting)))
            self._waiting.clear()
            self._n_waiting = 0

    def _compute(self, last: int) -> None:
        """The frames up to that one, as far as they are known and not too old to be asked for."""
        self._hear()
        last = min(last, self._next + self._stream.n_ready - 1)
        self._pass_over(last + 1 - self._n_kept - self._next)
        self._keep(self._stream.read(last + 1 - self._next))

    def _pass_over(self, n_frames: int) -> None:
        """Leave out the next frames; those before them are forgotten."""
        if n_frames > 0:
            self._stream.skip(n_frames)
            self._first, self._frames = self._next + n_frames, self._frames[:0]

    def _keep(self, frames: Array) -> None:
        if len(frames):
            together = np.concatenate([self._frames, frames])
            n_gone = max(0, len(together) - self._n_kept)
            self._first += n_gone
            self._frames = together[n_gone:]
