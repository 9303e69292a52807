"""The sound of the live benchmarks: the sentences of examples/sounds, repeated, over faint noise."""

from pathlib import Path

import numpy as np
import soundfile
import soxr

SOUNDS = Path(__file__).parents[1] / "examples" / "sounds"
NAMES = ("hello", "hello-high", "hello-slow")


def sentences(rate):
    """The three sentences, each of shape (n,), float32."""
    recordings = [soundfile.read(SOUNDS / f"{name}.wav", dtype="float32") for name in NAMES]
    return [soxr.resample(samples, own_rate, rate) for samples, own_rate in recordings]


def talk(seconds, rate, *, pause_s=1.0):
    """Sentences with pauses between them, of a given length in seconds."""
    pause = np.zeros(round(pause_s * rate), np.float32)
    once = np.concatenate([sound for sentence in sentences(rate) for sound in (pause, sentence)])
    samples = np.tile(once, int(seconds * rate) // len(once) + 1)[: int(seconds * rate)]
    return samples + background(seconds, rate)


def background(seconds, rate, level=2e-4):
    """The noise of a quiet room."""
    noise = np.random.default_rng(0).standard_normal(int(seconds * rate), dtype=np.float32)
    return (level * noise).astype(np.float32)
