"""Where a listener's sound comes from: a microphone that may go and come back, a file, or a pipe."""

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

_PIECE_S: Final = 0.1
_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 30.0


class SourceBlock(NamedTuple):
    """A piece of sound.

    Attributes:
        samples: shape (n,), mono, float32.
        sample_rate_hz: their rate.
        gap_s: seconds that were lost before them; None where they follow on what came before.
        heard_at: when the last of them was heard, in seconds since the epoch.
    """

    samples: Array
    sample_rate_hz: int
    gap_s: float | None
    heard_at: float


class SoundSource(Protocol):
    """What a listener hears."""

    @property
    def name(self) -> str:
        """For messages."""

    @property
    def live(self) -> bool:
        """Whether sound is lost by who does not keep up with it."""

    @property
    def away(self) -> bool:
        """Whether there is nothing to hear just now, as the microphone is unplugged."""

    @property
    def lost_s(self) -> float:
        """How much was, in seconds."""

    def open(self) -> int:
        """Begin; the sample rate in Hz. Errors that a person has to mend are raised here."""

    def blocks(self, stop: threading.Event) -> Iterator[SourceBlock]:
        """The sound, until it ends or `stop` is set."""

    def close(self) -> None:
        """Let go of it; from any thread."""


class MicrophoneSource:
    """A microphone. One that is unplugged is looked for again by its name, for as long as it takes.

    Args:
        device: number, part of the name, or None for the default one.
    """

    live: Final = True

    def __init__(self, device: int | str | None = None) -> None:
        self._device: Final = device
        self._microphone: Microphone | None = None
        self._device_name = ""
        self.name = "the microphone"
        self.lost_s = 0.0

    def open(self) -> int:
        """Open the device.

        Raises:
            MicrophoneError: there is none such, it is in use, or PortAudio is not installed.
        """
        self._microphone = Microphone(self._device)
        self._device_name = self._microphone.device.name
        self.name = f"the microphone «{self._device_name}»"
        return self._microphone.sample_rate_hz

    @property
    def away(self) -> bool:
        """Whether it is unplugged."""
        return self._microphone is None

    def blocks(self, stop: threading.Event) -> Iterator[SourceBlock]:
        """Sound as it comes, in pieces of 0.1 s or more; a gap where the program was too slow, or there was no device."""
        while self._microphone is not None:
            microphone = self._microphone
            try:
                yield from self._delivered(microphone)
            except MicrophoneError as error:
                _log.warning("%s", error)
            microphone.close()
            if stop.is_set():
                return
            yield from self._absence(microphone.sample_rate_hz, stop)

    def close(self) -> None:
        """Close the device."""
        if self._microphone is not None:
            self._microphone.close()

    def _delivered(self, microphone: Microphone) -> Iterator[SourceBlock]:
        rate = microphone.sample_rate_hz
        dropped_s = 0.0
        blocks: list[Array] = []
        for block in microphone:
            blocks.append(block)
            if sum(map(len, blocks)) >= _PIECE_S * rate:
                gap_s = microphone.dropped_s - dropped_s
                dropped_s += gap_s
                if gap_s:
                    self.lost_s += gap_s
                    _log.warning("too slow: %.1f s of sound lost, %.1f s in all", gap_s, self.lost_s)
                yield SourceBlock(np.concatenate(blocks), rate, gap_s or None, microphone.heard_at)
                blocks.clear()

    def _absence(self, sample_rate_hz: int, stop: threading.Event) -> Iterator[SourceBlock]:
        """Gaps, until the device is back or `stop` is set."""
        gone_at, told_s, wait_s = time.monotonic(), 0.0, _FIRST_WAIT_S
        self._microphone = None
        nothing = np.zeros(0, np.float32)
        while not stop.is_set() and self._microphone is None:
            absent_s = time.monotonic() - gone_at
            yield SourceBlock(nothing, sample_rate_hz, absent_s - told_s, time.time())
            told_s = absent_s
            stop.wait(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
            self._microphone = None if stop.is_set() else self._found_again(wait_s)
        if self._microphone is not None:
            absent_s = time.monotonic() - gone_at
            _log.warning("%s is back after %.1f s", self.name, absent_s)
            yield SourceBlock(nothing, self._microphone.sample_rate_hz, absent_s - told_s, time.time())

    def _found_again(self, wait_s: float) -> Microphone | None:
        try:
            refresh_devices()
            return Microphone(self._device_name)
        except MicrophoneError as error:
            _log.info("%s; next try in %.1f s", error, wait_s)
            return None


class FileSource:
    """A recording, as fast as it can be read, or paced as it was heard.

    Args:
        file: a path or a binary file object; any format that libsndfile reads.
        paced: as it was heard.
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
        """Open the file.

        Raises:
            AudioError: it is missing, damaged, empty or not audio.
        """
        self._sound = self._open.enter_context(open_sound(self._file, block_s=_PIECE_S))
        return self._sound.sample_rate_hz

    def blocks(self, stop: threading.Event) -> Iterator[SourceBlock]:
        """The recording in pieces of 0.1 s.

        Raises:
            AudioError: it is damaged, or holds no samples.
        """
        assert self._sound is not None, "open first"
        rate, n_heard, began_at, began_wall_s = self._sound.sample_rate_hz, 0, time.monotonic(), time.time()
        for block in self._sound.blocks:
            n_heard += len(block)
            if self._paced:
                stop.wait(max(0.0, began_at + n_heard / rate - time.monotonic()))
            yield SourceBlock(block, rate, None, began_wall_s + n_heard / rate)  # as if it were played from now on
        if n_heard == 0:
            raise AudioError(f"{self.name} holds no samples")

    def close(self) -> None:
        """Close the file."""
        self._open.close()


class PipeSource:
    """Sound that another program writes into a pipe. Reading waits for nobody: a thread of its own does it.

    Args:
        pipe: a file descriptor.
        raw_rate_hz: None for a WAV stream; else the rate of 16-bit samples without a header.
        raw_channels: how many channels those have.
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
        self._heard: Final[queue.Queue[SourceBlock | Exception | None]] = queue.Queue(maxsize=20)

    def open(self) -> int:
        """Read the header, once it comes.

        Raises:
            AudioError: no WAV stream.
        """
        rate, channels = self._raw
        pipe = open_pipe(self._pipe, block_s=_PIECE_S, raw_rate_hz=rate, raw_channels=channels)
        self._sound = self._open.enter_context(pipe)
        return self._sound.sample_rate_hz

    def blocks(self, stop: threading.Event) -> Iterator[SourceBlock]:
        """Sound as it comes, until the other program closes the pipe.

        Raises:
            AudioError: what comes is no sound, or there is none of it.
        """
        threading.Thread(target=self._read, args=(stop,), name="pipe", daemon=True).start()
        while not stop.is_set():
            try:
                heard = self._heard.get(timeout=_PIECE_S)
            except queue.Empty:
                continue
            if heard is None:
                return
            if isinstance(heard, Exception):
                raise heard
            yield heard

    def close(self) -> None:
        """Nothing: a thread may still be waiting for the other program, and the pipe is not ours."""

    def _read(self, stop: threading.Event) -> None:
        assert self._sound is not None, "open first"
        last: Exception | None = None
        rate, n_heard, began_wall_s = self._sound.sample_rate_hz, 0, time.time()
        try:
            for block in self._sound.blocks:
                n_heard += len(block)
                # What comes faster than life gets the times that it would have had.
                self._heard.put(SourceBlock(block, rate, None, max(time.time(), began_wall_s + n_heard / rate)))
                if stop.is_set():
                    return
            if n_heard == 0:
                last = AudioError("the pipe holds no samples")
        except AudioError as error:
            last = error
        self._heard.put(last)
