"""Any file is read as librosa.load reads it, or refused with a clear message."""

from __future__ import annotations

import io
import os
import re
import struct
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from sounds import spoken, tone, voice, write

from emotion_edge import AudioError
from emotion_edge.audio import files as audio
from emotion_edge.audio.files import open_pipe, open_sound, read_blocks
from emotion_edge.audio.samples import sample_blocks

RATE = 22050


def read(source, rate=RATE):
    return np.concatenate(list(read_blocks(source, sample_rate_hz=rate)))


def convert(samples, sample_rate, rate=RATE):
    return np.concatenate(list(sample_blocks(samples, sample_rate, sample_rate_hz=rate)))


@pytest.mark.parametrize(
    ("suffix", "subtype"),
    [
        ("wav", "PCM_U8"),
        ("wav", "PCM_16"),
        ("wav", "PCM_24"),
        ("wav", "PCM_32"),
        ("wav", "FLOAT"),
        ("wav", "DOUBLE"),
        ("flac", "PCM_16"),
        ("flac", "PCM_24"),
        ("ogg", "VORBIS"),
        ("mp3", "MPEG_LAYER_III"),
        ("aiff", "PCM_16"),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_every_format_as_librosa_loads_it(tmp_path, suffix, subtype, channels):
    sound = np.stack([voice(1, rate=44100), tone(440, rate=44100, seconds=1)], axis=1)[:, :channels]
    path = write(tmp_path / f"sound.{suffix}", sound, 44100, subtype=subtype)
    expected, _ = pytest.importorskip("librosa").load(path, sr=RATE)
    np.testing.assert_allclose(read(path), expected, atol=1e-6)


@pytest.mark.parametrize("block_s", [0.01, 0.1, 1.3])
@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "aiff"])
def test_blocks_of_any_length_give_the_same_samples(tmp_path, capfd, suffix, block_s):
    """A frame of an MP3 may refer back to earlier frames: a decoder that seeks in between decodes noise."""
    sound = np.concatenate([spoken(number, rate=44100) for number in (0, 1, 2, 0)])
    path = write(tmp_path / f"sound.{suffix}", sound, 44100)
    with open_sound(path, block_s=block_s) as opened:
        together = np.concatenate(list(opened.blocks))
    expected, _ = soundfile.read(path, dtype="float32")
    np.testing.assert_array_equal(together, expected)
    np.testing.assert_array_equal(read(path, 44100), expected)
    assert capfd.readouterr().err == "", "the decoder complained"


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 24414, 44100, 48000, 96000, 192000])
def test_every_rate_as_librosa_loads_it(tmp_path, rate):
    path = write(tmp_path / "sound.wav", voice(2, rate=rate, seconds=3.3), rate, subtype="FLOAT")
    expected, _ = pytest.importorskip("librosa").load(path, sr=RATE)
    ours = read(path)
    assert ours.dtype == np.float32
    assert ours.shape == expected.shape
    np.testing.assert_allclose(ours, expected, atol=1e-6)


@given(st.integers(1, 200_000), st.sampled_from([8000, 16000, 24414, 44100, 48000]))
def test_the_length_is_rounded_up_as_in_librosa(length, rate):
    assert len(convert(np.zeros(length, np.float32), rate)) == -(-length * RATE // rate)


def test_paths_and_file_objects(tmp_path):
    path = write(tmp_path / "sound.wav", voice(3), RATE)
    expected = read(path)
    np.testing.assert_array_equal(read(str(path)), expected)
    np.testing.assert_array_equal(read(io.BytesIO(path.read_bytes())), expected)
    with path.open("rb") as file:
        np.testing.assert_array_equal(read(file), expected)
    with subprocess.Popen(["cat", path], stdout=subprocess.PIPE) as cat:
        np.testing.assert_array_equal(read(cat.stdout), expected)


def test_all_sample_dtypes_give_the_same_sound():
    sound = voice(4).astype(np.float64)
    expected = convert(sound, RATE)
    for samples, tolerance in [
        (sound.astype(np.float32), 1e-7),
        ((sound * 2**15).astype(np.int16), 2**-14),
        ((sound * 2**31).astype(np.int32), 1e-7),
        ((sound * 2**15).astype(">i2"), 2**-14),
        (sound.astype(">f4"), 1e-7),
        ((sound * 128 + 128).astype(np.uint8), 2**-6),
        (np.stack([sound, sound], axis=1), 1e-7),
        (sound.tolist(), 1e-7),
    ]:
        np.testing.assert_allclose(convert(samples, RATE), expected, atol=tolerance)


def test_channels_are_averaged():
    np.testing.assert_array_equal(convert(np.array([[1.0, 0.0], [0.5, 0.5]]), RATE), [0.5, 0.5])
    surround = np.random.default_rng(0).uniform(-1, 1, (1000, 6)).astype(np.float32)
    np.testing.assert_allclose(convert(surround, RATE), surround.mean(axis=1), atol=1e-6)


@pytest.mark.parametrize(
    ("samples", "rate", "message"),
    [
        (np.zeros(0), RATE, r"samples have shape \(0,\), wanted at least one sample"),
        (np.zeros((4, 4, 4)), RATE, "wanted .n,. or .n, channels."),
        (np.zeros((2, 48000)), RATE, r"did you mean samples\.T"),
        (np.array([0, np.nan]), RATE, "sample 1 .* is nan, wanted finite"),
        (np.array([0, 0, -np.inf]), RATE, "sample 2 .* is -inf, wanted finite"),
        (np.array([0, 20000.0]), RATE, "divide 16-bit integers by 32768"),
        (np.zeros(4, np.int64), RATE, "samples are int64"),
        (np.zeros(4, np.complex64), RATE, "samples are complex64"),
        (np.array(["a"]), RATE, "samples are <U1"),
        (np.zeros(4), 0, "the sample rate is 0 Hz, wanted 1000 to 1000000 Hz"),
        (np.zeros(4), -1, "the sample rate is -1 Hz"),
        (np.zeros(4), 44.1, "the sample rate is 44.1 Hz"),
        (np.zeros(4), True, "sample_rate: got True, wanted a sample rate in Hz"),
        (np.zeros(4), 10**400, "the sample rate is 1000"),
        (np.zeros(4), float("nan"), "the sample rate is nan Hz"),
        (np.full(4, 1e300), RATE, "is inf, wanted finite"),
        ([[1.0], [1.0, 2.0]], RATE, "samples cannot be made into an array"),
        (np.zeros(4), "22050", "sample_rate: got '22050'"),
    ],
)
def test_samples_that_cannot_be_used(samples, rate, message):
    with pytest.raises(AudioError, match=message):
        convert(samples, rate)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "samples",
    [
        np.frombuffer(b"\x01\0\0\0\0\0\xf0\x7f", "<f8"),  # a signalling NaN
        np.array([[np.inf, -np.inf]], np.float32),
        np.array([[3e38, 3e38]], np.float32),
    ],
)
def test_samples_that_are_not_finite_are_an_error_without_a_warning(samples):
    with pytest.raises(AudioError, match="wanted finite numbers"):
        convert(samples, RATE)


def test_nan_is_found_after_the_first_block(tmp_path):
    sound = np.zeros(100_000, np.float32)
    sound[99_000] = np.nan
    path = write(tmp_path / "nan.wav", sound, RATE, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"nan.wav: sample 99000 \(at 4.490 s\) is nan"):
        read(path)


def test_missing_empty_folder_and_not_audio(tmp_path):
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("hello " * 100)
    (tmp_path / "noise.raw").write_bytes(os.urandom(1000))
    write(tmp_path / "none.wav", np.zeros(0), RATE)
    write(tmp_path / "slow.wav", np.zeros(100), 1)
    for name, message in [
        ("missing.wav", "missing.wav: no such file"),
        ("", "is a folder"),
        ("empty.wav", "empty.wav is empty"),
        ("text.wav", "text.wav is not audio that can be read: Format not recognised"),
        ("noise.raw", "noise.raw has no header"),
        ("none.wav", "none.wav holds no samples"),
        ("slow.wav", "slow.wav: the sample rate is 1 Hz"),
        ("a\0b.wav", "cannot be opened: embedded null"),
    ]:
        with pytest.raises(AudioError, match=message):
            read(f"{tmp_path}/{name}" if name else tmp_path)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root can read everything")
def test_unreadable(tmp_path):
    path = write(tmp_path / "secret.wav", voice(0), RATE)
    path.chmod(0)
    with pytest.raises(AudioError, match="Permission denied"):
        read(path)


def test_a_source_that_is_not_a_file_is_refused():
    for source in ([0.0, 0.1], io.StringIO("text")):
        with pytest.raises(AudioError, match=f"got {type(source).__name__}, wanted a path or a file object"):
            read(source)
    closed = io.BytesIO()
    closed.close()
    with pytest.raises(AudioError, match="closed file"):
        read(closed)
    with pytest.raises(AudioError, match="the file object is not audio"):
        read(io.BytesIO(b"nothing"))
    with pytest.raises(AudioError, match="the file object is empty"):
        read(io.BytesIO())


def test_a_file_object_is_read_from_its_position(tmp_path):
    path = write(tmp_path / "sound.wav", voice(3), RATE)
    file = io.BytesIO(b"header" + path.read_bytes())
    file.seek(6)
    np.testing.assert_array_equal(read(file), read(path))
    file.seek(0, io.SEEK_END)
    with pytest.raises(AudioError, match=r"read to its end: call seek\(0\) first"):
        read(file)


class OnlyRead:
    """A stream that can only be read."""

    def __init__(self, data):
        self.read = io.BytesIO(data).read


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes in the file system")
def test_pipes(tmp_path):
    path = write(tmp_path / "sound.wav", voice(3), RATE)
    expected = read(path)
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(f"cat {path} > {tmp_path / 'pipe'}", shell=True):
        np.testing.assert_array_equal(read(tmp_path / "pipe"), expected)
    np.testing.assert_array_equal(read(OnlyRead(path.read_bytes())), expected)


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes only on Linux")
def test_a_name_that_is_not_utf8(tmp_path):
    path = write(tmp_path / "sound.wav", voice(3), RATE)
    odd = os.fsencode(tmp_path) + b"/bad\xff.wav"
    path.rename(os.fsdecode(odd))
    assert len(read(os.fsdecode(odd))) == RATE


@pytest.mark.parametrize("suffix", ["wav", "aiff", "mp3"])
def test_a_file_that_ends_early_is_read_with_a_warning(tmp_path, caplog, suffix):
    path = write(tmp_path / f"sound.{suffix}", voice(3, seconds=2), RATE)
    read(path)
    assert caplog.messages == []
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert 0.5 * RATE < len(read(path)) < 1.5 * RATE
    (message,) = caplog.messages
    assert re.search(r"sound\.\w+ ends earlier than its header says: using the first \d\.\d s", message)


def test_a_wav_of_unknown_length_is_not_damaged(tmp_path, caplog):
    path = write(tmp_path / "sound.wav", voice(3), RATE)
    data = bytearray(path.read_bytes())
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"  # as in a header that a program writes into a pipe
    assert len(read(io.BytesIO(bytes(data)))) == RATE
    assert caplog.messages == []


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "aiff"])
def test_a_file_cut_anywhere_gives_its_start_or_an_error(tmp_path, suffix):
    whole = write(tmp_path / f"whole.{suffix}", voice(5), RATE)
    data, expected = whole.read_bytes(), read(whole)
    for length in [*range(1, 200, 7), *range(200, len(data), len(data) // 20)]:
        try:
            samples = read(io.BytesIO(data[:length]))
        except AudioError as error:
            assert str(error)
        else:
            assert 0 < len(samples) <= len(expected)
            np.testing.assert_allclose(samples, expected[: len(samples)], atol=1e-6)


@pytest.mark.parametrize(
    ("channels", "wanted"), [(64, None), (65, "has 65 channels, wanted 1 to 64"), (1024, "has 1024")]
)
def test_a_file_of_very_many_channels(tmp_path, channels, wanted):
    path = write(tmp_path / "many.wav", np.zeros((10, channels)), RATE)
    if wanted is None:
        assert len(read(path)) == 10
        return
    with pytest.raises(AudioError, match=wanted):
        read(path)
    with path.open("rb") as file, pytest.raises(AudioError, match=wanted), open_pipe(file.fileno(), block_s=0.1):
        pass


def test_a_sound_that_is_too_long_for_one_prediction(tmp_path, monkeypatch):
    monkeypatch.setattr(audio, "_LONGEST_S", 2.0)
    assert len(read(write(tmp_path / "two.wav", np.zeros(2 * RATE), RATE))) == 2 * RATE
    with pytest.raises(AudioError, match=r"three.flac is longer than 2 s, .*listen --input"):
        read(write(tmp_path / "three.flac", np.zeros(3 * RATE), RATE))


def test_a_pipe_without_end():
    class Endless:
        def read(self, size):
            return bytes(size)

    with pytest.raises(AudioError, match="delivers more than 256 MiB"):
        read(Endless())


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_decoder_sent_out_of_the_file_object_prints_no_traceback(tmp_path):
    data = write(tmp_path / "sound.aiff", voice(6, seconds=0.1), RATE).read_bytes()
    with pytest.raises(AudioError, match="is not audio that can be read"):
        read(io.BytesIO(data.replace(b"SSND", b"DNSS")))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no file descriptors of pipes")
def test_a_pipe_of_samples_whose_decoder_never_ends():
    header = b"RIFF" + struct.pack("<I4s4sIHHIIHH", 1 << 30, b"WAVE", b"fmt ", 16, 0x40, 1, 8000, 4000, 1, 4)
    reading, writing = os.pipe()
    with open(writing, "wb") as pipe:
        pipe.write(header + struct.pack("<4sI", b"data", 1 << 30) + bytes(100))
    with pytest.raises(AudioError, match=r"the pipe contains G721_32 samples, wanted one of PCM_U8"):  # noqa: SIM117
        with open_pipe(reading, block_s=0.1):
            pass
    os.close(reading)


MEMORY = """
import resource, sys
import numpy as np
from emotion_edge import EmotionClassifier
classifier = EmotionClassifier()
prediction = classifier.classify(sys.argv[1])
print(prediction.end_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kB on Linux only")
@pytest.mark.slow
def test_memory_grows_by_less_than_the_samples_need(tmp_path):
    seconds = {}
    for minutes in (1, 21):
        path = tmp_path / f"{minutes}.flac"
        with soundfile.SoundFile(path, "w", 44100, 2) as file:
            second = np.stack([voice(7, rate=44100)] * 2, axis=1)
            for _ in range(60 * minutes):
                file.write(second)
        done = subprocess.run([sys.executable, "-c", MEMORY, path], capture_output=True, text=True, check=True)
        end_s, peak_kb = done.stdout.split()
        assert float(end_s) == 60 * minutes
        seconds[minutes] = int(peak_kb)
    samples_kb = 20 * 60 * RATE * 4 / 1024
    assert seconds[21] - seconds[1] < samples_kb


def test_recordings_of_phones_must_be_converted(tmp_path):
    path = tmp_path / "memo.M4A"
    path.write_bytes(b"\0\0\0\x1cftypM4A " + bytes(100))
    with pytest.raises(
        AudioError, match=r"memo\.M4A is not audio that can be read: .*: convert it, for example to FLAC"
    ):
        list(read_blocks(path, sample_rate_hz=16000))
