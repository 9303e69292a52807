"""What rooms, microphones and other sounds do to a recording: each change as a function of the samples."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import soxr
from numpy.typing import NDArray

Array = NDArray[Any]
Random = np.random.Generator

_PEAKS_DBFS: Final = (-40, -1)
_LONGEST_ECHO_S: Final = 1.0
_BLOCK_S: Final = 0.02
_SPEECH_DB: Final = 15.9  # the margin of ITU-T P.56
_SILENCE_DB: Final = 60.0

TELEPHONE_HZ: Final = (300, 3400)
TELEPHONE_RATE_HZ: Final = 8000


def at_speed(samples: Array, speed: float) -> Array:
    """Faster or slower, higher or lower."""
    return np.asarray(soxr.resample(samples, 1000 * speed, 1000), np.float32)


def impulse_response(samples: Array, rate: int) -> Array:
    """A room's answer from its direct sound on, at most 1 s, of unit energy."""
    response = samples[np.abs(samples).argmax() :][: round(_LONGEST_ECHO_S * rate)]
    return np.asarray(response / np.sqrt(np.square(response).sum()))


def in_room(samples: Array, response: Array) -> Array:
    """As heard in a room; as long as before."""
    length = len(samples) + len(response)
    spectrum = np.fft.rfft(samples, length) * np.fft.rfft(response, length)
    return np.fft.irfft(spectrum, length)[: len(samples)].astype(np.float32)


def band_limited(samples: Array, rate: int, low_hz: float, high_hz: float) -> Array:
    """Through a telephone, a small loudspeaker, a cheap microphone."""
    frequencies = np.fft.rfftfreq(len(samples), 1 / rate)
    loss = (1 + (low_hz / np.maximum(frequencies, 1)) ** 4) * (1 + (frequencies / high_hz) ** 8)
    return np.fft.irfft(np.fft.rfft(samples) / np.sqrt(loss), len(samples)).astype(np.float32)


def telephone(samples: Array, rate: int) -> Array:
    """What a telephone line leaves, at its own `TELEPHONE_RATE_HZ`."""
    narrow = band_limited(samples, rate, *TELEPHONE_HZ)
    return np.asarray(soxr.resample(narrow, rate, TELEPHONE_RATE_HZ), np.float32)


def with_noise(samples: Array, noise: Array, snr_db: float, random: Random) -> Array:
    """Noise added at a ratio of mean powers, from anywhere in it, repeated where it is too short."""
    return mixed(samples, stretch(noise, len(samples), random), snr_db, float(np.mean(np.square(samples))))


def stretch(sound: Array, length: int, random: Random) -> Array:
    """So many samples from anywhere in a sound, repeated where it is too short."""
    return np.resize(np.roll(sound, -random.integers(len(sound))), length)


def mixed(samples: Array, noise: Array, snr_db: float, power: float) -> Array:
    """Noise of the same length added, its mean power so far below another."""
    ratio = power / (np.mean(np.square(noise)) + 1e-12)
    return np.asarray(samples + noise * np.sqrt(ratio / 10 ** (snr_db / 10)), np.float32)


def speech_power(samples: Array, rate: int) -> float:
    """The mean power while somebody speaks: pauses would make it less, and noise mixed by it weaker in slow speech.

    Of blocks of 20 ms those count that are at most 15.9 dB below the mean of those that count, as in ITU-T P.56.
    """
    powers = np.square(_blocks(samples, rate)).mean(axis=1)
    while (louder := powers[powers >= powers.mean() / 10 ** (_SPEECH_DB / 10)]).size < powers.size:
        powers = louder
    return float(powers.mean())


def without_silence(samples: Array, rate: int) -> Array:
    """The sound without its blocks of 20 ms that lie more than 60 dB below the loudest; nothing of a silent one."""
    blocks = _blocks(samples, rate)
    powers = np.square(blocks).mean(axis=1)
    return np.asarray(blocks[(powers > 0) & (powers >= powers.max() / 10 ** (_SILENCE_DB / 10))].ravel())


def at_any_level(samples: Array, random: Random) -> Array:
    """With its peak somewhere between -40 and -1 dBFS."""
    peak = 10 ** (random.uniform(*_PEAKS_DBFS) / 20)
    return np.asarray(samples * peak / (np.abs(samples).max() + 1e-9), np.float32)


def varied(samples: Array, rate: int, random: Random, *, rooms: list[Array], speeds: tuple[float, float]) -> Array:
    """At another speed, and now and then in a room or through a narrow band."""
    samples = at_speed(samples, random.uniform(*speeds))
    if rooms and random.random() < 0.35:
        samples = in_room(samples, rooms[random.integers(len(rooms))])
    if random.random() < 0.35:
        samples = band_limited(samples, rate, random.uniform(20, 300), random.uniform(2500, rate / 2))
    return samples


def _blocks(samples: Array, rate: int) -> Array:
    """Shape (n_blocks, length), of 20 ms; one of less where there is no more."""
    length = min(len(samples), round(_BLOCK_S * rate))
    return samples[: len(samples) // length * length].reshape(-1, length)
