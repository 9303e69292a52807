"""Synthetic sounds, the spoken examples, and files of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import soxr
from places import EXAMPLES

SPOKEN = sorted((EXAMPLES / "sounds").glob("hello*.wav"))


def voice(seed: int, *, rate: int = 22050, seconds: float = 1.0) -> np.ndarray:
    """Something like a vowel: harmonics of a gliding pitch under two resonances, in syllables, over a little noise."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    pitch_hz = random.uniform(90, 260) * (1 + random.uniform(-0.3, 0.3) * time / seconds)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / rate
    resonances_hz = random.uniform(300, 900), random.uniform(900, 2600)
    sound = np.zeros_like(time)
    for harmonic in range(1, 30):
        frequency = harmonic * pitch_hz.mean()
        if frequency < 0.45 * rate:
            gain = sum(1 / (1 + ((frequency - centre) / 150) ** 2) for centre in resonances_hz) + 0.02
            sound += gain * np.sin(harmonic * phase)
    sound *= 0.3 + 0.7 * np.abs(np.sin(np.pi * time * random.uniform(2, 5)))
    sound += random.uniform(0.001, 0.05) * random.standard_normal(len(time))
    sound *= random.uniform(0.05, 0.8) / np.abs(sound).max()
    return sound.astype(np.float32)


def spoken(number: int = 0, *, rate: int = 22050) -> np.ndarray:
    """One of the synthesiser's sentences. The speech gate accepts it as speech, unlike `voice`."""
    samples, own_rate = soundfile.read(SPOKEN[number], dtype="float32")
    return np.asarray(soxr.resample(samples, own_rate, rate))


def tone(frequency_hz: float, *, rate: int, seconds: float) -> np.ndarray:
    """A sine at half of full scale."""
    return (0.5 * np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def write(path: Path, samples: np.ndarray, rate: int, **options: str) -> Path:
    """Write samples to a file; a missing folder is created."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, **options)
    return path
