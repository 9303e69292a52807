"""The probes of `emotion-edge doctor`. Each runs in a separate process, so a library that crashes ends only its probe.

`python -m emotion_edge.doctor.probes NAME [ARGUMENT...]` prints the result as one JSON object. If the probe fails, the
object has the reason under `error`.
"""

from __future__ import annotations

import io
import json
import sys
import time
import wave
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..audio.microphone import devices
from ..classifier import EmotionClassifier, classify
from ..model.network import Network

RATE_HZ: Final = 16000
"""The sample rate of the default model, so that the self-test needs no resampler."""
_WORD: Final = "aoiea"
_RESONANCES_HZ: Final = {
    "a": (750, 1200),
    "e": (500, 1900),
    "i": (280, 2250),
    "o": (450, 850),
}  # of the vowels of a man
_SYLLABLE_S: Final = 0.2
_PITCH_HZ: Final = 130.0
_FALL: Final = 0.15  # how much the pitch falls over the word, as a fraction
_BANDWIDTH_HZ: Final = 80.0
_N_ANSWERS: Final = 5


def interpreter(backend: str, model_name: str) -> dict[str, Any]:
    """Load a model in an interpreter and measure how long that and a prediction for the vowels take."""
    began_at = time.perf_counter()
    network = Network(model_name, interpreter=backend)
    log_mel = [network.mfcc.log_mel_of(vowels())]
    network.pool(log_mel)  # the first takes longer
    ready_at = time.perf_counter()
    for _ in range(_N_ANSWERS):
        network.probabilities(network.pool(log_mel))
    answer_s = (time.perf_counter() - ready_at) / _N_ANSWERS
    return {"version": _version(backend), "construct_s": ready_at - began_at, "answer_s": answer_s}


def soundfile() -> dict[str, Any]:
    """Return the formats that libsndfile reads."""
    import soundfile as package

    return {
        "version": package.__version__,
        "libsndfile": package.__libsndfile_version__,
        "formats": sorted(package.available_formats()),
    }


def soxr() -> dict[str, Any]:
    """Resample a few samples."""
    import soxr as package

    package.resample(np.zeros(441, np.float32), 44100, RATE_HZ)
    return {"version": package.__version__}


def portaudio() -> dict[str, Any]:
    """Return the version of PortAudio and its input devices."""
    import sounddevice as package

    present = [asdict(device) for device in devices()]
    return {"version": package.__version__, "portaudio": package.get_portaudio_version()[1], "devices": present}


def self_test() -> dict[str, Any]:
    """Classify a recording of five vowels with the default model, and again with its interpreter replaced by numpy.

    The two share no code for networks, so that a library that computes wrong results makes them differ.
    """
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        out.writeframes((32767 * vowels()).astype("<i2").tobytes())
    file.seek(0)
    began_at = time.perf_counter()
    prediction = classify(file)
    elapsed_s = time.perf_counter() - began_at
    file.seek(0)
    again = EmotionClassifier(interpreter="numpy").classify(file)
    differences = [abs(again.probabilities[label] - share) for label, share in prediction.probabilities.items()]
    return {**prediction.to_dict(), "elapsed_s": elapsed_s, "difference": max(differences, default=0.0)}


def vowels() -> NDArray[np.float32]:
    """Synthesize five vowels from the harmonics of a falling pitch with two resonances.

    Returns:
        Samples at `RATE_HZ`, shape (n,), float32 in -1..1.
    """
    at = np.arange(round(len(_WORD) * _SYLLABLE_S * RATE_HZ)) / (_SYLLABLE_S * RATE_HZ)  # in syllables
    pitch_hz = _PITCH_HZ * (1 - _FALL * at / len(_WORD))
    phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ
    courses = np.array([_RESONANCES_HZ[vowel] for vowel in _WORD]).T
    resonances_hz = [np.interp(at - 0.5, range(len(_WORD)), course) for course in courses]
    sound = np.zeros_like(at)
    for harmonic in range(1, 40):
        gain = sum(1 / (1 + ((harmonic * pitch_hz - each) / _BANDWIDTH_HZ) ** 2) for each in resonances_hz)
        sound += gain * np.sin(harmonic * phase) / harmonic
    sound *= np.sqrt(np.abs(np.sin(np.pi * at)))
    return np.asarray(0.5 * sound / np.abs(sound).max(), np.float32)


PROBES: Final[dict[str, Callable[..., dict[str, Any]]]] = {
    "interpreter": interpreter,
    "soundfile": soundfile,
    "soxr": soxr,
    "portaudio": portaudio,
    "self-test": self_test,
}


def _version(backend: str) -> str:
    try:
        return version(backend)
    except PackageNotFoundError:  # it was not installed with pip
        return ""


def _failure(error: Exception) -> dict[str, Any]:
    """Return the message of an error, and the name of the missing module if that is the reason."""
    missing: str | None = None
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ModuleNotFoundError) and cause.name:
            missing = cause.name.split(".")[0]
        cause = cause.__context__
    return {"error": str(error) or type(error).__name__, "missing_module": missing}


def _main(name: str, *arguments: str) -> None:
    try:
        found = PROBES[name](*arguments)
    except Exception as error:  # any error is a result
        found = _failure(error)
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    _main(*sys.argv[1:])
