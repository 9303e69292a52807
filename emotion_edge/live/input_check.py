"""Is the input alive? What a broken microphone or driver delivers is reported, and becomes silence."""

from __future__ import annotations

import logging
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..audio.samples import no_sound

Array = NDArray[Any]

_log = logging.getLogger(__name__)

_BLOCK_S: Final = 0.02
_STUCK_S: Final = 0.5  # no sound repeats itself to the bit for so long
_REPORT_S: Final = 5.0


class InputCheck:
    """Makes samples fit for use, and says on the log once per fault what is wrong with them, and when it is over.

    Args:
        sample_rate_hz: of the samples.
        name: of the input.
    """

    def __init__(self, sample_rate_hz: float, name: str) -> None:
        self._name: Final = name
        self._rate: Final = sample_rate_hz
        self._block_length: Final = max(1, round(_BLOCK_S * sample_rate_hz))
        self._previous: Array = np.zeros(0, np.float32)
        self._n_same = 0  # samples in a row that repeat what was before
        self._told_stuck = self._told_broken = False

    def clean(self, samples: Array) -> Array:
        """The samples, shape (n,), with silence where they are no sound: not finite, absurd, or stuck."""
        samples = self._finite(samples)
        blocks = [samples[at : at + self._block_length] for at in range(0, len(samples), self._block_length)]
        kept = [block if self._alive(block) else np.zeros_like(block) for block in blocks]
        return np.concatenate(kept) if kept else samples

    def _finite(self, samples: Array) -> Array:
        broken = no_sound(samples)
        if not broken.any():
            self._told_broken = self._told_broken and not len(samples)
            return samples
        if not self._told_broken:
            _log.warning("%s delivers samples that are no numbers or absurd: taken as silence", self._name)
            self._told_broken = True
        return np.where(broken, np.float32(0), samples)

    def _alive(self, block: Array) -> bool:
        # One sample tells nearly all sound from a stuck one, for a tenth of what comparing the rest costs.
        constant = block[0] == block[-1] and bool((block == block[0]).all())
        before = self._previous[: len(block)]
        repeated = constant or (len(before) == len(block) and before[0] == block[0] and np.array_equal(before, block))
        self._previous = block
        self._n_same = self._n_same + len(block) if repeated else 0
        same_s = self._n_same / self._rate
        if same_s >= _REPORT_S and not self._told_stuck:
            what = "nothing but zeros" if constant and not block[0] else "the same samples over and over"
            _log.warning(
                "%s has delivered %s for %.0f s: is it muted, broken, or the wrong one?", self._name, what, same_s
            )
            self._told_stuck = True
        elif self._told_stuck and not repeated:
            _log.warning("%s delivers sound again", self._name)
            self._told_stuck = False
        return constant or same_s < _STUCK_S
