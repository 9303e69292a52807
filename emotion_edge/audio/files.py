"""Reads files and pipes as blocks of mono float32, at the model's sample rate or at their own.

Sound is read in blocks, so a long recording is never in memory as a whole.
"""

from __future__ import annotations

import io
import logging
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, TypeAlias, Union

import numpy as np
from numpy.typing import NDArray

from ..errors import AudioError
from . import wav
from .resampling import check_rate
from .samples import MOST_CHANNELS, at_rate, one_channel

Source: TypeAlias = Union[str, "os.PathLike[str]", IO[bytes]]
"""A path, or a file object opened in binary mode."""

Array = NDArray[np.float32]

_log = logging.getLogger(__name__)

_BLOCK_FRAMES: Final = 1 << 16
_LENGTH_UNKNOWN: Final = 0x7FFFF000  # bytes; a header with this length or more does not know the length
# Allowed in a pipe. Decoders of other formats continue for as long as the header says, even when no more data comes.
_PLAIN: Final = ("PCM_U8", "PCM_S8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW")
_PHONE_SUFFIXES: Final = (".m4a", ".aac", ".mp4", ".webm", ".wma", ".amr", ".3gp")  # libsndfile cannot read these
_LARGEST_PIPE: Final = 1 << 28
_LONGEST_S: Final = 3600.0  # a few bytes of FLAC can be weeks of silence, and all features stay in memory


def read_blocks(source: Source, *, sample_rate_hz: int, longest_s: float | None = None) -> Iterator[Array]:
    """Decode a file of any rate and number of channels.

    All formats of libsndfile can be read (WAV, FLAC, OGG, MP3, AIFF, ...), or only WAV if it is not installed. Channels
    are averaged and then resampled, as in librosa.load.

    Args:
        source: the sound.
        sample_rate_hz: the sample rate of the blocks.
        longest_s: the longest allowed sound, by default an hour; `math.inf` for code that keeps little in memory.

    Yields:
        Blocks of shape (n,), float32, at `sample_rate_hz`; together ceil(duration * sample_rate_hz) samples.

    Raises:
        AudioError: the source is missing, unreadable, not audio, damaged, longer than `longest_s`, without samples, or
            has samples that are not finite.
    """
    name = describe(source)
    with _open(source, name) as file:
        _check_header(file, name)
        blocks = _not_longer(_decode(file, name), file.samplerate, name, _LONGEST_S if longest_s is None else longest_s)
        yield from at_rate(blocks, file.samplerate, sample_rate_hz, name=name)


def promised_s(source: Source) -> float | None:
    """Return the length of a file in seconds according to its header; None if it is unknown or can be read only once.

    Raises:
        AudioError: as for `read_blocks`, if the header already shows the problem.
    """
    name = describe(source)
    if not isinstance(source, str | os.PathLike) or Path(name).is_fifo():
        return None
    with _open(source, name) as file:
        _check_header(file, name)
        return file.frames / file.samplerate or None


def _not_longer(blocks: Iterable[NDArray[Any]], rate: float, name: str, longest_s: float) -> Iterator[NDArray[Any]]:
    n_read = 0
    for block in blocks:
        n_read += len(block)
        if n_read > longest_s * rate:
            raise AudioError(
                f"{name} is longer than {longest_s:g} s, too long for one prediction: split it into shorter files, or "
                "use emotion-edge timeline or emotion-edge listen --input"
            )
        yield block


class Sound(NamedTuple):
    """An open file or pipe.

    Attributes:
        name: its name in messages.
        sample_rate_hz: its own sample rate.
        blocks: mono blocks of shape (n,), float32, at that rate; they are read only when they are needed.
    """

    name: str
    sample_rate_hz: int
    blocks: Iterator[Array]


@contextmanager
def open_sound(source: Source, *, block_s: float) -> Iterator[Sound]:
    """Open a file at its own sample rate, in blocks of `block_s` seconds.

    Raises:
        AudioError: as for `read_blocks`, except that samples may be not finite.
    """
    name = describe(source)
    with _open(source, name) as file:
        yield _sound(file, name, block_s)


@contextmanager
def open_pipe(pipe: int, *, block_s: float, raw_rate_hz: int | None = None, raw_channels: int = 1) -> Iterator[Sound]:
    """Open a pipe into which another program is writing sound. The sound is read as it arrives.

    Args:
        pipe: a file descriptor; it stays open.
        block_s: the length of a block in seconds.
        raw_rate_hz: None for a WAV stream. For samples without a header (signed 16-bit little-endian), their sample
            rate.
        raw_channels: the number of interleaved channels of samples without a header.

    Raises:
        AudioError: the pipe does not contain a WAV stream.
    """
    soundfile = _import_soundfile()
    raw = {
        "samplerate": raw_rate_hz,
        "channels": raw_channels,
        "format": "RAW",
        "subtype": "PCM_16",
        "endian": "LITTLE",
    }
    try:
        file = soundfile.SoundFile(pipe, closefd=False, **(raw if raw_rate_hz else {}))
    except soundfile.SoundFileError as error:
        raise AudioError(
            f"the pipe does not contain a WAV stream ({_reason(error)}): it is empty or has another format; a pipe can "
            "contain only WAV, or samples without a header if you give their sample rate"
        ) from error
    with file:
        if file.subtype not in _PLAIN:
            raise AudioError(f"the pipe contains {file.subtype} samples, wanted one of {', '.join(_PLAIN)}")
        yield _sound(file, "the pipe", block_s, is_pipe=True)


def _sound(file: Any, name: str, block_s: float, *, is_pipe: bool = False) -> Sound:
    _check_header(file, name)
    blocks = _decode(file, name, max(1, round(block_s * file.samplerate)), is_pipe=is_pipe)
    return Sound(name, file.samplerate, (one_channel(block) for block in blocks))


def describe(source: object) -> str:
    """Return the name of a source in messages."""
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else "the file object"


@contextmanager
def _open(source: Source, name: str) -> Iterator[Any]:
    """Open the decoder and close it afterwards. Its errors become AudioErrors."""
    soundfile = _import_soundfile()
    source = _readable_path(source, name) if isinstance(source, str | os.PathLike) else _seekable(source, name)
    try:
        file = soundfile.SoundFile(source)
    except TypeError as error:  # soundfile raises this for a .raw file
        raise AudioError(
            f"{name} has no header with its sample rate and format: use a WAV, FLAC, OGG, MP3 or AIFF file"
        ) from error
    except soundfile.SoundFileError as error:
        remedy = ": convert it, for example to FLAC with ffmpeg" if name.lower().endswith(_PHONE_SUFFIXES) else ""
        raise AudioError(f"{name} is not audio that can be read: {_reason(error)}{remedy}") from error
    # After each read, soundfile seeks to the current position. An MP3 decoder then loses the data that the next frame
    # refers back to.
    file.seekable = lambda: False
    with file:
        yield file


def _readable_path(path: str | os.PathLike[str], name: str) -> Any:
    """Check that a path can be opened and return it for the decoder; libsndfile would only report a «system error»."""
    try:
        with open(path, "rb") as file:
            if stat.S_ISFIFO(os.fstat(file.fileno()).st_mode):
                return _seekable(file, name)
            empty = not file.read(1)
    except FileNotFoundError as error:
        raise AudioError(f"{name}: no such file") from error
    except IsADirectoryError as error:
        raise AudioError(f"{name} is a folder, wanted an audio file") from error
    except (OSError, ValueError) as error:
        raise AudioError(f"{name} cannot be opened: {getattr(error, 'strerror', None) or error}") from error
    if empty:
        raise AudioError(f"{name} is empty (0 bytes)")
    # POSIX file systems allow any bytes as a name; Windows needs text.
    return os.fspath(path) if os.name == "nt" else os.fsencode(path)


def _seekable(source: Any, name: str) -> IO[bytes]:
    """The file object itself, or the whole content of a pipe or socket, because decoders need to seek."""
    if isinstance(source, io.TextIOBase) or not hasattr(source, "read"):
        raise AudioError(f"got {type(source).__name__}, wanted a path or a file object opened in binary mode")
    try:
        if not (hasattr(source, "seekable") and source.seekable()):
            source = _read_all(source, name)
        start = source.tell()
        at_end = not source.read(1)
        source.seek(start)
    except (OSError, ValueError) as error:
        raise AudioError(f"{name} cannot be read: {error}") from error
    if at_end:
        raise AudioError(
            f"{name} is empty" if start == 0 else f"{name} has already been read to its end: call seek(0) first"
        )
    seekable: IO[bytes] = _Forgiving(source)  # type: ignore[assignment]
    return seekable


def _read_all(pipe: Any, name: str) -> IO[bytes]:
    content = io.BytesIO()
    while chunk := pipe.read(1 << 20):
        content.write(chunk)
        if content.tell() > _LARGEST_PIPE:
            raise AudioError(
                f"{name} delivers more than {_LARGEST_PIPE >> 20} MiB: save it as a file and give its path"
            )
    content.seek(0)
    return content


class _Forgiving:
    """A file object that ignores impossible seeks, as in a damaged file. Otherwise soundfile prints a traceback."""

    def __init__(self, file: IO[bytes]) -> None:
        self.read: Final = file.read
        self.tell: Final = file.tell
        self._seek: Final = file.seek

    def seek(self, offset: int, whence: int = 0) -> None:
        with suppress(OSError, ValueError):
            self._seek(offset, whence)


def _import_soundfile() -> Any:
    """The soundfile package, or our WAV reader if soundfile does not work."""
    try:
        import soundfile
    except (ImportError, OSError) as error:
        _log.debug("soundfile does not import (%s): reading WAV only", error)
        return wav
    return soundfile


def _decode(
    file: Any, name: str, block_length: int = _BLOCK_FRAMES, *, is_pipe: bool = False
) -> Iterator[NDArray[Any]]:
    """Yield blocks of shape (n, channels). If a file ends earlier than its header says, log a warning.

    A pipe never causes this warning: its writer does not know the length, so its header does not state it.
    """
    soundfile = _import_soundfile()
    n_read = 0
    while True:
        try:
            block = file.read(block_length, dtype="float32", always_2d=True)
        except soundfile.SoundFileError as error:
            place = f" after {n_read / file.samplerate:.1f} s" if n_read else ""
            raise AudioError(f"{name} is damaged{place}: {_reason(error)}") from error
        if not len(block):
            break
        n_read += len(block)
        yield block
    if not is_pipe and (n_read < file.frames or _cut_short(file.extra_info)):
        _log.warning("%s ends earlier than its header says: using the first %.1f s", name, n_read / file.samplerate)


def _cut_short(header_log: str) -> bool:
    """Whether libsndfile found less sound than a WAV or AIFF header promises.

    A program that writes into a pipe cannot know the length and writes the largest possible one: that is not damage.
    """
    promise = re.search(r"^ ?(?:data|SSND) : (\d+) \(should be \d+\)", header_log, re.MULTILINE)
    return promise is not None and int(promise[1]) < _LENGTH_UNKNOWN


def _reason(error: Exception) -> str:
    return str(getattr(error, "error_string", error)).removeprefix("Error : ").rstrip(".")


def _check_header(file: Any, name: str) -> None:
    check_rate(file.samplerate, name)
    if not 1 <= file.channels <= MOST_CHANNELS:  # a block with a thousand channels would need a quarter of a gigabyte
        raise AudioError(f"{name} has {file.channels} channels, wanted 1 to {MOST_CHANNELS}")
