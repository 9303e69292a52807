"""Sound in: files and pipes become blocks of mono float32, at the model's rate or at their own.

Everything is read in blocks, so the samples of a long recording are never in memory together.
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
_LENGTH_UNKNOWN: Final = 0x7FFFF000  # what is promised from here on is the most that fits into a header
# From a pipe: the decoders of the others go on for as long as the header says, though nothing comes any more.
_PLAIN: Final = ("PCM_U8", "PCM_S8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW")
_OF_PHONES: Final = (".m4a", ".aac", ".mp4", ".webm", ".wma", ".amr", ".3gp")  # sound, but not to libsndfile
_LARGEST_PIPE: Final = 1 << 28
_LONGEST_S: Final = 3600.0  # a few bytes of FLAC may be weeks of silence, and features are in memory until the end


def read_blocks(source: Source, *, sample_rate_hz: int, longest_s: float | None = None) -> Iterator[Array]:
    """Decode a file: any rate, channel count and format that libsndfile reads (WAV, FLAC, OGG, MP3, AIFF, ...),
    where that is installed; else WAV.

    Channels are averaged, then resampled, as librosa.load does it.

    Args:
        source: of the sound.
        sample_rate_hz: the rate that is wanted.
        longest_s: that is taken, by default an hour; `math.inf` for whoever keeps little of what was heard.

    Yields:
        Blocks of shape (n,), float32, at `sample_rate_hz`; together ceil(duration * sample_rate_hz) samples.

    Raises:
        AudioError: missing, unreadable, not audio, damaged, longer than `longest_s`, without samples, or with samples that are
            not finite.
    """
    name = describe(source)
    with _open(source, name) as file:
        _check_header(file, name)
        blocks = _not_longer(_decode(file, name), file.samplerate, name, _LONGEST_S if longest_s is None else longest_s)
        yield from at_rate(blocks, file.samplerate, sample_rate_hz, name=name)


def promised_s(source: Source) -> float | None:
    """How long a file says it is, in seconds; None for what says nothing, or can be read only once.

    Raises:
        AudioError: as `read_blocks`, of what the header shows.
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
                f"{name} lasts more than {longest_s:g} s, too long for one answer: cut it into pieces, or let "
                "emotion-edge timeline draw it, or listen --input hear it"
            )
        yield block


class Sound(NamedTuple):
    """An open file or pipe.

    Attributes:
        name: for messages.
        sample_rate_hz: its own.
        blocks: shape (n,), mono, float32, at that rate; nothing is read before they are asked for.
    """

    name: str
    sample_rate_hz: int
    blocks: Iterator[Array]


@contextmanager
def open_sound(source: Source, *, block_s: float) -> Iterator[Sound]:
    """A file at its own rate, in blocks of `block_s` seconds.

    Raises:
        AudioError: as `read_blocks`, but for samples that are not finite.
    """
    name = describe(source)
    with _open(source, name) as file:
        yield _sound(file, name, block_s)


@contextmanager
def open_pipe(pipe: int, *, block_s: float, raw_rate_hz: int | None = None, raw_channels: int = 1) -> Iterator[Sound]:
    """Sound that another program writes into a pipe just now: it is read as it comes.

    Args:
        pipe: a file descriptor; it stays open.
        block_s: length of a block.
        raw_rate_hz: None for a WAV stream, which says what it is; else samples without a header, signed 16-bit
            little-endian, at this rate.
        raw_channels: how many of those, interleaved.

    Raises:
        AudioError: no WAV stream.
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
            f"the pipe holds no WAV stream ({_reason(error)}): nothing came, or another format; only WAV, and samples "
            "without a header of which you give the rate, can be heard from a pipe"
        ) from error
    with file:
        if file.subtype not in _PLAIN:
            raise AudioError(f"the pipe holds {file.subtype} samples, wanted one of {', '.join(_PLAIN)}")
        yield _sound(file, "the pipe", block_s, is_pipe=True)


def _sound(file: Any, name: str, block_s: float, *, is_pipe: bool = False) -> Sound:
    _check_header(file, name)
    blocks = _decode(file, name, max(1, round(block_s * file.samplerate)), is_pipe=is_pipe)
    return Sound(name, file.samplerate, (one_channel(block) for block in blocks))


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
    source = _readable_path(source, name) if isinstance(source, str | os.PathLike) else _seekable(source, name)
    try:
        file = soundfile.SoundFile(source)
    except TypeError as error:  # what soundfile says of a .raw file
        raise AudioError(
            f"{name} has no header that tells its rate and format: give a WAV, FLAC, OGG, MP3 or AIFF file"
        ) from error
    except soundfile.SoundFileError as error:
        of_phones = ": convert it, to FLAC for instance, with ffmpeg" if name.lower().endswith(_OF_PHONES) else ""
        raise AudioError(f"{name} is not audio that can be read: {_reason(error)}{of_phones}") from error
    # After each read soundfile seeks to where it is; an MP3 decoder then has lost what the next frame refers back to.
    file.seekable = lambda: False
    with file:
        yield file


def _readable_path(path: str | os.PathLike[str], name: str) -> Any:
    """What the decoder is to open, once that is sure to work; libsndfile would say no more than «system error»."""
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
    # As bytes a name may be anything that a POSIX file system holds; Windows opens text.
    return os.fspath(path) if os.name == "nt" else os.fsencode(path)


def _seekable(source: Any, name: str) -> IO[bytes]:
    """The file object itself, or what a pipe or a socket holds: decoders look ahead and come back."""
    if isinstance(source, io.TextIOBase) or not hasattr(source, "read"):
        raise AudioError(f"got {type(source).__name__}, wanted a path or a file object opened in binary mode")
    try:
        if not (hasattr(source, "seekable") and source.seekable()):
            source = _all_of(source, name)
        start = source.tell()
        at_end = not source.read(1)
        source.seek(start)
    except (OSError, ValueError) as error:
        raise AudioError(f"{name} cannot be read: {error}") from error
    if at_end:
        raise AudioError(f"{name} is empty" if start == 0 else f"{name} has been read to its end: seek(0) first")
    seekable: IO[bytes] = _Forgiving(source)  # type: ignore[assignment]
    return seekable


def _all_of(pipe: Any, name: str) -> IO[bytes]:
    content = io.BytesIO()
    while piece := pipe.read(1 << 20):
        content.write(piece)
        if content.tell() > _LARGEST_PIPE:
            raise AudioError(f"{name} delivers more than {_LARGEST_PIPE >> 20} MiB: give a file with a name")
    content.seek(0)
    return content


class _Forgiving:
    """A file object that stays where it is when a damaged file sends the decoder out of it; soundfile prints a traceback."""

    def __init__(self, file: IO[bytes]) -> None:
        self.read: Final = file.read
        self.tell: Final = file.tell
        self._seek: Final = file.seek

    def seek(self, offset: int, whence: int = 0) -> None:
        with suppress(OSError, ValueError):
            self._seek(offset, whence)


def _import_soundfile() -> Any:
    """The soundfile package, or where it does not work what reads WAV in its place."""
    try:
        import soundfile
    except (ImportError, OSError) as error:
        _log.debug("soundfile does not import (%s): reading WAV only", error)
        return wav
    return soundfile


def _decode(
    file: Any, name: str, block_length: int = _BLOCK_FRAMES, *, is_pipe: bool = False
) -> Iterator[NDArray[Any]]:
    """Blocks of shape (n, channels). A file that ends before its header says is answered for what is there.

    Whoever writes into a pipe does not know how long it will be: its header says nothing.
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
        _log.warning("%s ends before its header says; what is there lasts %.1f s", name, n_read / file.samplerate)


def _cut_short(header_log: str) -> bool:
    """Whether libsndfile found less sound than a WAV or AIFF header promises.

    A program that writes into a pipe cannot know the length and promises the most that fits: that is no damage.
    """
    promise = re.search(r"^ ?(?:data|SSND) : (\d+) \(should be \d+\)", header_log, re.MULTILINE)
    return promise is not None and int(promise[1]) < _LENGTH_UNKNOWN


def _reason(error: Exception) -> str:
    return str(getattr(error, "error_string", error)).removeprefix("Error : ").rstrip(".")


def _check_header(file: Any, name: str) -> None:
    check_rate(file.samplerate, name)
    if not 1 <= file.channels <= MOST_CHANNELS:  # a block of a thousand would be a quarter of a gigabyte
        raise AudioError(f"{name} has {file.channels} channels, wanted 1 to {MOST_CHANNELS}")
