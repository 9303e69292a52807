"""The recorder saves the sound of events, and nothing else."""

from __future__ import annotations

import errno
import os
import pathlib
from datetime import datetime, timezone

import numpy as np
import pytest
import soundfile

from emotion_edge import AudioError, Event
from emotion_edge.audio.wav import WavWriter
from emotion_edge.live import recorder
from emotion_edge.live.recorder import EventRecorder

RATE = 8000


def left(start_s, end_s, label="happy", status="ok"):
    time = datetime(2026, 11, 22, 17, 30, 5, 123000, tzinfo=timezone.utc)
    return Event("leave", status, label, 0.9, {}, start_s, end_s, time, "model")


def ramp(first_s, last_s):
    """Samples whose values show their time: 0.001 per second."""
    return (np.arange(round(first_s * RATE), round(last_s * RATE)) / RATE / 1000).astype(np.float32)


def recorder_with_sound(folder, blocks=((0, 1), (1, 1.5), (1.5, 4))):
    under_test = EventRecorder(folder)
    for first_s, last_s in blocks:
        under_test.process(ramp(first_s, last_s), RATE, last_s)
    return under_test


def test_a_file_has_the_samples_of_its_event(tmp_path):
    recorder_with_sound(tmp_path / "saved" / "here").save(left(0.9, 2.4))
    (path,) = (tmp_path / "saved" / "here").iterdir()
    assert path.name == "20261122T173005.123Z-happy.wav"
    samples, rate = soundfile.read(path)
    assert rate == RATE
    np.testing.assert_allclose(samples, ramp(0.9, 2.4), atol=2**-15)


def test_uncertain_events_and_unusual_labels(tmp_path):
    under_test = recorder_with_sound(tmp_path)
    under_test.save(left(0, 1, None, "uncertain"))
    under_test.save(left(0, 1, "../o/o: ü"))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "20261122T173005.123Z-___o_o_ ü.wav",
        "20261122T173005.123Z-uncertain.wav",
    ]


def test_of_a_very_long_event_only_the_end_is_saved(tmp_path, monkeypatch):
    monkeypatch.setattr(recorder, "LONGEST_S", 2.0)
    under_test = recorder_with_sound(tmp_path, [(at / 10, at / 10 + 0.1) for at in range(100)])
    assert under_test._n_samples <= 2.1 * RATE
    under_test.save(left(1.0, 10.0))
    (path,) = tmp_path.iterdir()
    samples, _ = soundfile.read(path)
    np.testing.assert_allclose(samples, ramp(10 - len(samples) / RATE, 10), atol=2**-14)
    assert len(samples) >= 2 * RATE


def test_a_gap_drops_the_earlier_sound(tmp_path):
    under_test = recorder_with_sound(tmp_path)
    under_test.process(ramp(0, 1), RATE, 10.0)
    under_test.save(left(2.0, 3.0))
    assert list(tmp_path.iterdir()) == []
    under_test.save(left(9.5, 10.0))
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_cannot_be_created(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(AudioError, match=r"the folder .*file/below cannot be created"):
        EventRecorder(tmp_path / "file" / "below")


def test_a_folder_that_was_removed_is_logged(tmp_path, caplog):
    under_test = recorder_with_sound(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    under_test.save(left(0, 1))
    assert f"{tmp_path / 'gone'}/" in caplog.text
    assert "-happy.wav cannot be written: No such file or directory" in caplog.text


def test_a_folder_that_is_read_only(tmp_path, monkeypatch, caplog):
    under_test = recorder_with_sound(tmp_path)
    monkeypatch.setattr(
        os, "access", lambda path, mode: False
    )  # root may write everywhere except on a read-only medium
    with pytest.raises(AudioError, match="is read-only: choose another one"):
        EventRecorder(tmp_path)

    def refuse(*arguments, **options):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(pathlib.Path, "open", refuse)
    monkeypatch.setattr(pathlib.Path, "unlink", refuse)
    under_test.save(left(0, 1))
    assert "cannot be written: Read-only file system" in caplog.text


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")  # noqa: PTH110
def test_a_full_disk_is_logged_and_leaves_no_file(tmp_path, caplog, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(WavWriter, "write", full)
    recorder_with_sound(tmp_path).save(left(0, 1))
    assert "-happy.wav cannot be written: No space left on device" in caplog.text
    assert list(tmp_path.iterdir()) == []
