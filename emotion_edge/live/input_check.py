"""Detects dead and broken inputs, warns about them and replaces invalid samples with silence."""

from __future__ import annotations

import logging
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..audio.samples import no_sound

Array = NDArray[Any]

_log = logging.getLogger(__name__)

_BLOCK_S: Final = 0.02
_STUCK_S: Final = 0.5  # no real sound repeats itself bit for bit for this long
_REPORT_S: Final = 5.0


class InputCheck:
    """Replaces invalid samples with silence. Logs each fault once when it begins, and a dead input when it recovers.

    Args:
        sample_rate_hz: the sample rate of the input.
        name: the name of the input, for the log.
    """

    def __init__(self, sample_rate_hz: float, name: str) -> None:
        self._name: Final = name
        self._rate: Final = sample_rate_hz
        self._block_length: Final = max(1, round(_BLOCK_S * sample_rate_hz))
        self._previous: Array = np.zeros(0, np.float32)
        self._n_same = 0  # successive samples that repeat the ones before
        self._reported_stuck = self._reported_invalid = False

    def clean(self, samples: Array) -> Array:
        """Return the samples, shape (n,), with zeros instead of values that are not finite, far too large, or stuck."""
        samples = self._replace_invalid(samples)
        blocks = [samples[at : at + self._block_length] for at in range(0, len(samples), self._block_length)]
        kept = [block if self._is_alive(block) else np.zeros_like(block) for block in blocks]
        return np.concatenate(kept) if kept else samples

    def _replace_invalid(self, samples: Array) -> Array:
        invalid = no_sound(samples)
        if not invalid.any():
            self._reported_invalid = self._reported_invalid and not len(samples)
            return samples
        if not self._reported_invalid:
            _log.warning(
                "%s delivers samples that are not finite or far too large: they are replaced with silence", self._name
            )
            self._reported_invalid = True
        return np.where(invalid, np.float32(0), samples)

    def _is_alive(self, block: Array) -> bool:
        # Comparing one sample first rules out nearly every block, for a tenth of the cost of comparing all of them.
        constant = block[0] == block[-1] and bool((block == block[0]).all())
        before = self._previous[: len(block)]
        repeated = constant or (len(before) == len(block) and before[0] == block[0] and np.array_equal(before, block))
        self._previous = block
        self._n_same = self._n_same + len(block) if repeated else 0
        same_s = self._n_same / self._rate
        if same_s >= _REPORT_S and not self._reported_stuck:
            what = "only zeros" if constant and not block[0] else "the same samples again and again"
            _log.warning(
                "%s has delivered %s for %.0f s: is it muted, broken, or the wrong one?", self._name, what, same_s
            )
            self._reported_stuck = True
        elif self._reported_stuck and not repeated:
            _log.warning("%s delivers sound again", self._name)
            self._reported_stuck = False
        return constant or same_s < _STUCK_S
