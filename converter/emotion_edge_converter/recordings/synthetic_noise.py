"""Synthetic sounds that are not speech, to add to the recorded noises of households and workshops."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Random = np.random.Generator

_HIGHEST: Final = 0.47  # share of the sample rate: higher partials would alias


def synthetic_noise(kind: str, random: Random, n_samples: int, rate: int) -> Array:
    """Make a sound of one of the `KINDS`, float32, shape (n_samples,), with a peak of 1."""
    time = np.arange(n_samples) / rate
    sound = KINDS[kind](random, time, rate)
    sound = sound + random.uniform(0, 0.03) * np.abs(sound).max() * _coloured(random, n_samples, 1)
    return np.asarray(sound / max(float(np.abs(sound).max()), 1e-9), np.float32)


def _noise(random: Random, time: Array, rate: int) -> Array:
    """White, pink or brown noise, steady or in gusts."""
    return _coloured(random, len(time), random.choice([0, 1, 2, random.uniform(-1, 3)])) * _envelope(random, time, rate)


def _hum(random: Random, time: Array, rate: int) -> Array:
    """Hum of mains and transformers."""
    pitch_hz = random.choice([50, 60, 100, 120, random.uniform(40, 200)])
    return _harmonics(random, pitch_hz * time, pitch_hz, rate, int(random.integers(3, 30)), random.uniform(0.3, 1.5))


def _tones(random: Random, time: Array, rate: int) -> Array:
    """Notes and chords, some gliding, some with vibrato, some plucked."""
    sound = np.zeros(len(time))
    edges = [0, *np.sort(random.integers(0, len(time), random.integers(0, 7))), len(time)]
    for start, end in pairwise(edges):
        note = time[: end - start]
        if len(note) < 10:
            continue
        decay = np.exp(-note / random.uniform(0.1, 2)) if random.random() < 0.5 else 1
        for _ in range(random.integers(1, 5)):
            glide = random.uniform(-1, 1) * random.integers(2) * note / note[-1]
            vibrato = random.uniform(0, 0.05) * np.sin(2 * np.pi * random.uniform(3, 8) * note)
            pitch_hz = _between(random, 80, 3000) * 2 ** (glide + vibrato)
            cycles = np.cumsum(pitch_hz) / rate
            sound[start:end] += decay * _harmonics(random, cycles, pitch_hz.max(), rate, int(random.integers(2, 9)), 1)
    return sound * (_envelope(random, time, rate) if random.random() < 0.5 else 1)


def _clicks(random: Random, time: Array, rate: int) -> Array:
    """Ticks, knocks and rattles, in a more or less regular rhythm."""
    sound = np.zeros(len(time))
    period_s, jitter = random.uniform(0.05, 1.2), random.uniform(0, 0.3)
    click = time[: int(random.uniform(0.002, 0.06) * rate)]
    at_s = random.uniform(0, period_s)
    while at_s < time[-1]:
        start = int(at_s * rate)
        ringing = np.sin(2 * np.pi * random.uniform(300, 6000) * click)
        burst = random.standard_normal(len(click)) if random.random() < 0.5 else ringing
        burst *= random.uniform(0.3, 1) * np.exp(-click / click[-1] * random.uniform(3, 9))
        sound[start : start + len(click)] += burst[: len(time) - start]
        at_s += max(0.02, period_s * (1 + jitter * random.standard_normal()))
    return sound


def _beeps(random: Random, time: Array, rate: int) -> Array:
    """Alarms: one pitch on and off, or two alternating pitches."""
    pitch_hz, period_s, share = random.uniform(300, 4500), random.uniform(0.1, 1), random.uniform(0.2, 0.8)
    on = _smooth(time / period_s % 1 < share, round(0.005 * rate))
    wave = np.sin(2 * np.pi * pitch_hz * time)
    other = random.integers(2) * np.sin(2 * np.pi * random.uniform(0.5, 1.5) * pitch_hz * time)
    return on * (np.sign(wave) if random.random() < 0.5 else wave) + (1 - on) * other


def _motor(random: Random, time: Array, rate: int) -> Array:
    """Harmonics of a drifting speed, with some hiss, and sometimes a resonance."""
    drift = 0.02 * np.interp(time, np.linspace(0, time[-1], 20), random.standard_normal(20))
    swing = random.uniform(0, 0.5) * np.sin(2 * np.pi * random.uniform(0.05, 1) * time + random.uniform(0, 6))
    speed_hz = random.uniform(25, 300) * (1 + swing) * (1 + drift)
    sound = _harmonics(random, np.cumsum(speed_hz) / rate, speed_hz.max(), rate, 40, random.uniform(0, 1))
    sound = sound / np.abs(sound).max() + random.uniform(0, 0.5) * _coloured(random, len(time), 1)
    if random.random() < 0.5:
        sound = _resonate(random, sound, rate)
    return sound * (_envelope(random, time, rate) if random.random() < 0.3 else 1)


def _resonance(random: Random, time: Array, rate: int) -> Array:
    """A buzz or a hiss through a resonance that moves like those of a vowel. This is the hardest kind."""
    buzz = np.sign(np.sin(2 * np.pi * random.uniform(60, 400) * time)) + 0.05 * random.standard_normal(len(time))
    source = random.standard_normal(len(time)) if random.random() < 0.5 else buzz
    return _resonate(random, source, rate) * _envelope(random, time, rate)


KINDS: Final[dict[str, Callable[[Random, Array, int], Array]]] = {
    "noise": _noise,
    "hum": _hum,
    "tones": _tones,
    "clicks": _clicks,
    "beeps": _beeps,
    "motor": _motor,
    "resonance": _resonance,
}


def _coloured(random: Random, n_samples: int, slope: float) -> Array:
    """Noise whose power falls with frequency to the power of `slope`, with a peak of 1."""
    spectrum = np.fft.rfft(random.standard_normal(n_samples))
    sound = np.fft.irfft(spectrum * np.maximum(np.arange(len(spectrum)), 1.0) ** (-slope / 2), n_samples)
    return np.asarray(sound / np.abs(sound).max())


def _harmonics(random: Random, cycles: Array, highest_hz: float, rate: int, count: int, fall: float) -> Array:
    """Partials below half the rate, of random strength, which falls with their number to the power of `fall`."""
    numbers = [number for number in range(1, count + 1) if number * highest_hz < _HIGHEST * rate] or [1]
    partials = np.zeros(len(cycles))
    for number in numbers:
        phase = 2 * np.pi * number * cycles + random.uniform(0, 6)
        partials += random.uniform(0.05, 1) / number**fall * np.sin(phase)
    return partials


def _envelope(random: Random, time: Array, rate: int) -> Array:
    """Steady, tremolo, decaying strokes, or on and off."""
    kind = random.integers(4)
    if kind == 0:
        return np.ones(len(time))
    if kind == 1:
        wave = np.sin(2 * np.pi * random.uniform(0.5, 14) * time + random.uniform(0, 6))
        return np.asarray(1 - random.uniform(0.2, 1) * (0.5 + 0.5 * wave))
    if kind == 2:
        period_s = random.uniform(0.15, 1.5)
        return np.asarray(np.exp(-((time + random.uniform(0, period_s)) % period_s) / random.uniform(0.02, 0.5)))
    return _smooth(
        time * random.uniform(0.5, 6) % 1 < random.uniform(0.2, 0.8), round(random.uniform(0.003, 0.03) * rate)
    )


def _resonate(random: Random, source: Array, rate: int) -> Array:
    """Filter a source with one resonance that swings around a centre frequency."""
    length, hop = 1024, 512
    window, frequencies = np.hanning(length + 1)[:-1], np.fft.rfftfreq(length, 1 / rate)
    middle_hz, width_hz = _between(random, 200, 4000), random.uniform(50, 600)
    swing, swings_per_s, phase = random.uniform(0, 1.2), random.uniform(0.1, 3), random.uniform(0, 6)
    sound = np.zeros(len(source))
    for start in range(0, len(source) - length, hop):
        centre_hz = middle_hz * np.exp(swing * np.sin(2 * np.pi * swings_per_s * start / rate + phase))
        spectrum = np.fft.rfft(source[start : start + length] * window)
        sound[start : start + length] += np.fft.irfft(spectrum / (1 + ((frequencies - centre_hz) / width_hz) ** 2))
    return sound


def _between(random: Random, low: float, high: float) -> float:
    """A random number that is equally likely in every octave."""
    return float(np.exp(random.uniform(np.log(low), np.log(high))))


def _smooth(switch: Array, width: int) -> Array:
    """Smooth a switch, to avoid clicks."""
    return np.convolve(switch, np.ones(max(1, width)) / max(1, width), "same")
