"""Sources of sound for a listener: a microphone, which may be unplugged and plugged in again, a file or a pipe."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ..audio.files import Sound, describe, open_pipe, open_sound
from ..audio.files import Source as File
from ..audio.microphone import Microphone, refresh_devices
from ..errors import AudioError, MicrophoneError

Array = NDArray[np.float32]

_log = logging.getLogger(__name__)

_BLOCK_S: Final = 0.1
_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 30.0


class SourceBlock(NamedTuple):
    """A block of sound.

    Attributes:
        samples: shape (n,), mono, float32.
        sample_rate_hz: their sample rate.
        gap_s: seconds of sound lost before this block; None if it follows the previous block without a gap.
        heard_at: when the last sample was recorded, in seconds since the epoch.
    """

    samples: Array
    sample_rate_hz: int
    gap_s: float | None
    heard_at: float


class SoundSource(Protocol):
    """A source of sound for a listener."""

    @property
    def name(self) -> str:
        """The name of the source, for messages."""

    @property
    def live(self) -> bool:
        """Whether sound is lost if the program is too slow to read it."""

    @property
    def away(self) -> bool:
        """Whether the source delivers no samples at the moment because the microphone is unplugged."""

    @property
    def lost_s(self) -> float:
        """How much sound was lost because the program was too slow, in seconds."""

    def open(self) -> int:
        """Open the source and return its sample rate in Hz. Errors that a person must fix are raised here."""

    def blocks(self, stop: threading.Event) -> Iterator[SourceBlock]:
        """Yield the sound until it ends or `stop` is set."""

    def close(self) -> None:
        """Close the source. This may be called from any thread."""


class MicrophoneSource:
    """A microphone as the source of a listener.

    If the microphone is unplugged, the source searches for it by its name until it is plugged in again.

    Args:
        device: the number or part of the name of a microphone, as `emotion-edge devices` lists them; None for the
            default one.

    Examples:
        >>> from emotion_edge import Listener, MicrophoneSource
        >>> listener = Listener(source=MicrophoneSource("usb"))  # it is opened when the listener starts
        >>> listener.source.name
        'the microphone'
        >>> for event in listener.start():  # doctest: +SKIP
        ...     print(event)
    """

    live: Final = True

    def __init__(self, device: int | str | None = None) -> None:
        self._device: Final = device
        self._microphone: Microphone | None = None
        self._device_name = ""
        self.name = "the microphone"
        self.lost_s = 0.0

    def open(self) -> int:
        """Open the microphone and return its sample rate in Hz.

        Raises:
            MicrophoneError: there is no such microphone, it is in use, or PortAudio is not installed.
        """
        self._microphone = Microphone(self._device)
        self._device_name = self._microphone.device.name
        self.name = f"the microphone «{self._device_name}»"
        return self._microphone.sample_rate_hz

    @property
    def away(self) -> bool:
        """Whether the microphone is unplugged."""
        return self._microphone is None

    def blocks(self, stop: threading.Event) -> Iterator[SourceBlock]:
        """Yield sound as it is recorded, in blocks of 0.1 s or more.

        There is a gap where the program was too slow, or while the microphone was unplugged.
        """
        while self._microphone is not None:
            microphone = self._microphone
            try:
                yield from self._recorded_blocks(microphone)
            except MicrophoneError as error:
                _log.warning("%s", error)
            microphone.close()
            if stop.is_set():
                return
            yield from self._gaps_until_back(microphone.sample_rate_hz, stop)

    def close(self) -> None:
        """Close the microphone."""
        if self._microphone is not None:
            self._microphone.close()

    def _recorded_blocks(self, microphone: Microphone) -> Iterator[SourceBlock]:
        rate = microphone.sample_rate_hz
        dropped_s = 0.0
        blocks: list[Array] = []
        for block in microphone:
            blocks.append(block)
            if sum(map(len, blocks)) >= _BLOCK_S * rate:
                gap_s = microphone.dropped_s - dropped_s
                dropped_s += gap_s
                if gap_s:
                    self.lost_s += gap_s
                    _log.warning("too slow: %.1f s of sound lost, %.1f s in all", gap_s, self.lost_s)
                yield SourceBlock(np.concatenate(blocks), rate, gap_s or None, microphone.heard_at)
                blocks.clear()

    def _gaps_until_back(self, sample_rate_hz: int, stop: threading.Event) -> Iterator[SourceBlock]:
        """Yield gaps until the microphone is back or `stop` is set."""
        gone_at, yielded_s, wait_s = time.monotonic(), 0.0, _FIRST_WAIT_S
        self._microphone = None
        no_samples = np.zeros(0, np.float32)
        while not stop.is_set() and self._microphone is None:
            absent_s = time.monotonic() - gone_at
            yield SourceBlock(no_samples, sample_rate_hz, absent_s - yielded_s, time.time())
            yielded_s = absent_s
            stop.wait(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
            self._microphone = None if stop.is_set() else self._reopen(wait_s)
        if self._microphone is not None:
            absent_s = time.monotonic() - gone_at
            _log.warning("%s is back after %.1f s", self.name, absent_s)
            yield SourceBlock(no_samples, self._microphone.sample_rate_hz, absent_s - yielded_s, time.time())

    def _reopen(self, wait_s: float) -> Microphone | None:
        try:
            refresh_devices()
            return Microphone(self._device_name)
        except MicrophoneError as error:
            _log.info("%s; next attempt in %.1f s", error, wait_s)
            return None


class FileSource:
    """A recording as the source of a listener.

    Args:
        file: a path or a binary file object, in any format that libsndfile reads.
        paced: True plays it at its real speed, False as fast as it can be processed.

    Examples:
        >>> from emotion_edge import FileSource, Listener
        >>> with Listener(source=FileSource("hello.wav")) as listener:
        ...     events = list(listener)
        >>> events[0].kind, events[-1].kind
        ('enter', 'leave')
    """

    live: Final = False
    away: Final = False
    lost_s: Final = 0.0

    def __init__(self, file: File, *, paced: bool = False) -> None:
        self._file: Final = file
        self._paced: Final = paced
        self._open: Final = ExitStack()
        self._sound: Sound | None = None
        self.name: Final = describe(file)

    def open(self) -> int:
        """Open the file and return its sample rate in Hz.

        Raises:
            AudioError: the file is missing, damaged, empty or not audio.
        """
        self._sound = self._open.enter_context(open_sound(self._file, block_s=_BLOCK_S))
        return self._sound.sample_rate_hz

    def blocks(self, stop: threading.Event) -> Iterator[SourceBlock]:
        """Yield the recording in blocks of 0.1 s.

        Raises:
            AudioError: the file is damaged, or has no samples.
        """
        assert self._sound is not None, "open first"
        rate, n_read, began_at, began_wall_s = self._sound.sample_rate_hz, 0, time.monotonic(), time.time()
        for block in self._sound.blocks:
            n_read += len(block)
            if self._paced:
                stop.wait(max(0.0, began_at + n_read / rate - time.monotonic()))
            yield SourceBlock(block, rate, None, began_wall_s + n_read / rate)  # as if playback had started now
        if n_read == 0:
            raise AudioError(f"{self.name} holds no samples")

    def close(self) -> None:
        """Close the file."""
        self._open.close()


class PipeSource:
    """Sound from a pipe that another program writes, as the source of a listener. A separate thread reads the pipe.

    Args:
        pipe: a file descriptor, such as 0 for standard input.
        raw_rate_hz: None for a WAV stream; for 16-bit samples without a header: their sample rate in Hz.
        raw_channels: the number of channels of samples without a header.

    Examples:
        >>> import os, shutil, threading
        >>> from emotion_edge import Listener, PipeSource
        >>> pipe, other_end = os.pipe()
        >>> def write():  # the other program
        ...     with open("hello.wav", "rb") as wav, open(other_end, "wb") as out:
        ...         shutil.copyfileobj(wav, out)
        >>> threading.Thread(target=write).start()
        >>> with Listener(source=PipeSource(pipe)) as listener:
        ...     events = list(listener)
        >>> events[0].kind, events[-1].kind
        ('enter', 'leave')
    """

    live: Final = False
    away: Final = False
    lost_s: Final = 0.0
    name: Final = "the pipe"

    def __init__(self, pipe: int, *, raw_rate_hz: int | None = None, raw_channels: int = 1) -> None:
        self._pipe: Final = pipe
        self._raw: Final = raw_rate_hz, raw_channels
        self._open: Final = ExitStack()
        self._sound: Sound | None = None
        self._read_blocks: Final[queue.Queue[SourceBlock | Exception | None]] = queue.Queue(maxsize=20)

    def open(self) -> int:
        """Wait for the header, read it and return the sample rate in Hz.

        Raises:
            AudioError: the pipe does not carry a WAV stream.
        """
        rate, channels = self._raw
        pipe = open_pipe(self._pipe, block_s=_BLOCK_S, raw_rate_hz=rate, raw_channels=channels)
        self._sound = self._open.enter_context(pipe)
        return self._sound.sample_rate_hz

    def blocks(self, stop: threading.Event) -> Iterator[SourceBlock]:
        """Yield sound as it arrives, until the other program closes the pipe.

        Raises:
            AudioError: the data is damaged, or there are no samples.
        """
        threading.Thread(target=self._read, args=(stop,), name="pipe", daemon=True).start()
        while not stop.is_set():
            try:
                block = self._read_blocks.get(timeout=_BLOCK_S)
            except queue.Empty:
                continue
            if block is None:
                return
            if isinstance(block, Exception):
                raise block
            yield block

    def close(self) -> None:
        """Do nothing: a thread may still be reading the pipe, and the pipe belongs to the caller."""

    def _read(self, stop: threading.Event) -> None:
        assert self._sound is not None, "open first"
        last: Exception | None = None
        rate, n_read, began_wall_s = self._sound.sample_rate_hz, 0, time.time()
        try:
            for block in self._sound.blocks:
                n_read += len(block)
                # Sound that arrives faster than real time gets the times at which it would have been heard.
                self._read_blocks.put(SourceBlock(block, rate, None, max(time.time(), began_wall_s + n_read / rate)))
                if stop.is_set():
                    return
            if n_read == 0:
                last = AudioError("the pipe holds no samples")
        except AudioError as error:
            last = error
        self._read_blocks.put(last)
