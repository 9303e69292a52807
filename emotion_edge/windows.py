"""The latest frames of a stream, and the features of any window of them: no frame is computed twice."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .audio import Resampler
from .classifier import EmotionClassifier

Array = NDArray[Any]

_EPSILON: Final = 1e-6  # of a hop: times that are whole hops are computed, and fall beside them by rounding


class RecentFrames:
    """What one model needs to answer about windows of a stream that arrives in pieces of any size.

    A window is answered from the frames that are centred in it, or where frames are not centred, lie in it: as
    `EmotionClassifier.classify_samples` answers the same samples, but for the one or two frames at each end, which see
    the sound around the window in place of zeros.

    Args:
        classifier: the model.
        sample_rate_hz: of the stream.
        keep_s: how far back a window may begin.
    """

    def __init__(self, classifier: EmotionClassifier, sample_rate_hz: float, *, keep_s: float) -> None:
        recipe = classifier.recipe.mfcc
        self._classifier: Final = classifier
        self._resampler: Final = Resampler(sample_rate_hz, recipe.sample_rate_hz)
        self._stream: Final = classifier.mfcc.stream()
        self._hop_s: Final = recipe.hop_length / recipe.sample_rate_hz
        centred = recipe.padding == "center"
        self._frame_s: Final = 0.0 if centred else recipe.frame_length / recipe.sample_rate_hz
        self._n_kept: Final = math.ceil(keep_s / self._hop_s) + 1
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
        return self._finished or self._first + len(self._frames) > self._last_frame(end_s)

    def probabilities(self, start_s: float, end_s: float) -> Array:
        """The model's answer about a window, shape (n_labels,).

        Args:
            start_s, end_s: where the window begins and ends, in seconds from the start of the stream.
        """
        first = math.ceil(start_s / self._hop_s - _EPSILON) - self._first
        last = max(0, min(self._last_frame(end_s) - self._first, len(self._frames) - 1))
        first = max(0, min(first, last))  # at least one frame, the nearest
        return self._classifier.probabilities(self._classifier.pool([self._frames[first : last + 1]]))

    def _last_frame(self, end_s: float) -> int:
        return max(0, math.floor((end_s - self._frame_s) / self._hop_s + _EPSILON))

    def _keep(self, frames: Array) -> None:
        if len(frames):
            together = np.concatenate([self._frames, frames])
            n_gone = max(0, len(together) - self._n_kept)
            self._first += n_gone
            self._frames = together[n_gone:]
