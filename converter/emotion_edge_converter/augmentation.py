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


def with_noise(samples: Array, noise: Array, snr_db: float, random: Random) -> Array:
    """Noise added at a ratio of mean powers, from anywhere in it, repeated where it is too short."""
    noise = np.resize(np.roll(noise, -random.integers(len(noise))), len(samples))
    ratio = np.mean(np.square(samples)) / (np.mean(np.square(noise)) + 1e-12)
    return np.asarray(samples + noise * np.sqrt(ratio / 10 ** (snr_db / 10)), np.float32)


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
