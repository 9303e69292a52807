"""Sound in: a file or samples become blocks of mono float32 at the model's rate.

Everything is read in blocks, so memory does not grow with the length of a recording.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any, Final, TypeAlias, Union

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import AudioError

Source: TypeAlias = Union[str, "os.PathLike[str]", IO[bytes]]
"""A path, or a file object opened in binary mode."""

Array = NDArray[np.float32]

_BLOCK_FRAMES: Final = 1 << 16
_MOST_CHANNELS: Final = 64
_LOUDEST: Final = 128.0  # 42 dB over full scale: no recording, but integers in a float array


def read_blocks(source: Source, *, sample_rate_hz: int) -> Iterator[Array]:
    """Decode a file: any rate, channel count and format that libsndfile reads (WAV, FLAC, OGG, MP3, AIFF, ...).

    Channels are averaged, then resampled, as librosa.load does it.

    Yields:
        Blocks of shape (n,), float32, at `sample_rate_hz`; together ceil(duration * sample_rate_hz) samples.

    Raises:
        AudioError: missing, unreadable, not audio, damaged, without samples, or with samples that are not finite.
    """
    name = describe(source)
    with _open(source, name) as file:
        yield from _at_rate(_decode(file, name), file.samplerate, sample_rate_hz, name)


def sample_blocks(samples: ArrayLike, sample_rate: float, *, sample_rate_hz: int) -> Iterator[Array]:
    """The same for samples in memory.

    Args:
        samples: shape (n,) or (n, channels); float in -1..1, or int16, int32 or uint8 at full scale.
        sample_rate: their rate in Hz.
        sample_rate_hz: the rate that is wanted.
    """
    array = np.asarray(samples)
    rate_fits = isinstance(sample_rate, int | float | np.integer | np.floating) and 0 < sample_rate < math.inf
    if not rate_fits:
        raise AudioError(f"sample_rate: got {sample_rate!r}, wanted a rate in Hz")
    if array.ndim not in (1, 2):
        raise AudioError(f"samples have shape {array.shape}, wanted (n,) or (n, channels)")
    if array.ndim == 2 and not 1 <= array.shape[1] <= _MOST_CHANNELS:
        raise AudioError(
            f"samples have shape {array.shape}, wanted (n, channels) with 1 to {_MOST_CHANNELS} channels: "
            "samples.T, perhaps?"
        )
    scale = _scale_of(array.dtype)
    blocks = (scale(array[at : at + _BLOCK_FRAMES]) for at in range(0, len(array), _BLOCK_FRAMES))
    return _at_rate(blocks, sample_rate, sample_rate_hz, "the samples")


def describe(source: object) -> str:
    """How messages name a source."""
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else "the file object"


@contextmanager
def _open(source: Source, name: str) -> Iterator[Any]:
    """The decoder, closed afterwards; its errors as AudioErrors."""
    soundfile = _import_soundfile()
    if isinstance(source, str | os.PathLike):
        _check_readable(source, name)
    else:
        source = _seekable(source)
    try:
        file = soundfile.SoundFile(source)
    except TypeError:  # what soundfile says of a .raw file
        raise AudioError(
            f"{name} has no header that tells its rate and format: give a WAV, FLAC, OGG, MP3 or AIFF file"
        ) from None
    except soundfile.SoundFileError as error:
        raise AudioError(f"{name} is not audio that can be read: {_reason(error)}") from None
    with file:
        yield file


def _seekable(source: Any) -> IO[bytes]:
    """The file object itself, or what a pipe or a socket holds: decoders look ahead and come back."""
    if isinstance(source, io.TextIOBase) or not hasattr(source, "read"):
        raise AudioError(f"got {type(source).__name__}, wanted a path or a file object opened in binary mode")
    try:
        seekable: IO[bytes] = source if source.seekable() else io.BytesIO(source.read())
        return seekable
    except (OSError, ValueError) as error:
        raise AudioError(f"{describe(source)} cannot be read: {error}") from None


def _check_readable(path: str | os.PathLike[str], name: str) -> None:
    """Say plainly what libsndfile would call a system error."""
    try:
        with open(path, "rb") as file:
            empty = not file.read(1)
    except FileNotFoundError:
        raise AudioError(f"{name}: no such file") from None
    except IsADirectoryError:
        raise AudioError(f"{name} is a folder, wanted an audio file") from None
    except (OSError, ValueError) as error:
        raise AudioError(f"{name} cannot be opened: {getattr(error, 'strerror', None) or error}") from None
    if empty:
        raise AudioError(f"{name} is empty (0 bytes)")


def _import_soundfile() -> Any:
    try:
        import soundfile
    except (ImportError, OSError) as error:
        raise AudioError(
            f"audio files need the soundfile package and libsndfile ({error}): "
            "pip install soundfile, and on Debian or Raspberry Pi OS: sudo apt install libsndfile1"
        ) from None
    return soundfile


def _decode(file: Any, name: str) -> Iterator[NDArray[Any]]:
    """Blocks of shape (n, channels)."""
    import soundfile

    n_read = 0
    while True:
        try:
            block = file.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)
        except soundfile.SoundFileError as error:
            raise AudioError(f"{name} is damaged after {n_read / file.samplerate:.1f} s: {_reason(error)}") from None
        if not len(block):
            return
        n_read += len(block)
        yield block


def _reason(error: Exception) -> str:
    return str(getattr(error, "error_string", error)).removeprefix("Error : ").rstrip(".")


def _scale_of(dtype: np.dtype[Any]) -> Any:
    """What brings samples of a dtype to float32 in -1..1."""
    if dtype == np.uint8:
        return lambda block: (block.astype(np.float32) - 128) / 128
    if dtype in (np.int16, np.int32):
        return lambda block: (block / -float(np.iinfo(dtype).min)).astype(np.float32)
    if np.issubdtype(dtype, np.floating):
        return lambda block: block.astype(np.float32, copy=False)
    raise AudioError(f"samples are {dtype}, wanted float in -1..1, int16, int32 or uint8")


def _at_rate(blocks: Iterable[NDArray[Any]], rate: float, wanted_rate: int, name: str) -> Iterator[Array]:
    """Mono blocks at the wanted rate, of ceil(n * wanted_rate / rate) samples in all: as long as librosa makes them."""
    resample = None if rate == wanted_rate else _resampler(rate, wanted_rate)
    n_in = n_out = 0
    for block in blocks:
        mono = block if block.ndim == 1 else block.mean(axis=1)
        _check_finite(mono, n_in, rate, name)
        n_in += len(mono)
        out = mono if resample is None else resample.resample_chunk(mono)
        n_out += len(out)
        yield out
    if n_in == 0:
        raise AudioError(f"{name} {'hold' if name == 'the samples' else 'holds'} no samples")
    if resample is not None:
        n_missing = math.ceil(n_in * wanted_rate / rate) - n_out
        rest = resample.resample_chunk(np.zeros(0, np.float32), last=True)[: max(0, n_missing)]
        yield np.pad(rest, (0, max(0, n_missing - len(rest))))


def _resampler(rate: float, wanted_rate: int) -> Any:
    try:
        import soxr
    except ImportError:
        raise AudioError(
            f"the sound has {rate:g} Hz and the model wants {wanted_rate} Hz: pip install soxr to resample"
        ) from None
    return soxr.ResampleStream(rate, wanted_rate, 1, dtype="float32", quality="HQ")


def _check_finite(mono: Array, n_before: int, rate: float, name: str) -> None:
    loud = ~(np.abs(mono) <= _LOUDEST)  # also true of NaN
    if not loud.any():
        return
    at = int(loud.argmax())
    where = f"{name}: sample {n_before + at} (at {(n_before + at) / rate:.3f} s) is {mono[at]:g}"
    if not np.isfinite(mono[at]):
        raise AudioError(f"{where}, wanted finite numbers")
    raise AudioError(f"{where}, wanted -1..1: divide 16-bit integers by 32768, or pass them as int16")
