"""The trained speech gate: decides whether a clip contains speech."""

from __future__ import annotations

import logging
import math
from functools import lru_cache
from typing import Any, Final

from numpy.typing import NDArray

from ..audio.blocks import Blocks
from ..model.file import SPEECH_MODEL
from ..model.network import Network
from .level import LevelGate
from .recent_frames import RecentFrames

Array = NDArray[Any]

_log = logging.getLogger(__name__)

SPEECH: Final = "speech"
"""The gate's label for speech."""

_WINDOW_S: Final = 2.0  # the longest windows in the training data of the gate
SHORTEST_S: Final = 0.8  # shorter windows cause errors: of speech cut to 0.5 s it rejected 3 %, to 0.8 s 0.9 %
_STEP_S: Final = 0.5
SHORTEST_REST_S: Final = 0.1  # with less new sound, a window has the same result as the one before
LOG_ODDS_ABOVE: Final = math.log(0.05 / 0.95)  # the live loop uses 0.7, but most clips were recorded because of a voice
_LEAST_PROBABILITY: Final = 1e-7


@lru_cache(maxsize=1)
def speech_gate() -> Network:
    """Return the trained gate. It is loaded on the first call and then shared."""
    return Network(SPEECH_MODEL)


class ClipSpeech:
    """Decides whether a clip contains speech: it must be loud enough, and the trained gate must find speech in it.

    The gate classifies windows of 0.8 to 2 s that end every 0.5 s, and one that ends with the clip. A single window may
    be wrong, so the log odds of two neighbours are averaged if there are two. As soon as speech is found, the gate
    stops. In clips shorter than 0.8 s the level alone decides. The verdict does not depend on how the samples are split
    into blocks, and only the last seconds are in memory.

    Args:
        sample_rate_hz: the sample rate of the clip.
        gate: the trained gate; None to use the level alone.
    """

    def __init__(self, sample_rate_hz: int, gate: Network | None) -> None:
        self._level: Final = LevelGate(sample_rate_hz)
        self._gate: Final = None if gate is None else _TrainedGate(sample_rate_hz, gate)

    def process(self, samples: Array) -> None:
        """Process the next mono samples, shape (n,), float32."""
        self._level.process(samples)
        if self._gate is not None and not self._gate.open:
            self._gate.process(samples)

    def finish(self) -> bool:
        """End the clip and return the verdict."""
        if self._gate is not None and not self._gate.open:
            self._gate.finish()
        _log.debug(
            "loud enough: %s; the gate %s",
            self._level.open,
            "is not used" if self._gate is None else f"finds {'speech' if self._gate.open else 'no speech'}",
        )
        return self._level.open and (self._gate is None or self._gate.open)


class _TrainedGate:
    """Open as soon as the gate finds speech; at the end also if the clip was too short for the gate."""

    def __init__(self, sample_rate_hz: int, gate: Network) -> None:
        self._rate: Final = sample_rate_hz
        self._steps: Final = Blocks(round(_STEP_S * sample_rate_hz))
        self._frames: Final = RecentFrames(gate, sample_rate_hz, keep_s=_WINDOW_S + 2 * _STEP_S)
        self._gate: Final = gate
        self._n_steps = self._n_done = 0  # received; classified
        self._log_odds: float | None = None  # of the latest window
        self._alone = False  # whether it is the only one
        self.open = False

    def process(self, samples: Array) -> None:
        for step in self._steps.process(samples):
            self._frames.process(step)
            self._n_steps += 1
            self._classify_steps()
            if self.open:
                return

    def finish(self) -> None:
        rest = self._steps.flush()
        self._frames.process(rest)
        self._frames.finish()
        self._classify_steps()
        if len(rest) >= SHORTEST_REST_S * self._rate:
            self._classify_window((self._n_steps * self._steps.length + len(rest)) / self._rate)
        if self._log_odds is None:
            self.open = True
        elif self._alone:
            self.open = self._log_odds > LOG_ODDS_ABOVE

    def _classify_steps(self) -> None:
        """Classify the window at the end of each step as soon as all its frames are known."""
        while self._n_done < self._n_steps:
            end_s = (self._n_done + 1) * self._steps.length / self._rate
            if end_s >= SHORTEST_S and not self._frames.ready(end_s):
                return
            self._n_done += 1
            self._classify_window(end_s)

    def _classify_window(self, end_s: float) -> None:
        if end_s < SHORTEST_S:
            return
        before = self._log_odds
        probabilities = self._frames.probabilities(max(0.0, end_s - _WINDOW_S), end_s)
        self._log_odds = log_odds(self._gate, probabilities)
        self._alone = before is None
        if before is not None and (before + self._log_odds) / 2 > LOG_ODDS_ABOVE:
            self.open = True


def log_odds(gate: Network, probabilities: Array) -> float:
    """Return the log odds of speech for the probabilities of the gate, shape (n_labels,)."""
    probability = float(probabilities[gate.recipe.labels.index(SPEECH)])
    probability = min(max(probability, _LEAST_PROBABILITY), 1 - _LEAST_PROBABILITY)
    return math.log(probability / (1 - probability))
