"""The model for new speakers: folds, examples, profiles in training, and the whole command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from emotion_edge_converter.cli.main import main
from emotion_edge_converter.corpora.readers import EMOTIONS, Utterance
from emotion_edge_converter.evaluation import fold_models
from emotion_edge_converter.features import examples
from emotion_edge_converter.models import five_emotions
from emotion_edge_converter.training import owners
from sounds import spoken, voice, write

from emotion_edge import EmotionClassifier
from emotion_edge.model.file import load
from emotion_edge.model.recipe import ProfileRecipe

RATE = 16000
PITCH = {"angry": 1.6, "fear": 1.3, "happy": 1.15, "neutral": 1.0, "sad": 0.8, "disgust": 0.9}


def recording(path, emotion, seed):
    """A voice whose speed and pitch depend on the emotion, which can be learnt in a few epochs."""
    factor = PITCH[emotion]
    samples = voice(seed, rate=round(RATE / factor), seconds=1.2 * factor)
    return write(path, samples[: round(1.2 * RATE)], RATE)


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """Two corpora as tables, with 5 and 2 speakers and an emotion that is not among the five; a noise; a room."""
    folder = tmp_path_factory.mktemp("corpora")
    rows = ["file,speaker,word,emotion,corpus,sex"]
    for corpus, speakers in (("one", "abcde"), ("two", "xy")):
        for number, speaker in enumerate(speakers):
            for emotion in PITCH:
                for take in range(2):
                    path = folder / corpus / f"{speaker}-{emotion}-{take}.wav"
                    recording(path, emotion, 100 * number + take)
                    rows.append(f"{path},{speaker},{take},{emotion},{corpus},")
    table = folder / "table.csv"
    table.write_text("\n".join(rows) + "\n")
    random = np.random.default_rng(0)
    write(folder / "noise" / "hiss.wav", 0.1 * random.standard_normal(2 * RATE).astype(np.float32), RATE)
    echo = (random.standard_normal(RATE // 4) * np.exp(-np.linspace(0, 8, RATE // 4))).astype(np.float32)
    write(folder / "rooms" / "hall.wav", 0.2 * echo, RATE)
    return folder


def arguments(corpora, folder, *more):
    return [
        *("five-emotions", "--corpus", f"csv={corpora / 'table.csv'}", "--noise", str(corpora / "noise")),
        *("--rooms", str(corpora / "rooms"), "--versions", "2", "--epochs", "2", "--least-agreement", "0.5"),
        *("--folds", str(folder / "folds"), "-o", str(folder / "mine.keras"), "--licence", "ours", *more),
    ]


@pytest.fixture(scope="module")
def made(corpora, tmp_path_factory):
    """The folder that the command wrote to."""
    folder = tmp_path_factory.mktemp("made")
    assert main(arguments(corpora, folder)) == 0
    return folder


def utterances(*rows):
    return [Utterance(Path(), speaker, "", emotion, corpus) for corpus, speaker, emotion in rows]


def test_speaker_number_i_of_each_corpus_is_in_fold_i_modulo_5():
    some = utterances(
        *((corpus, speaker, "sad") for corpus, names in (("b", "gfedcba"), ("a", "zy")) for speaker in names)
    )
    assert five_emotions.folds(some).tolist() == [1, 0, 4, 3, 2, 1, 0, 1, 0]


def test_the_command_writes_a_model_that_runs(made):
    recipe = load(made / "mine.tflite").recipe
    assert (recipe.name, recipe.labels, recipe.licence, recipe.corpora) == ("mine", EMOTIONS, "ours", ("one", "two"))
    assert (recipe.pooling, recipe.mfcc.sample_rate_hz) == ("functionals", RATE)
    assert set(recipe.scores) == {
        f"{name}, {which}" for name in ("UAR", "UAR, corpus left out") for which in ("one", "two", "mean")
    }
    assert json.loads((made / "mine.json").read_text())["temperature"] == recipe.temperature != 1
    prediction = EmotionClassifier(made / "mine.tflite").classify_samples(spoken(rate=RATE), RATE)
    assert sum(prediction.probabilities.values()) == pytest.approx(1)


def test_evaluate_can_read_its_fold_models(made, corpora, capsys):
    models = fold_models.load(str(made / "folds"))
    assert len(models.folds) == 5
    assert models.by_speaker is not None
    assert models.by_corpus is not None
    assert set(models.by_speaker) == {("one", speaker) for speaker in "abcde"} | {("two", speaker) for speaker in "xy"}
    assert set(models.by_corpus) == {"one", "two"}
    output = made / "figures.json"
    command = ["evaluate", str(made / "folds"), "--corpus", f"csv={corpora / 'table.csv'}", "-o", str(output)]
    assert main(command) == 0
    assert json.loads(output.read_text())["left_out"]["corpora"].keys() == {"one", "two"}


def test_a_second_run_makes_nothing_again(made, corpora, capsys):
    folds = made / "folds"
    before = {file.name: file.stat().st_mtime_ns for file in folds.glob("*.keras")} | {
        "features": (folds / "features.npy").stat().st_mtime_ns
    }
    content = (made / "mine.tflite").read_bytes()
    assert main(arguments(corpora, made)) == 0
    after = {file.name: file.stat().st_mtime_ns for file in folds.glob("*.keras")}
    assert after | {"features": (folds / "features.npy").stat().st_mtime_ns} == before
    assert (made / "mine.tflite").read_bytes() == content


def test_a_folder_of_another_run_is_refused(made, corpora, capsys):
    assert main(arguments(corpora, made, "--versions", "1")) == 1
    assert "belongs to a run with another value of versions" in capsys.readouterr().err


def test_features_do_not_depend_on_the_number_of_processes(made, corpora, tmp_path):
    from emotion_edge_converter.corpora import readers

    some = readers.read([f"csv={corpora / 'table.csv'}"])[::12]
    options: dict[str, Any] = {"n_versions": 2, "noises": [corpora / "noise" / "hiss.wav"], "rooms": [], "seed": 1}
    recipe = five_emotions.recipe("x")
    one, two = (
        examples.extract(some, recipe, **options, jobs=jobs, file=tmp_path / f"{jobs}.npy").features for jobs in (1, 2)
    )
    np.testing.assert_array_equal(one, two)
    assert one.shape == (len(some), 3, recipe.n_features)
    classifier = EmotionClassifier(made / "mine.tflite")
    from emotion_edge.audio.files import read_blocks

    for utterance, (as_recorded, *changed) in zip(some, one, strict=True):
        device = classifier.features(read_blocks(utterance.file, sample_rate_hz=RATE)).vector
        np.testing.assert_allclose(as_recorded, device, rtol=1e-3, atol=1e-3)
        assert all(not np.allclose(version, as_recorded, rtol=0.01) for version in changed)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_damaged_recording_is_left_out(corpora, tmp_path, caplog, jobs):
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"RIFF")
    good = recording(tmp_path / "good.wav", "sad", 1)
    some = [Utterance(file, "a", "", "sad", "one") for file in (bad, good)]
    options: dict[str, Any] = {
        "n_versions": 1,
        "noises": [],
        "rooms": [],
        "seed": 0,
        "jobs": jobs,
        "file": tmp_path / "features.npy",
    }
    table = examples.extract(some, five_emotions.recipe("x"), **options)
    assert "bad.wav is not audio" in caplog.text
    assert [utterance.file for utterance in table.utterances] == [good]
    assert table.features.shape[0] == 1


def test_profiles_subtract_the_average_of_a_speaker():
    """The features of one speaker are all 10 higher. With many utterances, half of this is subtracted; without a
    profile, nothing is.
    """
    random = np.random.default_rng(0)
    some = utterances(*(("one", speaker, emotion) for speaker in "ab" for emotion in EMOTIONS for _ in range(20)))
    features = random.normal(0, 0.1, (200, 3, 4)).astype(np.float32)
    features[100:] += 10
    drawn = owners.Owners(features, some, ProfileRecipe(strength=0.5, utterances_to_half=5)).draw(50, random)
    assert drawn.shape == (50, 200, 4)
    without = np.all(drawn == 0, axis=2)
    assert np.mean(without) == pytest.approx(0.55, abs=0.02)
    shifts = drawn[:, 100:][~without[:, 100:]]
    assert np.all((shifts > 0) & (shifts < 2.1))  # 0.5 * n / (n + 5) * 5, with n from 1 to 20
    assert shifts.max() > 1.9
    assert np.all(drawn[:, :100] <= 0)


def test_training_removes_other_emotions_at_the_end_and_is_repeatable():
    random = np.random.default_rng(0)
    some = utterances(*(("one", speaker, emotion) for speaker in "abc" for emotion in PITCH for _ in range(4)))
    features = random.normal(0, 1, (len(some), 2, 12)).astype(np.float32)
    for row, utterance in enumerate(some):
        features[row, :, list(PITCH).index(utterance.emotion)] += 4
    table = examples.Examples(some, features)
    rows = np.ones(len(some), bool)
    model, again = (five_emotions.fit(table, rows, seed=3, epochs=30) for _ in range(2))
    answers = np.asarray(model(features[:, 0]))
    np.testing.assert_array_equal(answers, np.asarray(again(features[:, 0])))
    assert answers.shape == (len(some), 5)
    wanted = np.array([EMOTIONS.index(u.emotion) if u.emotion in EMOTIONS else -1 for u in some])
    assert np.mean(answers.argmax(axis=1)[wanted >= 0] == wanted[wanted >= 0]) > 0.9
