"""The latest frames of a stream, and the features of any window of them: no frame is computed twice."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .audio import Resampler
from .network import Network
from .recipe import MfccRecipe

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

    Args:
        network: the model.
        sample_rate_hz: of the stream.
        keep_s: how far back a window may begin.
    """

    def __init__(self, network: Network, sample_rate_hz: float, *, keep_s: float) -> None:
        recipe = network.recipe.mfcc
        self._network: Final = network
        self._resampler: Final = Resampler(sample_rate_hz, recipe.sample_rate_hz)
        self._stream: Final = network.mfcc.stream()
        self._recipe: Final = recipe
        self._n_kept: Final = math.ceil(keep_s * recipe.sample_rate_hz / recipe.hop_length) + 1
        self._frames: Array = self._stream.push(np.zeros(0, np.float32))
        self._first = 0  # the number of the first frame that is kept
        self._finished = False

    def push(self, samples: Array) -> None:
        """Hear some more: shape (n,), mono, float32."""
        self._keep(self._stream.push(self._resampler.push(samples)))

    def finish(self) -> None:
        """Hear that this was all."""
        self._keep(self._stream.push(self._resampler.finish()))
        self._keep(self._stream.finish())
        self._finished = True

    def ready(self, end_s: float) -> bool:
        """Whether all frames of a window that ends there are known."""
        _, last = frames_within(self._recipe, end_s, end_s)
        return self._finished or self._first + len(self._frames) > last

    def vector(self, start_s: float, end_s: float) -> Array:
        """What the model sees of a window, shape (n_features,), not yet standardised.

        Args:
            start_s, end_s: where the window begins and ends, in seconds from the start of the stream.
        """
        first, last = (number - self._first for number in frames_within(self._recipe, start_s, end_s))
        last = max(0, min(last, len(self._frames) - 1))
        first = max(0, min(first, last))  # at least one frame, the nearest
        return self._network.pool([self._frames[first : last + 1]])

    def probabilities(self, start_s: float, end_s: float) -> Array:
        """The model's answer about a window, shape (n_labels,)."""
        return self._network.probabilities(self.vector(start_s, end_s))

    def _keep(self, frames: Array) -> None:
        if len(frames):
            together = np.concatenate([self._frames, frames])
            n_gone = max(0, len(together) - self._n_kept)
            self._first += n_gone
            self._frames = together[n_gone:]
