"""WAV is read without soundfile exactly as with it; other formats name the package to install."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from sounds import spoken, voice, write

from emotion_edge import AudioError, classify
from emotion_edge.audio.files import open_pipe, read_blocks
from emotion_edge.audio.wav import SoundFile, SoundFileError, WavWriter

RATE = 16000


def read_alone(source):
    """Read all samples, shape (n, channels), without soundfile."""
    with SoundFile(source) as file:
        return file.read(1 << 30)


@pytest.fixture
def without_soundfile(monkeypatch):
    """Make the import of soundfile fail."""
    monkeypatch.setitem(sys.modules, "soundfile", None)


@pytest.fixture
def bare(tmp_path):
    """The environment of a process without soundfile and soxr."""
    folder = tmp_path / "bare"
    for name in ("soundfile", "soxr"):
        stub = folder / f"{name}.py"
        folder.mkdir(exist_ok=True)
        stub.write_text(f"raise ModuleNotFoundError('No module named {name}')")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}


def run(*arguments, **options):
    command = [sys.executable, "-m", "emotion_edge", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, timeout=60, check=False, **options)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("format", ["WAV", "WAVEX"])
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_every_encoding_to_the_bit(tmp_path, subtype, format, channels):
    sound = np.stack([voice(seed, rate=RATE) for seed in range(channels)], axis=1)
    path = write(tmp_path / "sound.wav", sound, RATE, subtype=subtype, format=format)
    expected, _ = soundfile.read(path, dtype="float32", always_2d=True)
    np.testing.assert_array_equal(read_alone(path), expected)
    with SoundFile(path) as file:
        assert (file.samplerate, file.frames) == (RATE, len(sound))
        blocks = []
        while len(blocks[-1:] and blocks[-1]) or not blocks:
            blocks.append(file.read(777))
    np.testing.assert_array_equal(np.concatenate(blocks), expected)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("bits", [b"\x01\0\0\0\0\0\xf0\x7f", struct.pack("<d", np.nan), struct.pack("<d", 1e300)])
def test_samples_that_are_not_finite_are_an_error_without_a_warning(tmp_path, without_soundfile, bits):
    path = write(tmp_path / "sound.wav", np.zeros(10), RATE, subtype="DOUBLE")
    path.write_bytes(path.read_bytes()[:-8] + bits)  # the first is a signalling NaN
    with pytest.raises(AudioError, match=r"sample 9 .* wanted finite numbers"):
        list(read_blocks(path, sample_rate_hz=RATE))


@given(st.lists(st.tuples(st.sampled_from([b"LIST", b"JUNK", b"bext"]), st.binary(max_size=99)), max_size=4))
def test_other_chunks_are_skipped(chunks):
    buffer = io.BytesIO()
    soundfile.write(buffer, voice(1, rate=RATE), RATE, format="WAV")
    plain = buffer.getvalue()
    others = b"".join(
        name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2) for name, content in chunks
    )
    with_others = plain[:12] + others + plain[12:36] + others + plain[36:] + others
    np.testing.assert_array_equal(read_alone(io.BytesIO(with_others)), read_alone(io.BytesIO(plain)))


@pytest.mark.usefixtures("without_soundfile")
@pytest.mark.parametrize("channels", [1, 2])
def test_the_reader_gives_the_same_samples_as_soundfile(tmp_path, monkeypatch, channels):
    path = write(tmp_path / "sound.wav", np.stack([voice(1, rate=44100)] * channels, axis=1), 44100)
    alone = np.concatenate(list(read_blocks(path, sample_rate_hz=RATE)))
    from_object = np.concatenate(list(read_blocks(io.BytesIO(path.read_bytes()), sample_rate_hz=RATE)))
    monkeypatch.setitem(sys.modules, "soundfile", soundfile)
    expected = np.concatenate(list(read_blocks(path, sample_rate_hz=RATE)))
    np.testing.assert_array_equal(alone, expected)
    np.testing.assert_array_equal(from_object, expected)


@pytest.mark.usefixtures("without_soundfile")
@pytest.mark.parametrize(
    ("suffix", "subtype", "message"),
    [
        ("flac", "PCM_16", "it is not a WAV file"),
        ("ogg", "VORBIS", "it is not a WAV file"),
        ("wav", "ULAW", "its samples have WAV format 7 at 8 bits"),
        ("wav", "IMA_ADPCM", "its samples have WAV format 17 at 4 bits"),
    ],
)
def test_other_formats_name_the_package_to_install(tmp_path, suffix, subtype, message):
    path = write(tmp_path / f"sound.{suffix}", voice(1, rate=RATE), RATE, subtype=subtype)
    with pytest.raises(AudioError, match=rf"sound.{suffix} is not audio .*{message}, .*: pip install soundfile"):
        list(read_blocks(path, sample_rate_hz=RATE))


@pytest.mark.usefixtures("without_soundfile")
def test_a_wav_cut_anywhere_gives_its_start_with_a_warning_or_an_error(tmp_path, caplog):
    data = write(tmp_path / "whole.wav", voice(5, rate=RATE), RATE).read_bytes()
    expected = read_alone(io.BytesIO(data))[:, 0]
    for length in [*range(1, 60), *range(100, len(data), len(data) // 20)]:
        caplog.clear()
        try:
            samples = np.concatenate(list(read_blocks(io.BytesIO(data[:length]), sample_rate_hz=RATE)))
        except AudioError as error:
            assert str(error)
        else:
            np.testing.assert_array_equal(samples, expected[: len(samples)])
            assert len(samples) == (length - 44) // 2
            assert "ends earlier than its header says" in caplog.text


@given(st.data())
def test_a_damaged_wav_is_read_or_refused(data):
    buffer = io.BytesIO()
    soundfile.write(buffer, voice(6, rate=RATE, seconds=0.1), RATE, format="WAV")
    damaged = bytearray(buffer.getvalue())
    for at in data.draw(st.lists(st.integers(0, 60), max_size=4)):
        damaged[at] = data.draw(st.integers(0, 255))
    try:
        assert read_alone(io.BytesIO(bytes(damaged))).ndim == 2
    except SoundFileError as error:
        assert str(error)


@given(st.binary(max_size=2000), st.sampled_from([b"", b"RIFF0000WAVE", b"RIFF0000WAVEfmt \x10\0\0\0\1\0\1\0"]))
def test_any_bytes_are_read_or_refused(data, magic):
    try:
        read_alone(io.BytesIO(magic + data))
    except SoundFileError as error:
        assert str(error)


@pytest.mark.usefixtures("without_soundfile")
def test_a_stream_of_unknown_length_from_a_pipe(tmp_path, caplog):
    data = bytearray(write(tmp_path / "sound.wav", voice(3, rate=RATE), RATE).read_bytes())
    expected = read_alone(io.BytesIO(bytes(data)))[:, 0]
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    (tmp_path / "stream.wav").write_bytes(data)
    with subprocess.Popen(["cat", tmp_path / "stream.wav"], stdout=subprocess.PIPE) as cat:
        with open_pipe(cat.stdout.fileno(), block_s=0.1) as sound:
            blocks = list(sound.blocks)
        os.fstat(cat.stdout.fileno())  # it is still open
    assert sound.sample_rate_hz == RATE
    np.testing.assert_array_equal(np.concatenate(blocks), expected)
    assert caplog.messages == []


@pytest.mark.usefixtures("as_a_fresh_process")
def test_classify_in_a_process_without_soundfile_and_soxr(bare, tmp_path):
    path = write(tmp_path / "spoken.wav", spoken(rate=RATE), RATE)
    other = write(tmp_path / "spoken.flac", spoken(rate=RATE), RATE)
    fast = write(tmp_path / "fast.wav", spoken(rate=44100), 44100)
    done = run("classify", "--json", path, other, fast, env=bare, text=True)
    assert (done.returncode, done.stderr) == (1, "")
    answer, refused, no_rate = map(json.loads, done.stdout.splitlines())
    assert answer == {"path": str(path), **classify(path).to_dict()}
    assert "pip install soundfile" in refused["error"]
    assert "44100 Hz" in no_rate["error"]
    assert "pip install soxr to resample, or use sound of 16000 Hz" in no_rate["error"]


@pytest.mark.parametrize("raw", [True, False])
def test_listen_to_a_pipe_in_a_process_without_soundfile_and_soxr(bare, tmp_path, raw):
    sound = np.pad(spoken(2, rate=RATE), (RATE, 2 * RATE))
    path = write(tmp_path / "talk.wav", sound, RATE, subtype="PCM_16")
    piped = path.read_bytes()[44:] if raw else path.read_bytes()
    rate = ("--rate", RATE) if raw else ()
    kept = tmp_path / "kept"
    done = run("listen", "--input", "-", *rate, "--json", "--record", kept, input=piped, env=bare)
    assert done.returncode == 0, done.stderr
    with_soundfile = run("listen", "--input", path, "--json")
    assert [json.loads(line)["event"] for line in done.stdout.splitlines()][-1] == "leave"
    assert _without_times(done.stdout) == _without_times(with_soundfile.stdout)
    (clip,) = kept.iterdir()
    assert soundfile.info(clip).subtype == "PCM_16"


def _without_times(lines):
    return [{**json.loads(line), "time": None} for line in lines.splitlines()]


def test_written_samples_are_read_back_and_loud_ones_are_clipped(tmp_path):
    samples = np.array([0, 0.5, -0.5, 1 / 32768, 32767 / 32768, -1, 1.5, -1.5], np.float32)
    with WavWriter(tmp_path / "out.wav", RATE) as file:
        file.write(samples[:3])
        file.write(samples[3:])
    written, rate = soundfile.read(tmp_path / "out.wav", dtype="float32")
    assert rate == RATE
    np.testing.assert_array_equal(written, samples.clip(-1, 32767 / 32768))
