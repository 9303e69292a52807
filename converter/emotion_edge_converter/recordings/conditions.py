"""The conditions of an evaluation: as recorded, in noise, in a room, over the telephone."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emotion_edge import AudioError
from emotion_edge.audio.samples import sample_blocks

from ..errors import CorpusError
from . import augmentation, sounds

Array = NDArray[Any]
Random = np.random.Generator

AS_RECORDED: Final = "as recorded"
NOISE: Final = {snr_db: f"noise, {snr_db} dB" for snr_db in (30, 20, 10, 5, 0)}
"""Signal-to-noise ratio in dB to the name of the condition."""
ROOM: Final = "room"
TELEPHONE: Final = "telephone"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Conditions:
    """Noises and rooms to disturb recordings with.

    Attributes:
        rate_hz: sample rate of all sounds.
        noises: noises without their silence, each of shape (n,).
        rooms: impulse responses, each of shape (n,).
    """

    rate_hz: int
    noises: list[Array]
    rooms: list[Array]

    def of(self, blocks: Sequence[Array], random: Random) -> Iterator[tuple[str, Iterable[Array]]]:
        """Yield each condition with its name, and the recording under it as mono blocks at `rate_hz`.

        All signal-to-noise ratios use the same section of the same noise. A ratio compares mean powers; the power of
        the recording is measured during speech.

        Args:
            blocks: the recording, as blocks of shape (n,).
            random: chooses the noise and the room.
        """
        yield AS_RECORDED, blocks
        samples = np.concatenate(blocks)
        if self.noises:
            noise = augmentation.section(self.noises[random.integers(len(self.noises))], len(samples), random)
            power = augmentation.speech_power(samples, self.rate_hz)
            for snr_db, name in NOISE.items():
                yield name, [augmentation.mixed(samples, noise, snr_db, power)]
        if self.rooms:
            yield ROOM, [augmentation.in_room(samples, self.rooms[random.integers(len(self.rooms))])]
        narrow = augmentation.telephone(samples, self.rate_hz)
        yield TELEPHONE, sample_blocks(narrow, augmentation.TELEPHONE_RATE_HZ, sample_rate_hz=self.rate_hz)


def read(rate_hz: int, noise: Sequence[Path], rooms: Path | None) -> Conditions:
    """Read the noises and the impulse responses for the conditions. The telephone needs neither.

    A noise that cannot be read or is silent is left out with a warning.

    Raises:
        CorpusError: a folder does not exist or holds no audio files, or no noise can be used.
        AudioError: an impulse response cannot be read.
    """
    files = sounds.noise_files(noise)
    noises = [each for each in (_noise(file, rate_hz) for file in files) if len(each)]
    if files and not noises:
        raise CorpusError(f"--noise: none of the {len(files)} recordings can be used")
    return Conditions(rate_hz, noises, sounds.rooms(sounds.room_files(rooms), rate_hz))


def _noise(file: Path, rate_hz: int) -> Array:
    try:
        noise = augmentation.without_silence(sounds.load(file, rate_hz), rate_hz)
    except AudioError as error:
        _log.warning("%s: left out", error)
        return np.zeros(0, np.float32)
    if not len(noise):
        _log.warning("%s is silent: left out", file)
    return noise
