"""Saves the sound of events. The rest of the live loop never stores sound."""

from __future__ import annotations

import logging
import os
from collections import deque
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..audio.wav import replacing_audio
from ..errors import AudioError
from .events import Event

Array = NDArray[np.float32]

_log = logging.getLogger(__name__)

LONGEST_S: Final = 60.0
"""Of a longer event, only the last part of this length is saved."""


class EventRecorder:
    """Saves the sound of each finished event as a WAV file that is named after the time and label of the event.

    Args:
        folder: where the files are written. It is created if it is missing.

    Raises:
        AudioError: the folder cannot be created, or is read-only.
    """

    def __init__(self, folder: Path) -> None:
        self._folder: Final = folder
        self._blocks: deque[Array] = deque()
        self._rate = 0
        self._n_samples = 0
        self._end_s = 0.0
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise AudioError(f"the folder {folder} cannot be created: {error.strerror or error}") from error
        if not os.access(folder, os.W_OK):
            raise AudioError(f"the folder {folder} is read-only: choose another one for the recordings")

    def process(self, samples: Array, sample_rate_hz: int, end_s: float) -> None:
        """Keep a block of sound in memory. After a gap, or with another rate, the earlier sound is dropped.

        Args:
            samples: shape (n,).
            sample_rate_hz: their rate.
            end_s: when they end, in seconds from the start of the stream.
        """
        begins_s = end_s - len(samples) / sample_rate_hz
        if sample_rate_hz != self._rate or abs(begins_s - self._end_s) > 1e-3:
            self._blocks.clear()
            self._n_samples = 0
        self._rate, self._end_s = sample_rate_hz, end_s
        self._blocks.append(samples)
        self._n_samples += len(samples)
        while self._n_samples - len(self._blocks[0]) >= LONGEST_S * self._rate:
            self._n_samples -= len(self._blocks.popleft())

    def save(self, event: Event) -> None:
        """Write the sound of an event to a file. If that fails, the error is logged and the loop continues."""
        samples = np.concatenate([*self._blocks, np.zeros(0, np.float32)])
        begins_s = self._end_s - len(samples) / max(1, self._rate)
        first, last = (max(0, round((at_s - begins_s) * self._rate)) for at_s in (event.start_s, event.end_s))
        if last <= first:
            return
        stamp = event.time.strftime("%Y%m%dT%H%M%S.%f")[:-3]
        path = self._folder / f"{stamp}Z-{_file_name(event.label or event.status)}.wav"
        try:
            with replacing_audio(path, self._rate) as file:
                file.write(samples[first:last])
        except AudioError as error:
            _log.error("%s", error)


def _file_name(label: str) -> str:
    return "".join(character if character.isalnum() or character in " -_" else "_" for character in label)
