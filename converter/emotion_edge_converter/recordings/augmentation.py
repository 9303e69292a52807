"""What rooms, microphones and other sounds do to a recording: each change as a function of the samples.

All sound, noises and impulse responses too, is mono, float32, shape (n,); rates are in Hz. Chance comes from the
generator that is given.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.fft import next_fast_len

Array = NDArray[Any]
Random = np.random.Generator

_PEAKS_DBFS: Final = (-40, -1)
_LONGEST_ECHO_S: Final = 1.0
_SHORTEST_PART_S: Final = 1.3
_BLOCK_S: Final = 0.02
_SPEECH_DB: Final = 15.9  # the margin of ITU-T P.56
_SILENCE_DB: Final = 60.0

TELEPHONE_HZ: Final = (300, 3400)
TELEPHONE_RATE_HZ: Final = 8000


def at_speed(samples: Array, speed: float) -> Array:
    """So many times as fast, and higher by as much, shape (n / speed,)."""
    return np.asarray(soxr.resample(samples, 1000 * speed, 1000), np.float32)


def impulse_response(samples: Array, rate: int) -> Array:
    """A room's answer from its direct sound on, at most 1 s, of unit energy."""
    response = samples[np.abs(samples).argmax() :][: round(_LONGEST_ECHO_S * rate)]
    return np.asarray(response / np.sqrt(np.square(response).sum()))


def in_room(samples: Array, response: Array) -> Array:
    """As heard in a room; as long as before."""
    length = next_fast_len(len(samples) + len(response))
    spectrum = np.fft.rfft(samples, length) * np.fft.rfft(response, length)
    return np.fft.irfft(spectrum, length)[: len(samples)].astype(np.float32)


def band_limited(samples: Array, rate: int, low_hz: float, high_hz: float) -> Array:
    """Through a telephone, a small loudspeaker, a cheap microphone.

    There is 3 dB less at both ends of the band, then 12 dB an octave below it and 24 above.
    """
    frequencies = np.fft.rfftfreq(len(samples), 1 / rate)
    loss = (1 + (low_hz / np.maximum(frequencies, 1)) ** 4) * (1 + (frequencies / high_hz) ** 8)
    return np.fft.irfft(np.fft.rfft(samples) / np.sqrt(loss), len(samples)).astype(np.float32)


def telephone(samples: Array, rate: int) -> Array:
    """What a telephone line leaves, at its own `TELEPHONE_RATE_HZ`."""
    narrow = band_limited(samples, rate, *TELEPHONE_HZ)
    return np.asarray(soxr.resample(narrow, rate, TELEPHONE_RATE_HZ), np.float32)


def with_noise(samples: Array, noise: Array, snr_db: float, random: Random) -> Array:
    """Noise added at a ratio of mean powers, in dB, from anywhere in it, repeated where it is too short."""
    return mixed(samples, stretch(noise, len(samples), random), snr_db, float(np.mean(np.square(samples))))


def stretch(sound: Array, length: int, random: Random) -> Array:
    """So many samples, shape (length,), from anywhere in a sound, repeated where it is too short."""
    return np.resize(np.roll(sound, -random.integers(len(sound))), length)


def mixed(samples: Array, noise: Array, snr_db: float, power: float) -> Array:
    """Noise of the same length added, its mean power so many dB below another."""
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


def coloured(samples: Array, rate: int, random: Random) -> Array:
    """Through another microphone: up to 8 dB more or less at four frequencies, and between them in between."""
    length = next_fast_len(len(samples))
    frequencies = np.fft.rfftfreq(length, 1 / rate)
    gain_db = np.interp(frequencies, np.sort(random.uniform(0, rate / 2, 4)), random.uniform(-8, 8, 4))
    spectrum = np.fft.rfft(samples, length) * 10 ** (gain_db / 20)
    return np.fft.irfft(spectrum, length)[: len(samples)].astype(np.float32)


def part_of(samples: Array, shortest: int, random: Random) -> Array:
    """A part of them, of a random number of samples, at least the shortest."""
    if len(samples) <= shortest:
        return samples
    length = random.integers(shortest, len(samples))
    start = random.integers(len(samples) - length + 1)
    return samples[start : start + length]


def with_other_vocal_tract(log_mel: Array, n_mels: int, factor: float) -> Array:
    """Formants moved by a factor, the pitch left where it is: mel channels are read further up or down.

    Args:
        log_mel: frames, shape (n_frames, n_mels) or with more columns, which stay.
        n_mels: how many of the columns are channels.
        factor: above 1 for a longer tract, whose formants are lower.
    """
    channels = np.clip(np.arange(n_mels) * factor, 0, n_mels - 1)
    below = np.minimum(channels.astype(int), n_mels - 2)
    share = (channels - below).astype(log_mel.dtype)
    warped = log_mel[:, below] * (1 - share) + log_mel[:, below + 1] * share
    return np.concatenate([warped, log_mel[:, n_mels:]], axis=1)


def elsewhere(samples: Array, rate: int, random: Random, *, noises: list[Array], rooms: list[Array]) -> Array:
    """A voice as it might be heard elsewhere: of somebody larger or smaller, cut, in a room, in noise, by another microphone.

    Each of these by chance, one after the other as sound meets them.
    """
    if random.random() < 0.7:
        samples = at_speed(samples, random.uniform(0.86, 1.16))
    if random.random() < 0.25:
        samples = part_of(samples, round(_SHORTEST_PART_S * rate), random)
    if rooms and random.random() < 0.4:
        echo = in_room(samples, rooms[random.integers(len(rooms))])
        samples = random.uniform(0, 1) * samples + random.uniform(0.3, 1) * echo
    if noises and random.random() < 0.5:
        samples = with_noise(samples, noises[random.integers(len(noises))], random.uniform(3, 30), random)
    if random.random() < 0.4:
        samples = coloured(samples, rate, random)
    if random.random() < 0.15:
        samples = band_limited(samples, rate, random.uniform(100, 300), random.uniform(3000, 4000))
    return at_any_level(samples, random)


def _blocks(samples: Array, rate: int) -> Array:
    """Shape (n_blocks, length), of 20 ms; one of less where there is no more."""
    length = min(len(samples), round(_BLOCK_S * rate))
    return samples[: len(samples) // length * length].reshape(-1, length)
