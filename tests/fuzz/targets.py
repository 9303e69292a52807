"""The fuzz targets: code that reads untrusted data, each as a function of bytes.

A target returns if it could use the data, and raises an EmotionEdgeError if it could not. Anything else is a finding:
another exception, a message that is unsafe to print, more memory or time than `limited` allows, or a wrong result.
"""

from __future__ import annotations

import io
import json
import os
import resource
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
import soundfile
from mutations import mutate_bytes, mutate_json, mutate_words, with_checksum

from emotion_edge import EmotionEdgeError, VoiceProfile
from emotion_edge.audio import files as audio
from emotion_edge.audio import wav
from emotion_edge.audio.files import open_pipe, read_blocks
from emotion_edge.audio.samples import sample_blocks
from emotion_edge.features.mfcc import Mfcc
from emotion_edge.features.pooling import POOLINGS
from emotion_edge.features.recipe import MfccRecipe
from emotion_edge.live.input_check import InputCheck
from emotion_edge.model.file import Model, shipped
from emotion_edge.model.interpreter import BACKENDS, construct
from emotion_edge.model.recipe import EncoderReference, ModelRecipe, ProfileRecipe, Standardisation

MEMORY = 1 << 29
CPU_S = 20
_LONGEST_MESSAGE = 2000
_LONGEST_SOUND_S = 20


class Target(NamedTuple):
    """A fuzz target: the function to run, good data to start with, and a function that changes it."""

    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]
    mutate: Callable[[bytes, Random], bytes]


class TookTooLong(BaseException):
    """Not an Exception, so that no code catches it by accident."""


@contextmanager
def limited() -> Iterator[None]:
    """Inside this context, `accepts` limits each case to MEMORY additional bytes and CPU_S seconds."""
    limits, alarm, hook = resource.getrlimit(resource.RLIMIT_AS), signal.getsignal(signal.SIGVTALRM), sys.unraisablehook
    signal.signal(signal.SIGVTALRM, _took_too_long)
    sys.unraisablehook = lambda unraisable: _unraised.append(unraisable.exc_value)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # numpy's would be printed
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
        sys.unraisablehook = hook
        signal.signal(signal.SIGVTALRM, alarm)


_unraised: list[BaseException | None] = []
"""Exceptions in callbacks from C, which cannot be caught: Python would print their tracebacks."""


def _took_too_long(*_: object) -> None:
    raise TookTooLong(f"more than {CPU_S} s")


def accepts(run: Callable[[bytes], None], data: bytes) -> bool:
    """Return whether a target could use the bytes, inside `limited`. All other exceptions are raised."""
    _limit()
    try:
        run(data)
    except EmotionEdgeError as error:
        message = str(error)
        assert message, "an error without a message"
        assert len(message) <= _LONGEST_MESSAGE, f"a message of {len(message)} characters"
        assert message.isprintable(), f"a message with control characters: {message!r}"
        assert "does not work here" not in message, message  # other exceptions of an interpreter are reported like this
        return False
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        printed = [*_unraised]
        _unraised.clear()
        assert not printed, f"a traceback on stderr: {printed}"
    return True


def _limit() -> None:
    with open("/proc/self/statm") as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, most))
    signal.setitimer(signal.ITIMER_VIRTUAL, CPU_S)


def model_file(data: bytes) -> None:
    """Read a model file as it is."""
    Model.from_bytes(data)


def forged_model(data: bytes) -> None:
    """Read a model file with a correct checksum, and run it on every installed interpreter, ours last."""
    model = Model.from_bytes(with_checksum(data))
    features = np.linspace(-3, 3, model.recipe.n_features, dtype=np.float32)
    for backend in BACKENDS:
        try:
            assert np.isfinite(construct(model, backend)(features)).all()
        except EmotionEdgeError as error:
            if backend == "numpy" or "does not work here" in str(error):
                raise


def recipe(data: bytes) -> None:
    """A recipe stays the same when it is written and read."""
    read = ModelRecipe.from_json(data)
    assert ModelRecipe.from_json(read.to_json()) == read


def features(data: bytes) -> None:
    """Compute the features of a recipe for 0.1 s of noise: they have the correct number and are finite."""
    wanted = ModelRecipe.from_json(data)
    if wanted.encoder is not None:
        return
    noise = np.random.default_rng(0).uniform(-1, 1, wanted.mfcc.sample_rate_hz // 10).astype(np.float32)
    vector = POOLINGS[wanted.pooling](Mfcc(wanted.mfcc)(noise))
    standardisation = wanted.standardisation or Standardisation.neutral(wanted.n_features)
    standard = (vector - np.array(standardisation.mean, np.float32)) / np.array(standardisation.deviation, np.float32)
    assert standard.shape == (wanted.n_features,)
    assert np.isfinite(standard).all()


def sound_file(data: bytes) -> None:
    """Read sound from a file object."""
    _check_blocks(read_blocks(io.BytesIO(data), sample_rate_hz=16000))


def sound_path(data: bytes) -> None:
    """Read sound from a file."""
    _check_blocks(read_blocks(_written(data), sample_rate_hz=16000))


def sound_pipe(data: bytes) -> None:
    """Read a WAV stream from a pipe."""
    reading, writing = os.pipe()
    try:
        with open(writing, "wb", buffering=0) as pipe:
            pipe.write(data[:60_000])  # a pipe can buffer this much without a reader
        with open_pipe(reading, block_s=0.1) as sound:
            for block in sound.blocks:
                assert block.ndim == 1
                assert np.isfinite(InputCheck(sound.sample_rate_hz, "a pipe").clean(block)).all()
    finally:
        os.close(reading)


def wav_file(data: bytes) -> None:
    """Read a WAV file without soundfile."""
    with _without_soundfile():
        sound_file(data)


def wav_pipe(data: bytes) -> None:
    """Read a WAV stream from a pipe without soundfile."""
    with _without_soundfile():
        sound_pipe(data)


@contextmanager
def _without_soundfile() -> Iterator[None]:
    imported = audio._import_soundfile
    audio._import_soundfile = lambda: wav
    try:
        yield
    finally:
        audio._import_soundfile = imported


def samples(data: bytes) -> None:
    """Read an array of any type, shape and rate; the first bytes choose them."""
    kind, n_channels, rate = data[:1], data[1:2], data[2:10]
    dtypes = ("<f4", "<f8", "<f2", "<i2", ">i2", "<i4", "u1", "<u2", "<i8", "?", "<c8")
    dtype = np.dtype(dtypes[(kind or b"\0")[0] % len(dtypes)])
    body = data[10 : 10 + (len(data) - 10) // dtype.itemsize * dtype.itemsize] if len(data) > 10 else b""
    array = np.frombuffer(body, dtype)
    columns = (n_channels or b"\0")[0]
    if columns:
        array = array[: len(array) // columns * columns].reshape(-1, columns)
    hz = float(np.frombuffer(rate.ljust(8, b"\0"), "<f8")[0])
    _check_blocks(sample_blocks(array, hz, sample_rate_hz=16000))


def microphone(data: bytes) -> None:
    """Any data from a driver becomes valid sound."""
    array = np.frombuffer(data[: len(data) // 4 * 4], "<f4")
    check = InputCheck(16000, "a microphone")
    for block in np.array_split(array, 3):
        clean = check.clean(block)
        assert clean.shape == block.shape
        assert (np.abs(clean) <= 128).all()


def profile(data: bytes) -> None:
    """A voice profile that can be read can also be used and saved, and then it is still the same."""
    path = _written(data)
    read = VoiceProfile.load(path)
    offset = read.offset(ProfileRecipe(strength=1, utterances_to_half=1))
    assert np.isfinite(offset.astype(np.float32)).all()
    read.learn(np.zeros(read.n_features), 1.0)
    read.save(path)
    assert VoiceProfile.load(path).mean.tolist() == read.mean.tolist()


def _check_blocks(blocks: Iterator[np.ndarray]) -> None:
    n_samples = 0
    for block in blocks:
        assert block.dtype == np.float32
        assert block.ndim == 1
        assert np.isfinite(block).all()
        n_samples += len(block)
        if n_samples > _LONGEST_SOUND_S * 16000:  # a few bytes of FLAC can be hours of silence
            return
    assert n_samples


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)


def _written(data: bytes) -> Path:
    path = Path(_folder().name) / "case.json"
    path.write_bytes(data)
    return path


@cache
def _models() -> list[bytes]:
    return [shipped()[name].read_bytes() for name in ("tess-mlp", "speech-gate")]


@cache
def _recipes() -> list[bytes]:
    mfcc = MfccRecipe.preset("librosa", sample_rate_hz=16000, n_mfcc=3)
    speech = MfccRecipe.preset("python_speech_features", sample_rate_hz=16000)
    long = MfccRecipe.preset("librosa", sample_rate_hz=16000, n_fft=1024, window_length=640, hop_length=160)
    encoder = EncoderReference(name="voice-encoder", checksum="0123abcd", width=384)
    common: dict[str, Any] = {
        "name": "r",
        "labels": ("a", "b"),
        "profile": ProfileRecipe(strength=0.5, utterances_to_half=4.0),
    }
    standardisation = Standardisation(mean=(1.0, -2.0, 0.5), deviation=(1.0, 20.0, 0.1))
    whole = [
        ModelRecipe(mfcc=mfcc, standardisation=standardisation, scores={"x": 0.5}, corpora=("c",), **common),
        ModelRecipe(mfcc=speech, pooling="statistics", **common),
        ModelRecipe(mfcc=long, pooling="loud", encoder=encoder, **common),
    ]
    short = {"name": "r", "labels": ["a", "b"], "mfcc": {"preset": "librosa", "sample_rate_hz": 22050}}
    return [*(each.to_json().encode() for each in whole), json.dumps(short).encode()]


@cache
def _sounds() -> list[bytes]:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (1200, 2)).astype(np.float32)
    forms = [("WAV", subtype) for subtype in ("PCM_U8", "PCM_16", "PCM_24", "FLOAT", "DOUBLE", "ULAW", "IMA_ADPCM")]
    forms += [("WAVEX", "PCM_16"), ("RF64", "PCM_16"), ("W64", "PCM_16"), ("AIFF", "PCM_16"), ("CAF", "ALAC_16")]
    forms += [("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"), ("AU", "PCM_16")]
    return [_encoded(noise[:, :channels], *form) for form in forms for channels in (1, 2)]


@cache
def _wavs() -> list[bytes]:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (1200, 2)).astype(np.float32)
    subtypes = ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")
    return [_encoded(noise[:, :channels], "WAV", subtype) for subtype in subtypes for channels in (1, 2)]


def _encoded(sound: np.ndarray, format: str, subtype: str) -> bytes:
    buffer = io.BytesIO()
    rate = 48000 if subtype == "OPUS" else 22050
    soundfile.write(buffer, sound, rate, format=format, subtype=subtype)
    return buffer.getvalue()


@cache
def _arrays() -> list[bytes]:
    floats = np.random.default_rng(0).uniform(-1, 1, 300).astype("<f4").tobytes()
    return [bytes([kind, columns]) + np.float64(8000).tobytes() + floats for kind in range(11) for columns in (0, 1, 2)]


@cache
def _floats() -> list[bytes]:
    random = np.random.default_rng(0)
    return [random.uniform(-1, 1, 4000).astype("<f4").tobytes(), bytes(40_000), np.full(1000, 0.5, "<f4").tobytes()]


@cache
def _profiles() -> list[bytes]:
    good = {"format": 1, "model": "m", "utterances": 7, "seconds": 30.5, "mean": [0.5, -1.25, 3e5]}
    return [json.dumps(good).encode(), json.dumps(good | {"mean": [0.1] * 600}).encode()]


TARGETS = {
    "model_file": Target(model_file, _models, mutate_bytes),
    "forged_model": Target(forged_model, _models, mutate_words),
    "recipe": Target(recipe, _recipes, mutate_json),
    "features": Target(features, _recipes, mutate_json),
    "sound_file": Target(sound_file, _sounds, mutate_bytes),
    "sound_path": Target(sound_path, _wavs, mutate_bytes),
    "sound_pipe": Target(sound_pipe, _wavs, mutate_bytes),
    "wav_file": Target(wav_file, _wavs, mutate_bytes),
    "wav_pipe": Target(wav_pipe, _wavs, mutate_bytes),
    "samples": Target(samples, _arrays, mutate_bytes),
    "microphone": Target(microphone, _floats, mutate_bytes),
    "profile": Target(profile, _profiles, mutate_json),
}
