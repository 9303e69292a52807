"""In what each recording is heard: as it is, in noise, in a room, over the telephone."""

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
    """What there is to disturb recordings with.

    Attributes:
        rate_hz: of everything here.
        noises: without their silence, each of shape (n,).
        rooms: impulse responses, each of shape (n,).
    """

    rate_hz: int
    noises: list[Array]
    rooms: list[Array]

    def of(self, blocks: Sequence[Array], random: Random) -> Iterator[tuple[str, Iterable[Array]]]:
        """A recording under each condition: its name, and mono blocks at the rate.

        All ratios have the same stretch of the same noise. They are of powers, the recording's taken while somebody speaks.

        Args:
            blocks: the recording, each of shape (n,).
            random: chooses noise and room.
        """
        yield AS_RECORDED, blocks
        samples = np.concatenate(blocks)
        if self.noises:
            noise = augmentation.stretch(self.noises[random.integers(len(self.noises))], len(samples), random)
            power = augmentation.speech_power(samples, self.rate_hz)
            for snr_db, name in NOISE.items():
                yield name, [augmentation.mixed(samples, noise, snr_db, power)]
        if self.rooms:
            yield ROOM, [augmentation.in_room(samples, self.rooms[random.integers(len(self.rooms))])]
        narrow = augmentation.telephone(samples, self.rate_hz)
        yield TELEPHONE, sample_blocks(narrow, augmentation.TELEPHONE_RATE_HZ, sample_rate_hz=self.rate_hz)


def read(rate_hz: int, noise: Sequence[Path], rooms: Path | None) -> Conditions:
    """The conditions that folders of noises and of impulse responses allow; the telephone needs neither.

    A noise that cannot be read, or is silent, is named in a warning and left out.

    Raises:
        CorpusError: no such folder, or none there.
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
