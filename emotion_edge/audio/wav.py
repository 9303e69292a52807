"""WAV without libsndfile. All WAV files are written here, and read here if soundfile is missing, as on 32-bit ARM.

The reader has the part of soundfile's API that `emotion_edge.audio.files` uses. The standard library's `wave` is not
enough: it does not support float samples, supports extensible headers only since Python 3.12, and needs to know the
length of a stream.
"""

from __future__ import annotations

import struct
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import AudioError
from ..files import replacing

Array = NDArray[np.float32]

_PCM: Final = 1
_FLOAT: Final = 3
_EXTENSIBLE: Final = 0xFFFE  # the actual format then follows later in the header
_FORMAT: Final = struct.Struct("<HHIIHH")
_EXTENSIBLE_TAG_AT: Final = 24
_LONGEST_FORMAT: Final = 1 << 16
_LENGTH_UNKNOWN: Final = 0x7FFFF000  # a header with this length or more does not know the length
_READ_SIZE: Final = 1 << 16


class SoundFileError(Exception):
    """The file is not a WAV file, or its samples are neither PCM nor float."""


class SoundFile:
    """An open WAV file. It is read from front to back, so it may be a pipe.

    Args:
        file: a path, a file descriptor or a binary file object.
        samplerate, channels: the format of 16-bit little-endian samples without a header, if `format` is `RAW`.
        format: `RAW` for samples without a header; None for a WAV file.
        subtype, endian: ignored; they exist for compatibility with soundfile.
        closefd: whether a file descriptor is closed at the end.

    Attributes:
        samplerate: the sample rate in Hz.
        channels: the number of channels.
        subtype: the type of the samples in soundfile's words, for example `PCM_16`.
        frames: the number of frames according to the header; 0 if unknown.
        extra_info: always empty.

    Raises:
        SoundFileError: the file is not a WAV file that can be read.
    """

    extra_info: Final = ""

    def __init__(
        self,
        file: Any,
        *,
        samplerate: int = 0,
        channels: int = 1,
        format: str | None = None,
        subtype: str | None = None,
        endian: str | None = None,
        closefd: bool = True,
    ) -> None:
        self._ours: Final = not hasattr(file, "read")
        # Closed in __exit__.
        self._file: Final[IO[bytes]] = open(file, "rb", closefd=closefd) if self._ours else file  # noqa: SIM115
        try:
            if format == "RAW":
                self.samplerate, self.channels, self._width = samplerate, channels, 2
                self.subtype, self._decode = _DECODERS[_PCM, 2]
                n_bytes = _LENGTH_UNKNOWN
            else:
                n_bytes = self._read_header()
        except BaseException:
            self.__exit__()
            raise
        known = n_bytes < _LENGTH_UNKNOWN
        self._n_left: int | None = n_bytes if known else None
        self.frames: Final = n_bytes // self._frame_size if known else 0

    def read(self, frames: int, dtype: str = "float32", always_2d: bool = True) -> Array:
        """Read the next frames, shape (n, channels), float32 in -1..1: fewer at the end, then none."""
        wanted = frames * self._frame_size
        content = self._read(wanted if self._n_left is None else min(wanted, self._n_left))
        if self._n_left is not None:
            self._n_left -= len(content)
        whole = len(content) // self._frame_size * self._frame_size
        return self._decode(content[:whole]).reshape(-1, self.channels)

    def __enter__(self) -> SoundFile:
        return self

    def __exit__(self, *_: object) -> None:
        if self._ours:
            self._file.close()

    @property
    def _frame_size(self) -> int:
        return self._width * self.channels

    def _read_header(self) -> int:
        """Read up to the first sample and return the number of bytes of samples according to the header."""
        start = self._read(12)
        if start[:4] != b"RIFF" or start[8:] != b"WAVE":
            raise SoundFileError(f"it is not a WAV file, and {_NEEDED}")
        described = False
        while len(start := self._read(8)) == 8:
            name, size = struct.unpack("<4sI", start)
            if name == b"data":
                if not described:
                    raise SoundFileError("its samples come before their format")
                return int(size)
            if name == b"fmt ":
                self._read_format(size)
                described = True
                size = 0
            self._skip(size + size % 2)
        raise SoundFileError("it ends before its first sample")

    def _read_format(self, size: int) -> None:
        content = self._read(size + size % 2) if size <= _LONGEST_FORMAT else b""
        if len(content) < max(size, _FORMAT.size):
            raise SoundFileError("its header is damaged")
        tag, self.channels, self.samplerate, _, frame_size, n_bits = _FORMAT.unpack_from(content)
        if tag == _EXTENSIBLE and size >= _EXTENSIBLE_TAG_AT + 2:
            (tag,) = struct.unpack_from("<H", content, _EXTENSIBLE_TAG_AT)
        if not self.channels or not frame_size or frame_size % self.channels:
            raise SoundFileError("its header is damaged")
        self._width = frame_size // self.channels
        if (tag, self._width) not in _DECODERS:
            raise SoundFileError(f"its samples have WAV format {tag} at {n_bits} bits, and {_NEEDED}")
        self.subtype, self._decode = _DECODERS[tag, self._width]

    def _read(self, size: int) -> bytes:
        """Read this many bytes, fewer only at the end. A single read from a pipe may return less."""
        chunks, missing = [], size
        while missing and (chunk := self._file.read(min(missing, _READ_SIZE))):
            chunks.append(chunk)
            missing -= len(chunk)
        return b"".join(chunks)

    def _skip(self, size: int) -> None:
        while size and (chunk := self._file.read(min(size, _READ_SIZE))):
            size -= len(chunk)


_NEEDED: Final = (
    "without soundfile and libsndfile only WAV of PCM or float samples can be read: pip install soundfile, "
    "and on Debian or Raspberry Pi OS: sudo apt install libsndfile1"
)


def _from_uint8(content: bytes) -> Array:
    return (np.frombuffer(content, np.uint8).astype(np.float32) - 128) * np.float32(2.0**-7)


def _from_int16(content: bytes) -> Array:
    return np.frombuffer(content, "<i2").astype(np.float32) * np.float32(2.0**-15)


def _from_int24(content: bytes) -> Array:
    wide = np.zeros((len(content) // 3, 4), np.uint8)
    wide[:, 1:] = np.frombuffer(content, np.uint8).reshape(-1, 3)
    return _from_int32(wide.tobytes())


def _from_int32(content: bytes) -> Array:
    return np.frombuffer(content, "<i4").astype(np.float32) * np.float32(2.0**-31)


def _from_float64(content: bytes) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):  # overflows become infinite, which the caller reports
        return np.frombuffer(content, "<f8").astype(np.float32)


_DECODERS: Final[dict[tuple[int, int], tuple[str, Callable[[bytes], Array]]]] = {
    (_PCM, 1): ("PCM_U8", _from_uint8),
    (_PCM, 2): ("PCM_16", _from_int16),
    (_PCM, 3): ("PCM_24", _from_int24),
    (_PCM, 4): ("PCM_32", _from_int32),
    (_FLOAT, 4): ("FLOAT", lambda content: np.frombuffer(content, "<f4").astype(np.float32)),
    (_FLOAT, 8): ("DOUBLE", _from_float64),
}
"""WAV format and bytes per sample to soundfile's name, and the function that decodes to float32 in -1..1."""


class WavWriter:
    """A new mono 16-bit WAV file.

    Args:
        path: the path of the file; an existing file is replaced.
        sample_rate_hz: the sample rate.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(self, path: Path, sample_rate_hz: int) -> None:
        self._file: Final = path.open("wb")
        self._wave: Final = wave.open(self._file, "wb")  # noqa: SIM115, see __exit__
        self._wave.setparams((1, 2, sample_rate_hz, 0, "NONE", ""))

    def write(self, samples: Array) -> None:
        """Append samples, shape (n,), in -1..1; louder samples are clipped."""
        self._wave.writeframesraw(np.clip(np.rint(samples * 32768), -32768, 32767).astype("<i2").tobytes())

    def __enter__(self) -> WavWriter:
        return self

    def __exit__(self, *_: object) -> None:
        with self._file:
            self._wave.close()


@contextmanager
def replacing_audio(path: Path, sample_rate_hz: int) -> Iterator[WavWriter]:
    """Yield an open mono 16-bit WAV file that replaces `path` when the block succeeds and is deleted otherwise.

    Raises:
        AudioError: the file cannot be written there.
    """
    try:
        with replacing(path) as temporary, WavWriter(temporary, sample_rate_hz) as file:
            yield file
    except OSError as error:
        raise AudioError(f"{path} cannot be written: {error.strerror or error}") from error
