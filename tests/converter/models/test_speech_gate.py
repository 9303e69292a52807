"""The speech gate: from folders of sounds to a model file and a report."""

from __future__ import annotations

import json
import re
from contextlib import redirect_stdout

import numpy as np
import pytest
import soundfile
from emotion_edge_converter.cli.main import main
from emotion_edge_converter.errors import CorpusError
from emotion_edge_converter.features.speech_windows import (
    N_FOLDS,
    Recording,
    Windows,
    cut,
    noise_recordings,
    speech_recordings,
    synthetic_recordings,
)
from emotion_edge_converter.recordings import augmentation
from emotion_edge_converter.recordings.synthetic_noise import KINDS, synthetic_noise
from places import ROOT
from sounds import tone, voice, write

from emotion_edge import EmotionClassifier
from emotion_edge.model.file import load
from emotion_edge.model.recipe import ModelRecipe

RATE = 16000


def hiss(seed, seconds=3.0):
    return (0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))).astype(np.float32)


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """Five speakers, and two kinds of noise in five folds, one of them with a file for each class."""
    folder = tmp_path_factory.mktemp("sounds")
    for speaker in range(N_FOLDS):
        for number in range(3):
            speech = voice(10 * speaker + number, rate=RATE, seconds=2.0)
            write(folder / "speech" / f"speaker{speaker}" / f"{number}.wav", speech, RATE)
        for number in range(2):
            write(folder / "noise" / "hiss" / f"{speaker + 1}-{number}.wav", hiss(10 * speaker + number), RATE)
        write(folder / "hum" / f"hum{speaker}.wav", tone(100 + 20 * speaker, rate=RATE, seconds=3), RATE)
    write(folder / "rooms" / "room.wav", hiss(1, 0.3) * np.exp(-np.arange(4800) / 800).astype(np.float32), RATE)
    return folder


def arguments(sounds, output):
    flags = ["--speech", f"mine={sounds / 'speech'}", "--noise", f"{sounds / 'noise'}", "--noise", f"{sounds / 'hum'}"]
    more = ["--rooms", f"{sounds / 'rooms'}", "--synthetic", "7", "--epochs", "15", "--least-agreement", "0.9"]
    return ["speech-gate", *flags, *more, "--licence", "CC0", "-o", str(output)]


@pytest.fixture(scope="module")
def made(sounds, tmp_path_factory):
    """The folder that the command wrote to."""
    folder = tmp_path_factory.mktemp("made")
    with (folder / "printed").open("w") as printed, redirect_stdout(printed):
        assert main([*arguments(sounds, folder / "gate.keras"), "--folds", str(folder / "folds")]) == 0
    return folder


def test_the_model_file_distinguishes_speech_from_noise(made, sounds):
    recipe = load(made / "gate.tflite").recipe
    assert (recipe.name, recipe.labels, recipe.pooling) == ("gate", ("other", "speech"), "statistics")
    assert recipe.licence == "CC0"
    assert recipe.corpora == ("mine", "noise", "hum")
    assert recipe == ModelRecipe.from_json((made / "gate.json").read_text()).replace(
        standardisation=recipe.standardisation
    )
    classifier = EmotionClassifier(made / "gate.tflite")
    assert classifier.classify(sounds / "speech" / "speaker1" / "1.wav").label == "speech"
    assert classifier.classify_samples(hiss(1000, 1.5), RATE).label == "other"


def test_the_report_adds_up(made):
    report = json.loads((made / "gate.report.json").read_text())
    assert report["recordings"] == {"speech": 15, "noise": 15, "synthetic": 7}
    assert report["hours_of_noise"] == pytest.approx(15 * 3 / 3600, abs=1e-4)
    assert set(report["noise"]) == {"hiss", *(f"hum{number}" for number in range(5))}
    assert set(report["speech"]["mine"]) == {"as recorded", "noisy"}
    assert [fold["fold"] for fold in report["folds"]] == [1, 2, 3, 4, 5]
    n_verdicts = sum(noise["verdicts"] for noise in report["noise"].values())
    assert n_verdicts == sum(fold["verdicts"] for fold in report["folds"])
    assert report["false_verdicts_per_hour"] == pytest.approx(n_verdicts / (15 * 3 / 3600), rel=1e-3)
    for noise in (noise for name, noise in report["noise"].items() if name.startswith("hum")):
        left_out = {"windows": noise["windows"], "single": noise["single"], "smoothed": noise["smoothed"]}
        assert noise["class_left_out"] == left_out | {"verdicts": noise["verdicts"]}, "its class is only in this fold"
    scores = load(made / "gate.tflite").recipe.scores
    assert scores["recall, noisy"] == report["speech"]["mine"]["noisy"]["smoothed"]
    assert scores["recall, noisy"] > 0.8
    assert scores["false windows"] < 0.2


def test_each_fold_has_a_model(made):
    files = sorted((made / "folds").iterdir())
    assert [file.name for file in files] == [f"fold-{number}.tflite" for number in range(1, 6)]
    assert len({load(file).content for file in files}) == 5


def test_the_printed_figures(made):
    printed = (made / "printed").read_text()
    assert re.search(r"^numpy: \d+ windows, label agreement \d\.\d{4}", printed, re.MULTILINE)
    assert re.search(r"^false verdicts per hour, class left out  \d+\.\d{4}$", printed, re.MULTILINE)


def test_the_same_seed_gives_the_same_weights(sounds):
    from emotion_edge_converter.models import speech_gate

    speech = speech_recordings(f"mine={sounds / 'speech'}", 3, np.random.default_rng(0))
    noise = [*noise_recordings(sounds / "hum"), *synthetic_recordings(7)]
    weights = []
    for _ in range(2):
        windows = cut(speech, noise, sounds / "rooms", speech_gate.recipe("gate"), 5)
        everything = np.ones(len(windows.recording), bool)
        weights.append(speech_gate.fit(windows, everything, seed=5, epochs=2).get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_speakers_and_folds(sounds):
    recordings = speech_recordings(f"mine={sounds / 'speech'}", 100, np.random.default_rng(0))
    assert {(each.file.parent.name, each.fold) for each in recordings} == {(f"speaker{i}", i) for i in range(5)}
    assert len(speech_recordings(f"mine={sounds / 'speech'}", 4, np.random.default_rng(0))) == 4
    hums = noise_recordings(sounds / "hum")
    assert hums == [Recording(sounds / "hum" / f"hum{i}.wav", f"hum{i}", i, False) for i in range(5)]
    assert {(each.group, each.file.name[0], each.fold) for each in noise_recordings(sounds / "noise")} == {
        ("hiss", str(i + 1), i) for i in range(5)
    }


@pytest.mark.parametrize(
    ("corpus", "names", "folds"),
    [
        ("tess", ["OAF_bite_sad", "OA_bite_neutral", "YAF_bite_sad"], [0, 0, 1]),
        ("ravdess", ["03-01-01-01-01-01-01", "03-01-01-01-01-01-02"], [0, 1]),
        ("ravdess-song", ["03-02-01-01-01-01-01", "03-02-01-01-01-01-02"], [0, 1]),
        ("cremad", ["1001_DFA_ANG_XX", "1001_IEO_SAD_HI", "1002_DFA_ANG_XX"], [0, 0, 1]),
        ("emodb", ["03a01Fa", "03b01Fa", "08a01Fa"], [0, 0, 1]),
        ("nemo", ["EB0_neutral_13", "WR0_surprised_64"], [0, 1]),
        ("ased", ["n1-01-01-01-01", "n1-01-01-02-01", "n1-01-01-01-03"], [0, 0, 1]),
    ],
)
def test_file_names_identify_speakers(corpus, names, folds, tmp_path):
    for name in names:
        write(tmp_path / f"{name}.wav", hiss(1, 0.01), RATE)
    found = {
        each.file.stem: each.fold for each in speech_recordings(f"{corpus}={tmp_path}", 9, np.random.default_rng(0))
    }
    assert found == dict(zip(names, folds, strict=True))


def test_files_that_do_not_fit_their_corpus(tmp_path):
    write(tmp_path / "hello.wav", hiss(1, 0.01), RATE)
    with pytest.raises(CorpusError, match="not named like those of ased"):
        speech_recordings(f"ased={tmp_path}", 9, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"--speech": "SOUNDS/speech"}, "--speech: got '.*', wanted NAME=PATH"),
        ({"--speech": "mine=nowhere"}, "--speech: no such folder: nowhere"),
        ({"--noise": "EMPTY"}, "--noise: .*EMPTY holds no audio file"),
        ({"--rooms": "nowhere"}, "--rooms: no such folder: nowhere"),
        ({"-o": "nowhere/gate.keras"}, "there is no folder nowhere"),
        ({"--folds": "FILE"}, "cannot write FILE: it is a file"),
        ({"--noise": "DAMAGED"}, "no window of noise could be cut"),
        ({"--speech": "mine=SOUNDS/speech/speaker1"}, "without fold 1 only noise is left for training"),
    ],
)
def test_bad_input_gets_one_clear_sentence(change, message, sounds, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "EMPTY").mkdir()
    (tmp_path / "DAMAGED").mkdir()
    (tmp_path / "DAMAGED" / "noise.wav").write_text("no sound")
    (tmp_path / "FILE").write_text("")
    flags = {"--speech": "mine=SOUNDS/speech", "--noise": "SOUNDS/noise", "--synthetic": "1", "--epochs": "1"} | change
    line = [part.replace("SOUNDS", str(sounds)) for pair in flags.items() for part in pair]
    if change.get("--noise") == "DAMAGED":  # with no synthetic noise either
        monkeypatch.setattr("emotion_edge_converter.features.speech_windows.synthetic_recordings", lambda count: [])
    before = sorted(tmp_path.rglob("*"))
    assert main(["speech-gate", *line]) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert re.search(message, error)
    assert sorted(tmp_path.rglob("*")) == before, "nothing half-written"


@pytest.mark.parametrize("kind", KINDS)
def test_synthetic_noises(kind):
    for seed in range(20):
        sound = synthetic_noise(kind, np.random.default_rng(seed), 2 * RATE, RATE)
        assert (sound.shape, sound.dtype) == ((2 * RATE,), np.float32)
        assert np.isfinite(sound).all()
        assert np.abs(sound).max() == pytest.approx(1, rel=1e-3)
    np.testing.assert_array_equal(sound, synthetic_noise(kind, np.random.default_rng(19), 2 * RATE, RATE))


def test_noise_is_added_at_the_requested_ratio():
    samples, noise = voice(1, rate=RATE), hiss(1, 0.2)
    added = augmentation.with_noise(samples, noise, 10, np.random.default_rng(0)) - samples
    assert 10 * np.log10(np.mean(samples**2) / np.mean(added**2)) == pytest.approx(10, abs=0.1)


def test_a_room_without_echo_changes_nothing():
    samples = voice(1, rate=RATE)
    response = augmentation.impulse_response(np.array([0, 0, 3, 0], np.float32), RATE)
    np.testing.assert_allclose(augmentation.in_room(samples, response), samples, atol=1e-6)
    narrow = augmentation.band_limited(tone(6000, rate=RATE, seconds=1), RATE, 100, 3000)
    assert np.abs(narrow).max() < 0.1


@pytest.mark.parametrize("gain", [1.0, 0.1, 0.02])
def test_the_shipped_gate(gain):
    gate = EmotionClassifier("speech-gate")
    for file in sorted((ROOT / "examples" / "sounds").glob("hello*.wav")):
        samples, rate = soundfile.read(file)
        assert gate.classify_samples(gain * samples, rate).label == "speech"
    for noise in (hiss(1, 1.5), tone(440, rate=RATE, seconds=2), tone(100, rate=RATE, seconds=1)):
        assert gate.classify_samples(gain * noise, RATE).label == "other"


def test_the_figures_of_the_shipped_gate_are_those_of_its_report():
    from emotion_edge_converter.models.gate_report import scores

    report = json.loads((ROOT / "docs" / "speech-gate.json").read_text())
    assert scores(report) == load("speech-gate").recipe.scores
    (at_half,) = [each for each in report["thresholds"] if each["probability"] == 0.5]
    for name in ("recall, as recorded", "recall, noisy"):
        assert at_half[name] == pytest.approx(load("speech-gate").recipe.scores[name], abs=2e-4)
    card = (ROOT / "models" / "speech-gate.md").read_text()
    for corpus in report["speech"].values():
        assert f"{corpus['noisy']['smoothed']:.4f}" in card


def table(utterances, lengths_s, over, version="as recorded", speech=False, groups=None):
    """Windows with only the fields that verdicts use."""
    n = len(utterances)
    groups = groups or ["x"] * n
    names = list(dict.fromkeys(groups))
    return Windows(
        recordings=[Recording(None, name, 0, speech) for name in names],
        recording=np.array([names.index(group) for group in groups]),
        utterance=np.array(utterances),
        version=np.array([version] * n),
        length_s=np.array(lengths_s),
        over=np.array(over, bool),
        features=np.zeros((n, 1), np.float32),
        noise_s=3600.0,
    )


def test_logits_are_averaged_over_the_utterance_so_far():
    from emotion_edge_converter.models.speech_gate import smoothed

    windows = table([1, 1, 1, 2], [0.5, 1.0, 1.5, 1.0], [0, 0, 1, 1])
    np.testing.assert_allclose(smoothed(windows, np.array([9.0, 2.0, -4.0, 5.0])), [9, 2, -1, 5])


@pytest.mark.parametrize(
    ("logits", "over", "opened"),
    [
        ([9, 1, 1, 1], [0, 0, 0, 1], [2]),  # the first window is too short to count
        ([9, 1, -2, 4], [0, 0, 0, 1], [3]),  # only the last window
        ([9, 1, -2, 4], [0, 0, 0, 0], []),  # this was not the last window
        ([9, -1, -1, 1], [0, 0, 0, 1], []),
    ],
)
def test_a_verdict_needs_two_windows_or_the_last(logits, over, opened):
    from emotion_edge_converter.models.speech_gate import verdicts

    windows = table([1, 1, 1, 1], [0.5, 1.0, 1.5, 2.0], over)
    assert verdicts(windows, np.array(logits, float), np.ones(4, bool)) == opened


def test_every_corpus_counts_the_same_for_the_threshold():
    from emotion_edge_converter.models.speech_gate import choose_threshold

    n_large, n_small = 2000, 100
    n = n_large + n_small
    groups = ["large"] * n_large + ["small"] * n_small
    windows = table(range(n), [1.0] * n, [1] * n, "noisy", speech=True, groups=groups)
    logits = np.concatenate([np.linspace(5, 6, n_large), np.linspace(0, 1, n_small)])
    threshold = choose_threshold(windows, logits, np.ones(n, bool))
    recall = np.mean([np.mean(logits[:n_large] >= threshold), np.mean(logits[n_large:] >= threshold)])
    assert recall == pytest.approx(0.905, abs=0.01)
