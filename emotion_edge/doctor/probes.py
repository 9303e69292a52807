"""What `emotion-edge doctor` tries out, each in a process of its own: a library that takes Python down takes only a probe along.

`python -m emotion_edge.doctor.probes NAME [ARGUMENT...]` prints what was found as one JSON object, or as `error` why nothing was.
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
from ..classifier import classify
from ..model.file import load
from ..model.interpreter import Interpreter

RATE_HZ: Final = 16000
"""The default model's, so that the self-test needs no resampler."""
_WORD: Final = "aoiea"
_RESONANCES_HZ: Final = {"a": (750, 1200), "e": (500, 1900), "i": (280, 2250), "o": (450, 850)}  # of a man's vowels
_SYLLABLE_S: Final = 0.2
_PITCH_HZ: Final = 130.0
_FALL: Final = 0.15  # of the pitch, over the word
_BANDWIDTH_HZ: Final = 80.0
_N_ANSWERS: Final = 20


def interpreter(backend: str, model_name: str) -> dict[str, Any]:
    """Construct an interpreter for a model, and have it answer."""
    model = load(model_name)
    began_at = time.perf_counter()
    constructed = Interpreter(model, backend)
    ready_at = time.perf_counter()
    for _ in range(_N_ANSWERS):
        constructed(np.ones(model.recipe.n_features, np.float32))
    answer_s = (time.perf_counter() - ready_at) / _N_ANSWERS
    return {"version": _version(backend), "construct_s": ready_at - began_at, "answer_s": answer_s}


def soundfile() -> dict[str, Any]:
    """Which formats libsndfile reads."""
    import soundfile as package

    return {
        "version": package.__version__,
        "libsndfile": package.__libsndfile_version__,
        "formats": sorted(package.available_formats()),
    }


def soxr() -> dict[str, Any]:
    """Resample a little."""
    import soxr as package

    package.resample(np.zeros(441, np.float32), 44100, RATE_HZ)
    return {"version": package.__version__}


def portaudio() -> dict[str, Any]:
    """PortAudio and its input devices."""
    import sounddevice as package

    present = [asdict(device) for device in devices()]
    return {"version": package.__version__, "portaudio": package.get_portaudio_version()[1], "devices": present}


def self_test() -> dict[str, Any]:
    """What the default model answers to a file of five vowels."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        out.writeframes((32767 * vowels()).astype("<i2").tobytes())
    file.seek(0)
    began_at = time.perf_counter()
    prediction = classify(file)
    return {**prediction.to_dict(), "elapsed_s": time.perf_counter() - began_at}


def vowels() -> NDArray[np.float32]:
    """Five vowels sung by numpy at `RATE_HZ`, shape (n,), in -1..1: harmonics of a falling pitch under two resonances."""
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
    except PackageNotFoundError:  # a copy that pip knows nothing of
        return ""


def _why_not(error: Exception) -> dict[str, Any]:
    """The message of an error, and which module it missed, if that was it."""
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
    except Exception as error:  # whatever it is, it is what was to be found out
        found = _why_not(error)
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    _main(*sys.argv[1:])
