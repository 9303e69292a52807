"""The microphone with a fake PortAudio: its settings, and failures of the program or the device."""

from __future__ import annotations

import sys
import threading
import time
import types
from typing import Any

import numpy as np
import pytest

from emotion_edge import MicrophoneError
from emotion_edge.audio import microphone
from emotion_edge.audio.microphone import Microphone, devices, find_device, refresh_devices
from emotion_edge.cli.main import main

INPUTS = [
    ("HDMI", 0, 48000.0),
    ("USB PnP Sound Device: Audio (hw:1,0)", 1, 44100.0),
    ("seeed-2mic-voicecard (hw:2,0)", 2, 48000.0),
    ("default", 32, 44100.0),
]


class PortAudioError(Exception):
    """The error class of sounddevice."""


class FakeStream:
    """Accepts the rates and channel counts of its class, and delivers the samples of the test."""

    accepts = staticmethod(lambda rate, channels: True)
    last = None

    def __init__(self, *, samplerate, blocksize, device, channels, dtype, callback, finished_callback):
        if not self.accepts(samplerate, channels):
            raise PortAudioError("Invalid sample rate [PaErrorCode -9997]")
        assert dtype == "float32"
        self.samplerate, self.blocksize, self.device, self.channels = samplerate, blocksize, device, channels
        self.callback, self.finish = callback, finished_callback
        self.closed = False
        FakeStream.last = self

    def start(self):
        """Start nothing: the test delivers the samples."""

    def close(self, ignore_errors=True):
        self.closed = True

    def deliver(self, *values):
        for value in values:
            self.callback(np.full((self.blocksize, self.channels), value, np.float32), self.blocksize, None, None)


@pytest.fixture(autouse=True)
def portaudio(monkeypatch):
    """A fake sounddevice with four devices, three of them inputs."""
    module: Any = types.ModuleType("sounddevice")
    entries = [
        {"name": name, "max_input_channels": channels, "default_samplerate": rate} for name, channels, rate in INPUTS
    ]
    module.query_devices = lambda: entries
    module.default = types.SimpleNamespace(device=[3, 3])
    module.InputStream, module.PortAudioError = FakeStream, PortAudioError
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    monkeypatch.setattr(FakeStream, "accepts", staticmethod(lambda rate, channels: True))
    return module


def test_only_inputs_are_listed():
    assert [(device.number, device.channels, device.sample_rate_hz) for device in devices()] == [
        (1, 1, 44100),
        (2, 2, 48000),
        (3, 32, 44100),
    ]
    assert [device.default for device in devices()] == [False, False, True]


@pytest.mark.parametrize(
    ("wanted", "number"), [(None, 3), (1, 1), ("2", 2), ("usb pnp", 1), ("2MIC", 2), ("default", 3)]
)
def test_a_device_by_number_or_part_of_its_name(wanted, number):
    assert find_device(wanted).number == number


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("hw:", "several input devices match 'hw:': choose one of 1 «USB.*, 2 «seeed"),
        ("webcam", "no input device matches 'webcam': choose one of 1 «USB.*, 3 «default»"),
        (0, "no input device matches 0"),
        ("", "several input devices"),
    ],
)
def test_a_device_that_does_not_exist_or_is_ambiguous(wanted, message):
    with pytest.raises(MicrophoneError, match=message):
        find_device(wanted)


def test_no_device_at_all(portaudio):
    portaudio.query_devices = list
    assert devices() == []
    with pytest.raises(MicrophoneError, match="no microphone"):
        find_device()


def test_the_devices_own_rate_in_blocks_of_a_tenth_of_a_second():
    with Microphone("usb") as opened:
        stream = FakeStream.last
        assert (stream.device, stream.samplerate, stream.channels, stream.blocksize) == (1, 44100, 1, 4410)
        assert opened.sample_rate_hz == 44100
    assert stream.closed


def test_a_device_that_refuses_mono_and_its_own_rate(monkeypatch):
    monkeypatch.setattr(FakeStream, "accepts", staticmethod(lambda rate, channels: (rate, channels) == (16000, 2)))
    with Microphone("seeed") as opened:
        assert (FakeStream.last.samplerate, FakeStream.last.channels) == (16000, 2)
        FakeStream.last.deliver(0.5)
        block = next(iter(opened))
        assert (block.shape, block.dtype) == ((1600,), np.float32)


def test_a_device_in_use(monkeypatch):
    monkeypatch.setattr(FakeStream, "accepts", staticmethod(lambda rate, channels: False))
    with pytest.raises(MicrophoneError, match=r"«USB PnP.* cannot be opened \(Invalid sample rate.*another program"):
        Microphone("usb")


def test_blocks_come_in_order_and_channels_are_averaged():
    with Microphone("seeed", buffer_s=1) as opened:
        FakeStream.last.channels = 2
        FakeStream.last.callback(np.tile(np.array([[0.0, 1.0]], np.float32), (960, 1)), 960, None, None)
        FakeStream.last.deliver(0.25)
        blocks = iter(opened)
        assert [float(next(blocks)[0]) for _ in range(2)] == [0.5, 0.25]
        assert opened.dropped_s == 0


def test_when_the_program_is_slow_the_oldest_sound_is_dropped_and_counted():
    with Microphone("usb", buffer_s=0.5) as opened:
        FakeStream.last.deliver(*range(8))
        blocks = iter(opened)
        assert [float(next(blocks)[0]) for _ in range(5)] == [3, 4, 5, 6, 7]
        assert opened.dropped_s == pytest.approx(0.3)


def test_an_unplugged_device_delivers_its_last_blocks_and_then_raises():
    with Microphone("usb") as opened:
        FakeStream.last.deliver(1)
        FakeStream.last.finish()
        blocks = iter(opened)
        assert next(blocks)[0] == 1
        with pytest.raises(MicrophoneError, match=r"«USB PnP.*no longer delivers sound: is it unplugged"):
            next(blocks)


def test_a_device_that_stalls(monkeypatch):
    monkeypatch.setattr(microphone, "_STALLED_S", 0.05)
    with Microphone("usb") as opened, pytest.raises(MicrophoneError, match="no longer delivers sound"):
        next(iter(opened))


def test_closing_from_another_thread_ends_the_iteration():
    with Microphone("usb") as opened:
        FakeStream.last.deliver(1)
        threading.Timer(0.1, opened.close).start()
        assert len(list(opened)) == 1


def test_each_block_has_the_time_of_its_arrival():
    with Microphone("usb") as opened:
        before = time.time()
        FakeStream.last.deliver(1)
        after = time.time()
        time.sleep(0.02)
        next(iter(opened))
        assert before <= opened.heard_at <= after


def test_refresh_looks_for_devices_again(portaudio):
    calls = []
    portaudio._terminate, portaudio._initialize = (lambda: calls.append("end")), (lambda: calls.append("start"))
    refresh_devices()
    assert calls == ["end", "start"]

    def fail():
        raise PortAudioError("no host API")

    portaudio._initialize = fail
    with pytest.raises(MicrophoneError, match="PortAudio cannot be started again: no host API"):
        refresh_devices()


def test_portaudio_or_sounddevice_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(MicrophoneError, match="pip install sounddevice"):
        devices()

    class WithoutLibrary:
        def find_spec(self, name, path=None, target=None):
            if name == "sounddevice":
                raise OSError("PortAudio library not found")

    monkeypatch.delitem(sys.modules, "sounddevice")
    monkeypatch.setattr(sys, "meta_path", [WithoutLibrary(), *sys.meta_path])
    with pytest.raises(MicrophoneError, match="sudo apt install libportaudio2"):
        devices()


def test_the_devices_command(capsys):
    assert main(["devices"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "   1  USB PnP Sound Device: Audio (hw:1,0)  (1 channels, 44100 Hz)",
        "   2  seeed-2mic-voicecard (hw:2,0)  (2 channels, 48000 Hz)",
        "*  3  default  (32 channels, 44100 Hz)",
    ]
    assert main(["devices", "--json"]) == 0
    assert capsys.readouterr().out.count('"sample_rate_hz": 48000') == 1


def test_the_devices_command_without_devices(portaudio, capsys):
    portaudio.query_devices = list
    assert main(["devices"]) == 1
    assert "no input device is connected" in capsys.readouterr().err


@pytest.mark.parametrize(("value", "remark"), [(0.0, "the clip is silent"), (1.0, "the sound is clipped"), (0.5, None)])
def test_the_record_command_warns_about_bad_recordings(tmp_path, capsys, monkeypatch, value, remark):
    monkeypatch.setattr(FakeStream, "start", lambda self: self.deliver(*[value] * 50))
    path = tmp_path / "clip.wav"
    assert main(["record", str(path), "--seconds", "0.5", "--device", "usb"]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith(f"{path}  (0.5 s, peak ")
    assert "recording 0.5 s from «USB PnP" in printed.err
    assert (remark in printed.err) if remark else printed.err.count("\n") == 1
    import soundfile

    samples, rate = soundfile.read(path)
    assert (len(samples), rate) == (22050, 44100)
    np.testing.assert_allclose(samples, value, atol=2**-14)
    assert [entry.name for entry in tmp_path.iterdir()] == ["clip.wav"]
    assert main(["record", str(path), "--seconds", "0.5", "--device", "usb"]) == 1
    assert "already exists" in capsys.readouterr().err


def test_ctrl_c_ends_a_recording_early(tmp_path, capsys, monkeypatch):
    path = tmp_path / "clip.wav"
    blocks = Microphone.__iter__

    def interrupted(self):
        for number, block in enumerate(blocks(self), start=1):
            yield block
            if number == 2:
                raise KeyboardInterrupt

    monkeypatch.setattr(Microphone, "__iter__", interrupted)
    monkeypatch.setattr(FakeStream, "start", lambda self: self.deliver(0.5, 0.5, 0.5))
    assert main(["record", str(path), "--seconds", "30", "--device", "usb"]) == 0
    assert capsys.readouterr().out.startswith(f"{path}  (0.2 s, peak ")


def test_an_unplugged_microphone_leaves_no_recording(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(FakeStream, "start", lambda self: (self.deliver(0.5), self.finish()))
    assert main(["record", str(tmp_path / "clip.wav"), "--device", "usb"]) == 1
    assert "is it unplugged" in capsys.readouterr().err
    assert main(["record", str(tmp_path / "nowhere" / "clip.wav"), "--seconds", "0.1", "--device", "usb"]) == 1
    assert list(tmp_path.iterdir()) == []
