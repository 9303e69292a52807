"""Files, pipes and microphones as sources of a listener."""

from __future__ import annotations

import os
import threading
import time

import numpy as np
import pytest
from sounds import tone, voice, write

from emotion_edge import AudioError, MicrophoneError
from emotion_edge.live import sources
from emotion_edge.live.sources import FileSource, MicrophoneSource, PipeSource

SOUND = voice(1, rate=16000, seconds=1.03)


def read_all(source, stop=None):
    rate = source.open()
    blocks = list(source.blocks(stop or threading.Event()))
    source.close()
    assert all(block.sample_rate_hz == rate for block in blocks)
    return rate, np.concatenate([block.samples for block in blocks])


def test_a_file(tmp_path):
    path = write(tmp_path / "voice.wav", np.stack([SOUND, -0.5 * SOUND], axis=1), 16000, subtype="FLOAT")
    rate, samples = read_all(FileSource(path))
    assert rate == 16000
    np.testing.assert_allclose(samples, SOUND / 4, atol=1e-6)
    with path.open("rb") as file:
        np.testing.assert_array_equal(read_all(FileSource(file))[1], samples)


def test_blocks_of_a_file_get_times_as_if_it_were_played(tmp_path):
    source = FileSource(write(tmp_path / "voice.wav", SOUND, 16000))
    source.open()
    times = [block.heard_at for block in source.blocks(threading.Event())]
    np.testing.assert_allclose(np.diff(times)[:-1], 0.1, atol=1e-5)
    assert abs(times[0] - 0.1 - time.time()) < 30


def test_a_paced_file_is_read_at_its_real_speed(tmp_path):
    path = write(tmp_path / "voice.wav", SOUND[:8000], 16000)
    began_at = time.monotonic()
    read_all(FileSource(path, paced=True))
    assert time.monotonic() - began_at >= 0.5


def test_a_stopped_paced_file_does_not_wait(tmp_path):
    source = FileSource(write(tmp_path / "tone.wav", tone(300, rate=16000, seconds=600), 16000), paced=True)
    stop = threading.Event()
    source.open()
    blocks = source.blocks(stop)
    next(blocks)
    stop.set()
    began_at = time.monotonic()
    next(blocks)
    assert time.monotonic() - began_at < 60


def test_missing_and_empty_files(tmp_path):
    with pytest.raises(AudioError, match="no such file"):
        FileSource(tmp_path / "missing.wav").open()
    with pytest.raises(AudioError, match="holds no samples"):
        read_all(FileSource(write(tmp_path / "empty.wav", SOUND[:0], 16000)))


def piped(data, **options):
    """A source that reads data from a pipe, which a thread writes in small parts."""
    out, into = os.pipe()

    def feed():
        with os.fdopen(into, "wb") as file:
            for at in range(0, len(data), 3001):
                file.write(data[at : at + 3001])

    threading.Thread(target=feed, daemon=True).start()
    return PipeSource(out, **options)


def test_a_wav_stream_of_unknown_length(tmp_path, caplog):
    path = write(tmp_path / "voice.wav", SOUND, 16000, subtype="PCM_16")
    data = bytearray(path.read_bytes())
    rate, samples = read_all(piped(bytes(data)))
    assert rate == 16000
    np.testing.assert_allclose(samples, SOUND, atol=2**-14)
    start = data.index(b"data") + 4
    data[4:8], data[start : start + 4] = b"\xff\xff\xff\x7f", b"\xdb\xff\xff\x7f"  # as arecord writes
    np.testing.assert_array_equal(read_all(piped(bytes(data)))[1], samples)
    assert caplog.messages == []


def test_raw_samples():
    integers = (SOUND * 32767).astype("<i2")
    rate, samples = read_all(piped(integers.tobytes(), raw_rate_hz=8000))
    assert rate == 8000
    np.testing.assert_allclose(samples, SOUND, atol=2**-14)
    both = np.stack([integers, integers], axis=1)
    np.testing.assert_array_equal(read_all(piped(both.tobytes(), raw_rate_hz=8000, raw_channels=2))[1], samples)


def test_a_pipe_without_a_header():
    with pytest.raises(AudioError, match=r"does not contain a WAV stream .* samples without a header"):
        piped(b"\x01\x02" * 5000).open()
    with pytest.raises(AudioError, match=r"does not contain a WAV stream .* it is empty"):
        piped(b"").open()
    with pytest.raises(AudioError, match="the pipe holds no samples"):
        read_all(piped(b"", raw_rate_hz=8000))


def test_a_pipe_without_new_data_can_be_stopped():
    out, into = os.pipe()
    os.write(into, bytes(64000))
    source, stop = PipeSource(out, raw_rate_hz=16000), threading.Event()
    source.open()
    threading.Timer(0.3, stop.set).start()
    list(source.blocks(stop))
    os.close(into)


class Fake:
    """A microphone that plays a script of arrays of samples, seconds of dropped sound, and errors."""

    def __init__(self, script, rate=8000):
        self.script, self.sample_rate_hz = list(script), rate
        self.device = type("Device", (), {"name": "USB thing"})
        self.heard_at, self.dropped_s, self.closed = 0.0, 0.0, False

    def __iter__(self):
        for step in self.script:
            if isinstance(step, Exception):
                raise step
            if isinstance(step, float):
                self.dropped_s += step
                continue
            self.heard_at += len(step) / self.sample_rate_hz
            yield step

    def close(self):
        self.closed = True


@pytest.fixture
def plugged(monkeypatch):
    """Replace the microphones.

    Returns:
        A list that a test fills with the result of each attempt to open a microphone, an error or a fake; and a list of
        the devices that were asked for.
    """
    attempts, asked = [], []

    def open_next(device=None):
        asked.append(device)
        found = attempts.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(sources, "Microphone", open_next)
    monkeypatch.setattr(sources, "refresh_devices", lambda: None)
    monkeypatch.setattr(sources, "_FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(sources, "_LONGEST_WAIT_S", 0.02)
    return attempts, asked


BLOCK = np.ones(160, np.float32)


def test_short_blocks_are_joined(plugged):
    plugged[0].append(Fake([BLOCK] * 12))
    source = MicrophoneSource("usb")
    assert source.open() == 8000
    stop = threading.Event()
    blocks = source.blocks(stop)
    first = next(blocks)
    assert (len(first.samples), first.gap_s, first.heard_at) == (800, None, pytest.approx(0.1))
    assert len(next(blocks).samples) == 800
    assert source.name == "the microphone «USB thing»"
    assert not source.away


def test_dropped_sound_is_a_gap_and_is_logged(plugged, caplog):
    plugged[0].append(Fake([BLOCK] * 5 + [1.5] + [BLOCK] * 5 + [0.5] + [BLOCK] * 5))
    source = MicrophoneSource()
    source.open()
    blocks = source.blocks(threading.Event())
    assert [next(blocks).gap_s for _ in range(3)] == [None, 1.5, 0.5]
    assert source.lost_s == 2.0
    assert "too slow: 0.5 s of sound lost, 2.0 s in all" in caplog.text


def test_an_unplugged_microphone_is_found_again_by_its_name(plugged, caplog):
    attempts, asked = plugged
    gone = MicrophoneError("the microphone «USB thing» no longer delivers sound: is it unplugged?")
    missing = MicrophoneError("no input device matches")
    attempts += [Fake([BLOCK] * 5 + [gone]), missing, missing, Fake([BLOCK] * 10, rate=16000)]
    source = MicrophoneSource(1)
    source.open()
    first_microphone = source._microphone
    blocks = source.blocks(threading.Event())
    seen = [next(blocks) for _ in range(6)]
    assert asked == [1, "USB thing", "USB thing", "USB thing"]
    assert first_microphone.closed
    assert [len(block.samples) for block in seen] == [800, 0, 0, 0, 0, 1600]
    assert [block.gap_s is None for block in seen] == [True, False, False, False, False, True]
    assert [block.sample_rate_hz for block in seen] == [8000, 8000, 8000, 8000, 16000, 16000]
    assert [line.split(" after")[0] for line in caplog.messages] == [str(gone), "the microphone «USB thing» is back"]


def test_stop_while_the_microphone_is_unplugged(plugged):
    plugged[0].append(Fake([MicrophoneError("gone")]))
    source, stop = MicrophoneSource(), threading.Event()
    source.open()
    plugged[0].extend([MicrophoneError("still gone")] * 1000)
    blocks = source.blocks(stop)
    next(blocks)
    assert source.away
    stop.set()
    assert list(blocks) == []


def test_a_microphone_that_is_missing_from_the_start(plugged):
    plugged[0].append(MicrophoneError("no microphone"))
    with pytest.raises(MicrophoneError, match="no microphone"):
        MicrophoneSource().open()
