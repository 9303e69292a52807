"""Effects of rooms, microphones and other sounds on a recording, as functions of its samples.

All sounds, including noises and impulse responses, are mono, float32, shape (n,). Rates are in Hz. Random choices use
the given generator.
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
_SHORTEST_SECTION_S: Final = 1.3
_BLOCK_S: Final = 0.02
_SPEECH_DB: Final = 15.9  # the margin of ITU-T P.56
_SILENCE_DB: Final = 60.0

TELEPHONE_HZ: Final = (300, 3400)
TELEPHONE_RATE_HZ: Final = 8000


def at_speed(samples: Array, speed: float) -> Array:
    """Change speed and pitch by a factor, shape (n / speed,)."""
    return np.asarray(soxr.resample(samples, 1000 * speed, 1000), np.float32)


def impulse_response(samples: Array, rate: int) -> Array:
    """The impulse response of a room from the direct sound, at most 1 s long, scaled to unit energy."""
    response = samples[np.abs(samples).argmax() :][: round(_LONGEST_ECHO_S * rate)]
    return np.asarray(response / np.sqrt(np.square(response).sum()))


def in_room(samples: Array, response: Array) -> Array:
    """Add the echo of a room. The length does not change."""
    length = next_fast_len(len(samples) + len(response))
    spectrum = np.fft.rfft(samples, length) * np.fft.rfft(response, length)
    return np.fft.irfft(spectrum, length)[: len(samples)].astype(np.float32)


def band_limited(samples: Array, rate: int, low_hz: float, high_hz: float) -> Array:
    """Imitate a telephone, a small loudspeaker or a cheap microphone.

    The loss is 3 dB at both ends of the band, and grows by 12 dB per octave below the band and by 24 dB above it.
    """
    frequencies = np.fft.rfftfreq(len(samples), 1 / rate)
    loss = (1 + (low_hz / np.maximum(frequencies, 1)) ** 4) * (1 + (frequencies / high_hz) ** 8)
    return np.fft.irfft(np.fft.rfft(samples) / np.sqrt(loss), len(samples)).astype(np.float32)


def telephone(samples: Array, rate: int) -> Array:
    """Imitate a telephone line; the result has the rate `TELEPHONE_RATE_HZ`."""
    narrow = band_limited(samples, rate, *TELEPHONE_HZ)
    return np.asarray(soxr.resample(narrow, rate, TELEPHONE_RATE_HZ), np.float32)


def with_noise(samples: Array, noise: Array, snr_db: float, random: Random) -> Array:
    """Add a random section of noise at a ratio of mean powers in dB. Noise that is too short is repeated."""
    return mixed(samples, section(noise, len(samples), random), snr_db, float(np.mean(np.square(samples))))


def section(sound: Array, length: int, random: Random) -> Array:
    """A section from a random place in a sound, shape (length,). A sound that is too short is repeated."""
    return np.resize(np.roll(sound, -random.integers(len(sound))), length)


def mixed(samples: Array, noise: Array, snr_db: float, power: float) -> Array:
    """Add noise of the same length, with a mean power `snr_db` below `power`."""
    ratio = power / (np.mean(np.square(noise)) + 1e-12)
    return np.asarray(samples + noise * np.sqrt(ratio / 10 ** (snr_db / 10)), np.float32)


def speech_power(samples: Array, rate: int) -> float:
    """The mean power during speech.

    Pauses would lower the mean, so noise mixed by it would be weaker in slow speech. As in ITU-T P.56, a block of 20 ms
    counts if its power is at most 15.9 dB below the mean of the blocks that count.
    """
    powers = np.square(_blocks(samples, rate)).mean(axis=1)
    while (louder := powers[powers >= powers.mean() / 10 ** (_SPEECH_DB / 10)]).size < powers.size:
        powers = louder
    return float(powers.mean())


def without_silence(samples: Array, rate: int) -> Array:
    """Remove blocks of 20 ms that are more than 60 dB below the loudest. The result for a silent sound is empty."""
    blocks = _blocks(samples, rate)
    powers = np.square(blocks).mean(axis=1)
    return np.asarray(blocks[(powers > 0) & (powers >= powers.max() / 10 ** (_SILENCE_DB / 10))].ravel())


def at_any_level(samples: Array, random: Random) -> Array:
    """Scale to a random peak between -40 and -1 dBFS."""
    peak = 10 ** (random.uniform(*_PEAKS_DBFS) / 20)
    return np.asarray(samples * peak / (np.abs(samples).max() + 1e-9), np.float32)


def varied(samples: Array, rate: int, random: Random, *, rooms: list[Array], speeds: tuple[float, float]) -> Array:
    """Change the speed, and sometimes add a room or limit the band."""
    samples = at_speed(samples, random.uniform(*speeds))
    if rooms and random.random() < 0.35:
        samples = in_room(samples, rooms[random.integers(len(rooms))])
    if random.random() < 0.35:
        samples = band_limited(samples, rate, random.uniform(20, 300), random.uniform(2500, rate / 2))
    return samples


def coloured(samples: Array, rate: int, random: Random) -> Array:
    """Imitate another microphone: gains from -8 to 8 dB at four random frequencies, interpolated between them."""
    length = next_fast_len(len(samples))
    frequencies = np.fft.rfftfreq(length, 1 / rate)
    gain_db = np.interp(frequencies, np.sort(random.uniform(0, rate / 2, 4)), random.uniform(-8, 8, 4))
    spectrum = np.fft.rfft(samples, length) * 10 ** (gain_db / 20)
    return np.fft.irfft(spectrum, length)[: len(samples)].astype(np.float32)


def random_section(samples: Array, shortest: int, random: Random) -> Array:
    """A random section, at least `shortest` samples long."""
    if len(samples) <= shortest:
        return samples
    length = random.integers(shortest, len(samples))
    start = random.integers(len(samples) - length + 1)
    return samples[start : start + length]


def with_other_vocal_tract(log_mel: Array, n_mels: int, factor: float) -> Array:
    """Move the formants by a factor without changing the pitch: mel channels are moved up or down.

    Args:
        log_mel: frames, shape (n_frames, n_mels). Additional columns do not change.
        n_mels: number of columns that are mel channels.
        factor: above 1 for a longer vocal tract, whose formants are lower.
    """
    channels = np.clip(np.arange(n_mels) * factor, 0, n_mels - 1)
    below = np.minimum(channels.astype(int), n_mels - 2)
    share = (channels - below).astype(log_mel.dtype)
    warped = log_mel[:, below] * (1 - share) + log_mel[:, below + 1] * share
    return np.concatenate([warped, log_mel[:, n_mels:]], axis=1)


def random_version(
    samples: Array, rate: int, speaker: Random, recording: Random, *, noises: list[Array], rooms: list[Array]
) -> Array:
    """Imitate another speaker in another place: another size, room and microphone, a shorter section, noise.

    Each change is applied at random, in the order in which they affect real sound.

    Args:
        samples: the recording.
        rate: its rate.
        speaker: chooses what all recordings of a speaker on one device have in common. With the same state it makes the
            same choices for each of them.
        recording: chooses the rest.
        noises, rooms: noises and impulse responses to choose from.
    """
    if speaker.random() < 0.7:
        samples = at_speed(samples, speaker.uniform(0.86, 1.16))
    if recording.random() < 0.25:
        samples = random_section(samples, round(_SHORTEST_SECTION_S * rate), recording)
    if rooms and speaker.random() < 0.4:
        echo = in_room(samples, rooms[speaker.integers(len(rooms))])
        samples = speaker.uniform(0, 1) * samples + speaker.uniform(0.3, 1) * echo
    if noises and recording.random() < 0.5:
        noise = section(noises[recording.integers(len(noises))], len(samples), recording)
        samples = mixed(samples, noise, recording.uniform(3, 30), speech_power(samples, rate))
    if speaker.random() < 0.4:
        samples = coloured(samples, rate, speaker)
    if speaker.random() < 0.2:
        samples = band_limited(samples, rate, speaker.uniform(100, 300), speaker.uniform(3000, 4000))
    return at_any_level(samples, recording)


def _blocks(samples: Array, rate: int) -> Array:
    """Blocks of 20 ms, shape (n_blocks, length). A shorter sound gives one shorter block."""
    length = min(len(samples), round(_BLOCK_S * rate))
    return samples[: len(samples) // length * length].reshape(-1, length)
