"""Reads a microphone as mono float32 blocks at the device's own sample rate.

Most microphones for a Raspberry Pi refuse 16 kHz, so the device's own rate is used, and code that needs another rate
resamples. The audio callback only copies into a bounded queue: when the program is too slow, the oldest sound is
dropped and counted.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import MicrophoneError

Array = NDArray[np.float32]

_BLOCK_S: Final = 0.1  # callbacks for 20 ms each would need three times the CPU time
_STALLED_S: Final = 2.0  # a working device delivers ten blocks per second
_OTHER_RATES_HZ: Final = (48000, 44100, 16000)


@dataclass(frozen=True)
class Device:
    """An input device.

    Attributes:
        number: its current number in PortAudio. It may change with each boot, and when devices are plugged in or out.
        name: its name in PortAudio. Parts of it stay the same after a reboot.
        channels: the number of input channels.
        sample_rate_hz: its default sample rate.
        default: whether it is the default input device.
    """

    number: int
    name: str
    channels: int
    sample_rate_hz: int
    default: bool


def devices() -> list[Device]:
    """Return the input devices that PortAudio sees, sorted by number.

    Raises:
        MicrophoneError: PortAudio is not installed.
    """
    sounddevice = _import_sounddevice()
    default = sounddevice.default.device[0]
    return [
        Device(
            number, entry["name"], entry["max_input_channels"], round(entry["default_samplerate"]), number == default
        )
        for number, entry in enumerate(sounddevice.query_devices())
        if entry["max_input_channels"] > 0
    ]


def find_device(wanted: int | str | None = None) -> Device:
    """Find an input device.

    Args:
        wanted: its number, or a part of its name in upper or lower case; None for the default device.

    Raises:
        MicrophoneError: no device matches, or several do; the message lists them.
    """
    present = devices()
    if not present:
        raise MicrophoneError(
            "no microphone: no input device is connected, or this user is not allowed to use it (group audio)"
        )
    if wanted is None:
        return next((device for device in present if device.default), present[0])
    if isinstance(wanted, int) or wanted.isdecimal():
        found = [device for device in present if device.number == int(wanted)]
    else:
        found = [device for device in present if wanted.casefold() in device.name.casefold()]
        found = [device for device in found if device.name == wanted] or found
    if len(found) != 1:
        verdict = "several input devices match" if found else "no input device matches"
        known = ", ".join(f"{device.number} «{device.name}»" for device in found or present)
        raise MicrophoneError(f"{verdict} {wanted!r}: choose one of {known}")
    return found[0]


def refresh_devices() -> None:
    """Restart PortAudio so that it looks for devices again; it does this only when it starts.

    This ends all other sounddevice streams of this process.

    Raises:
        MicrophoneError: PortAudio is not installed, or does not start again.
    """
    sounddevice = _import_sounddevice()
    try:
        sounddevice._terminate()  # there is no public name for this
        sounddevice._initialize()
    except sounddevice.PortAudioError as error:
        raise MicrophoneError(f"PortAudio cannot be started again: {error}") from error


class Microphone:
    """An open microphone. Iterating yields mono blocks of shape (n,), float32, until it is closed.

    Attributes:
        device: the device.
        sample_rate_hz: the sample rate of the blocks.
        heard_at: when the last yielded block arrived, in seconds since the epoch.

    Args:
        device: number, part of the name, or None for the default device.
        buffer_s: how many seconds the program may fall behind before the oldest sound is dropped.

    Raises:
        MicrophoneError: there is no such device, another program uses it, or PortAudio is not installed.
            While iterating: the device no longer delivers sound.
    """

    def __init__(self, device: int | str | None = None, *, buffer_s: float = 5.0) -> None:
        self.device: Final = find_device(device)
        self._blocks: deque[tuple[Array, float]] = deque(maxlen=max(1, round(buffer_s / _BLOCK_S)))
        self._arrived = threading.Event()
        self._closed = threading.Event()
        self._ended = False
        self.heard_at = time.time()
        self._dropped_frames = 0
        self._stream = self._open(_import_sounddevice())
        self.sample_rate_hz: Final[int] = round(self._stream.samplerate)

    @property
    def dropped_s(self) -> float:
        """The seconds of sound that were dropped because the program was too slow."""
        return self._dropped_frames / self.sample_rate_hz

    def __iter__(self) -> Iterator[Array]:
        while not self._closed.is_set():
            if self._blocks:
                block, self.heard_at = self._blocks.popleft()
                yield block.mean(axis=1)
            elif not self._ended and self._arrived.wait(_STALLED_S):
                self._arrived.clear()
            elif not self._closed.is_set():
                raise MicrophoneError(f"the microphone «{self.device.name}» no longer delivers sound: is it unplugged?")

    def close(self) -> None:
        """Close the device, from any thread. A running iteration ends."""
        self._closed.set()
        self._arrived.set()
        self._stream.close(ignore_errors=True)

    def __enter__(self) -> Microphone:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self, sounddevice: Any) -> Any:
        """Start a stream: mono if possible, otherwise with all channels; at the device's own rate if possible."""
        device = self.device
        reason = ""
        for rate in dict.fromkeys((device.sample_rate_hz, *_OTHER_RATES_HZ)):
            for channels in dict.fromkeys((1, device.channels)):
                try:
                    stream = sounddevice.InputStream(
                        samplerate=rate,
                        blocksize=round(rate * _BLOCK_S),
                        device=device.number,
                        channels=channels,
                        dtype="float32",
                        callback=self._receive,
                        finished_callback=self._finish,
                    )
                    stream.start()
                except sounddevice.PortAudioError as error:
                    reason = str(error.args[0] if error.args else error)
                else:
                    return stream
        raise MicrophoneError(
            f"the microphone «{device.name}» cannot be opened ({reason}): "
            "is another program using it, or is it unplugged?"
        )

    def _receive(self, samples: Array, n_frames: int, times: Any, status: Any) -> None:
        if len(self._blocks) == self._blocks.maxlen:  # appending drops the oldest
            self._dropped_frames += n_frames
        self._blocks.append((samples.copy(), time.time()))
        self._arrived.set()

    def _finish(self) -> None:
        self._ended = True
        self._arrived.set()


def _import_sounddevice() -> Any:
    try:
        import sounddevice
    except OSError as error:  # the package is installed, the library is not
        raise MicrophoneError("PortAudio is not installed: sudo apt install libportaudio2") from error
    except ImportError as error:
        raise MicrophoneError(
            f"a microphone needs the sounddevice package ({error}): pip install sounddevice"
        ) from error
    return sounddevice
