"""The commands of the converter, on synthetic recordings."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
from emotion_edge_converter import __version__
from emotion_edge_converter.cli.main import main
from sounds import voice, write

from emotion_edge import EmotionClassifier
from emotion_edge.model.file import load

EMOTIONS = ("angry", "fear", "happy", "neutral", "sad")
SOME_ARCHITECTURES = ("mlp-2", "mlp-128")  # fewer than grid has, to save time


def convert(trained, *more):
    """Convert the model from `train`, with its recipe and its training set."""
    recipe, calibration = trained.with_suffix(".json"), trained.with_suffix(".train.csv")
    arguments = ["convert", trained, "--recipe", recipe, "--calibration", calibration, *more]
    return main([str(argument) for argument in arguments])


@pytest.fixture(scope="session")
def recordings(tmp_path_factory):
    """A small TESS: two speakers, five emotions that differ in pitch, twelve words."""
    folder = tmp_path_factory.mktemp("recordings")
    for speaker in ("OAF", "YAF"):
        for number, emotion in enumerate(EMOTIONS):
            for word in range(12):
                time = np.arange(12_000) / 24414
                pitch_hz = (100 if speaker == "OAF" else 115) * (1 + number)
                noise = np.random.default_rng(word).standard_normal(len(time))
                sound = 0.2 * np.sign(np.sin(2 * np.pi * (pitch_hz + word) * time)) + 0.01 * noise
                name = f"{speaker}_{emotion}/{speaker}_word{chr(97 + word)}_{emotion}.wav"
                write(folder / name, sound, 24414)
    return folder


@pytest.fixture(scope="session")
def trained(recordings, tmp_path_factory):
    """The model from `train`."""
    path = tmp_path_factory.mktemp("trained") / "small.keras"
    arguments = ["train", "--corpus", f"tess={recordings}", "--mfcc", "13", "--epochs", "40", "-o", str(path)]
    assert main([*arguments, "--licence", "CC0"]) == 0
    return path


@pytest.fixture(scope="session")
def converted(trained, tmp_path_factory):
    """The model file from `convert`, with a SavedModel next to it."""
    path = tmp_path_factory.mktemp("converted") / "small.tflite"
    assert convert(trained, "--savedmodel", path.with_name("serving"), "-o", path) == 0
    return path


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_metadata(recordings, tmp_path, capsys):
    assert main(["metadata", "--corpus", f"tess={recordings}"]) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert lines[0] == "file,speaker,word,emotion,corpus,sex"
    assert lines[1] == f"{recordings / 'OAF_angry' / 'OAF_worda_angry.wav'},OAF,worda,angry,tess,female"
    assert len(lines) == 121
    assert printed.err == "120 recordings, 2 known speakers, angry, fear, happy, neutral, sad\n"
    assert main(["metadata", "--corpus", f"tess={recordings}", "-o", str(tmp_path / "table.csv")]) == 0
    assert (tmp_path / "table.csv").read_text() == printed.out


def test_train(trained, recordings):
    train, test = (rows(trained.with_suffix(f".{part}.csv")) for part in ("train", "test"))
    assert (len(train), len(test)) == (80, 40)
    assert not {row["file"] for row in train} & {row["file"] for row in test}
    recipe = json.loads(trained.with_suffix(".json").read_text())
    assert (recipe["name"], recipe["labels"], recipe["licence"]) == ("small", list(EMOTIONS), "CC0")
    assert list(recipe["scores"]) == ["accuracy, random third", "accuracy, YAF -> OAF", "accuracy, OAF -> YAF"]
    assert recipe["scores"]["accuracy, random third"] > 0.8, "these emotions are easy"
    assert "trained only on the recordings of A, tested on those of B" in recipe["protocol"]
    assert keras.saving.load_model(trained).input_shape == (None, 13)


def test_an_output_name_with_a_dot_keeps_it(recordings, tmp_path, capsys):
    name = tmp_path / "mlp-0.2"
    arguments = ["--emotions", "happy,sad", "--mfcc", "13", "--epochs", "1", "-o", str(name)]
    assert main(["train", "--corpus", f"tess={recordings}", *arguments]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        f"mlp-0.2.{part}" for part in ("keras", "json", "train.csv", "test.csv")
    }
    assert "expect far lower scores" not in capsys.readouterr().err  # the other speaker was tested


def test_training_again_gives_the_same_model(recordings, tmp_path):
    one_speaker = [f"--corpus=tess={recordings}/YAF_{emotion}" for emotion in ("sad", "happy")]
    once, again = tmp_path / "once.keras", tmp_path / "again.keras"
    for output in (once, again):
        assert main(["train", *one_speaker, "--mfcc", "13", "--epochs", "5", "-o", str(output)]) == 0
    weights = [keras.saving.load_model(output).weights for output in (once, again)]
    for ours, theirs in zip(*weights, strict=True):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


def test_convert_writes_a_file_that_classifies(converted, trained):
    model = load(converted)
    recipe = json.loads(trained.with_suffix(".json").read_text())
    assert model.recipe.scores == recipe["scores"]
    assert len(model.content) < trained.stat().st_size
    classifier = EmotionClassifier(converted)
    tested = rows(trained.with_suffix(".test.csv"))
    right = [classifier.classify(row["file"]).label == row["emotion"] for row in tested]
    assert np.mean(right) == pytest.approx(recipe["scores"]["accuracy, random third"], abs=0.03)


def test_convert_exports_what_tensorflow_serving_loads(converted, trained):
    import tensorflow

    served = tensorflow.saved_model.load(str(converted.with_name("serving") / "1")).signatures["serving_default"]
    features = np.random.default_rng(0).standard_normal((3, 13)).astype(np.float32) * 50
    (answers,) = served(tensorflow.constant(features)).values()
    np.testing.assert_allclose(answers, keras.saving.load_model(trained)(features), atol=1e-6)


def test_parity_agrees(converted, trained, capsys):
    tested = f"csv={trained.with_suffix('.test.csv')}"
    assert main(["parity", str(trained), str(converted), "--corpus", tested]) == 0
    lines = capsys.readouterr().out.splitlines()
    for line, interpreter in zip(lines, ("ai-edge-litert", "numpy"), strict=True):
        figures = r"40 files, label agreement 1\.0000, .*; accuracy 0\.\d+ full, 0\.\d+ small$"
        assert re.match(f"{interpreter}: {figures}", line)


def test_parity_fails_where_the_models_differ(converted, trained, tmp_path, capsys):
    other = keras.saving.load_model(trained)
    other.layers[-1].set_weights([-weights for weights in other.layers[-1].get_weights()])
    other.save(tmp_path / "other.keras")
    tested = f"csv={trained.with_suffix('.test.csv')}"
    assert main(["parity", str(tmp_path / "other.keras"), str(converted), "--corpus", tested]) == 1
    assert "does not answer like the full one" in capsys.readouterr().err


def test_convert_writes_nothing_below_the_tolerance(trained, tmp_path, monkeypatch, capsys):
    from emotion_edge_converter.conversion import tflite

    original = vars(tflite)["to_standardised_logits"]

    def broken(*arguments):
        core = original(*arguments)
        core.layers[-1].set_weights([-weights for weights in core.layers[-1].get_weights()])
        return core

    monkeypatch.setattr(tflite, "to_standardised_logits", broken)
    output = tmp_path / "out" / "broken.tflite"
    output.parent.mkdir()
    assert convert(trained, "-o", output) == 1
    assert "does not answer like the full one" in capsys.readouterr().err
    assert list(output.parent.iterdir()) == []


def test_your_own_model_on_your_own_recordings(tmp_path, capsys, open_gate):
    """Two labels of one's own, 16 kHz, python_speech_features on 16-bit integers, saved as .h5, a recipe by hand."""
    for label, seed in (("calm", 0), ("loud", 100)):
        for number in range(15):
            samples = voice(seed + number, rate=16000) * (0.1 if label == "calm" else 1)
            write(tmp_path / "own" / label / f"{number}.wav", samples, 16000)
    model = keras.Sequential([keras.Input((13,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(2, "softmax")])
    model.save(tmp_path / "my.h5")
    mfcc = {"preset": "python_speech_features", "sample_rate_hz": 16000, "sample_scale": 32768}
    recipe = {"name": "mine", "labels": ["calm", "loud"], "mfcc": mfcc}
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    own, recipe_file = str(tmp_path / "own"), str(tmp_path / "recipe.json")
    common = ["convert", str(tmp_path / "my.h5"), "--recipe", recipe_file, "--calibration", own]
    for variant in ("int8", "float32"):
        assert main([*common, "--variant", variant, "-o", str(tmp_path / f"{variant}.tflite")]) == 0
        assert "30 files, label agreement 1.0000" in capsys.readouterr().out
    files = [str(tmp_path / "my.h5"), str(tmp_path / "float32.tflite")]
    assert main(["parity", *files, "--corpus", f"folders={own}", "--largest-difference", "0.01"]) == 0
    prediction = EmotionClassifier(tmp_path / "int8.tflite").classify(tmp_path / "own" / "calm" / "0.wav")
    assert set(prediction.probabilities) == {"calm", "loud"}


def test_grid(recordings, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("emotion_edge_converter.training.study.ARCHITECTURES", SOME_ARCHITECTURES)
    output = tmp_path / "study"
    arguments = ["--mfcc", "13", "--epochs", "2", "-o", str(output)]
    assert main(["grid", "--corpus", f"tess={recordings}", *arguments]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 2
    assert re.match(r"mlp-2 +13 MFCC  random third \d\.\d{3}  YAF -> OAF \d\.\d{3}  OAF -> YAF \d\.\d{3}$", printed[0])
    study = json.loads((output / "study.json").read_text())
    assert [cell["architecture"] for cell in study["cells"]] == list(SOME_ARCHITECTURES)
    for cell in study["cells"]:
        for score in cell["scores"]:
            confusion = np.array(score["confusion"])
            assert confusion.sum() == score["n_test"]
            assert score["accuracy"] == pytest.approx(np.trace(confusion) / score["n_test"])
            assert len(score["history"]["val_accuracy"]) == 2
    html = (output / "report.html").read_text()
    assert html.count("data:image/png;base64,") == 6  # accuracies, three confusions, learning curves, waveforms
    assert not re.search(r"""(src|href)=["'](?!data:)""", html), "the report must be self-contained"
    assert "<small>0.73</small>" in html, "the original's figure"
    assert "Guessing scores 0.20" in html
    assert (output / "accuracies.png").read_bytes().startswith(b"\x89PNG")


def test_grid_on_your_own_folders_states_that_no_speaker_was_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr("emotion_edge_converter.training.study.ARCHITECTURES", SOME_ARCHITECTURES)
    for label in ("yes", "no", "perhaps"):
        for number in range(4):
            write(tmp_path / "own" / label / f"{number}.wav", voice(number, seconds=0.3), 22050)
    (tmp_path / "own" / "no" / "-first.wav").write_text("a file that cannot be read must not prevent the report")
    arguments = ["--mfcc", "20", "13", "--epochs", "1", "-o", str(tmp_path / "study")]
    assert main(["grid", "--corpus", f"folders={tmp_path / 'own'}", *arguments]) == 0
    study = json.loads((tmp_path / "study" / "study.json").read_text())
    assert [(cell["architecture"], cell["n_mfcc"]) for cell in study["cells"]] == [
        (architecture, count) for count in (13, 20) for architecture in SOME_ARCHITECTURES
    ]
    html = (tmp_path / "study" / "report.html").read_text()
    assert "nothing here was measured on new speakers" in html
    assert "<small>" not in html


def test_training_on_one_speaker_warns_that_no_other_was_tested(recordings, tmp_path, capsys):
    corpus = [f"--corpus=tess={recordings}/YAF_{emotion}" for emotion in ("sad", "happy")]
    assert main(["train", *corpus, "--mfcc", "13", "--epochs", "1", "-o", str(tmp_path / "mine")]) == 0
    assert "expect far lower scores on other speakers" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("metadata --corpus tess=nowhere", "tess: no such folder or file: nowhere"),
        ("train --corpus tess=RECORDINGS/OAF_sad", "got the labels sad, wanted two or more"),
        ("train --corpus tess=RECORDINGS --emotions happy", "got the labels happy, wanted two or more"),
        (
            "train --corpus tess=RECORDINGS -o nowhere/x.keras",
            "cannot write nowhere/x.keras: there is no folder nowhere",
        ),
        ("grid --corpus tess=RECORDINGS -o nowhere/study", "there is no folder nowhere"),
        ("convert no.keras --recipe GOOD --calibration RECORDINGS", "no Keras model at no.keras"),
        (
            "convert TRAINED --recipe no.json --calibration RECORDINGS",
            "the recipe no.json cannot be read: No such file",
        ),
        (
            "convert TRAINED --recipe FEW --calibration RECORDINGS",
            "the model has 5 outputs, for 5 labels, but the recipe has 2 labels",
        ),
        ("convert TRAINED --recipe ODD --calibration RECORDINGS", "ODD: labels: got .*wanted two or more"),
        (
            "convert TRAINED --recipe SCALED --calibration RECORDINGS",
            "SCALED: remove the standardisation, because convert sets it",
        ),
        ("convert TRAINED --recipe GOOD --calibration ONE", "ONE holds 1 recordings, wanted at least 10"),
        ("convert TRAINED --recipe GOOD --calibration RECORDINGS -o EMPTY", "cannot write EMPTY: it is a folder"),
        ("convert TRAINED --recipe GOOD --calibration RECORDINGS --savedmodel GOOD", "cannot write GOOD: it is a file"),
        ("grid --corpus tess=RECORDINGS -o GOOD", "cannot write GOOD: it is a file, wanted the name of a folder"),
        ("metadata --corpus tess=RECORDINGS -o EMPTY", "cannot write EMPTY: it is a folder"),
        (
            "convert TRAINED --recipe WIDE --calibration RECORDINGS",
            "the model expects 13 features, but the recipe gives 30",
        ),
        ("convert TRAINED --recipe GOOD --calibration nowhere", "--calibration: no such folder or file: nowhere"),
        ("convert TRAINED --recipe GOOD --calibration EMPTY", "EMPTY holds no audio file"),
        ("convert CONVOLUTION --recipe GOOD --calibration RECORDINGS", "not a vector: only dense classifiers"),
        ("parity TRAINED no.tflite --corpus tess=RECORDINGS", "no.tflite: no such file"),
        ("parity TRAINED CONVERTED --corpus folders=RECORDINGS", "no recording has one of the model's labels"),
    ],
)
def test_bad_input_gets_one_clear_sentence(
    arguments, message, trained, converted, recordings, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "EMPTY").mkdir()
    good = json.loads(trained.with_suffix(".json").read_text())
    (tmp_path / "GOOD").write_text(json.dumps(good))
    (tmp_path / "FEW").write_text(json.dumps(good | {"labels": ["a", "b"]}))
    (tmp_path / "ODD").write_text(json.dumps(good | {"labels": ["a"]}))
    scaler = {"mean": [0.0] * 13, "deviation": [1.0] * 13}
    (tmp_path / "SCALED").write_text(json.dumps(good | {"standardisation": scaler}))
    write(tmp_path / "ONE" / "one.wav", voice(1), 22050)
    (tmp_path / "WIDE").write_text(json.dumps(good | {"mfcc": good["mfcc"] | {"n_mfcc": 30}}))
    layers = keras.layers
    entry = [keras.Input((13, 1)), layers.Conv1D(2, 3), layers.Flatten(), layers.Dense(5, "softmax")]
    keras.Sequential(entry).save(tmp_path / "CONVOLUTION.keras")
    names = {"RECORDINGS": recordings, "TRAINED": trained, "CONVERTED": converted, "CONVOLUTION": "CONVOLUTION.keras"}
    for name, path in names.items():
        arguments = arguments.replace(name, str(path))
    before = sorted(tmp_path.rglob("*"))
    assert main(arguments.split()) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("emotion-edge-converter: ")
    assert re.search(message, error)
    assert sorted(tmp_path.rglob("*")) == before, "nothing half-written"


def test_an_existing_saved_model_is_not_overwritten(trained, converted, capsys):
    serving = converted.with_name("serving")
    assert convert(trained, "--savedmodel", serving) == 1
    assert f"{serving / '1'} exists already" in capsys.readouterr().err


def run(*arguments):
    command = [sys.executable, "-m", "emotion_edge_converter", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_as_a_real_process(trained, converted):
    assert run("--version").stdout == f"emotion-edge-converter {__version__}\n"
    assert run("train").returncode == 2
    assert run("train", "--corpus", "tess=.", "--mfcc", "0").returncode == 2
    assert run("train", "--corpus", "tess=.", "--seed", "-1").returncode == 2
    done = run("parity", trained, converted, "--corpus", f"csv={trained.with_suffix('.test.csv')}")
    assert done.returncode == 0
    assert done.stdout.count("\n") == 2
    assert done.stderr == "", "TensorFlow must not print anything"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("metadata --corpus recordings", "--corpus: got 'recordings', wanted NAME=PATH"),
        ("train --corpus iemocap=recordings", "--corpus: no corpus 'iemocap': the known ones are tess, ravdess"),
        ("train --corpus tess=. -o mine.txt", "--output: got mine.txt, wanted a name that ends in .keras"),
        ("convert mine.keras --recipe r.json --calibration . -o mine.json", "wanted a name that ends in .tflite"),
        ("adapt mine.keras mine.tflite --corpus folders=. -o mine.keras", "wanted a name that ends in .tflite"),
        ("evaluate tess-mlp --corpus tess=. -o figures.csv", "got figures.csv, wanted a name that ends in .json"),
        ("evaluate tess-mlp --corpus tess=. --report figures.json", "wanted a name that ends in .html"),
        (
            "evaluate mine.keras --corpus tess=.",
            "got mine.keras, a Keras model, wanted a .tflite file: convert it first",
        ),
        ("parity mine.keras mine.h5 --corpus tess=.", "got mine.h5, a Keras model, wanted a .tflite file"),
    ],
)
def test_usage(command, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(command.split())
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_convert_warns_where_the_file_will_not_run(recordings, tmp_path, capsys, caplog):
    model = keras.Sequential([keras.Input((13,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(2, "softmax")])
    model.save(tmp_path / "mine.keras")
    mfcc = {"preset": "librosa", "sample_rate_hz": 22050, "n_mfcc": 13}
    (tmp_path / "mine.json").write_text(json.dumps({"name": "mine", "labels": ["yes", "no"], "mfcc": mfcc}))
    arguments = [tmp_path / "mine.keras", "--recipe", tmp_path / "mine.json", "--calibration", recordings]
    assert main(["convert", *map(str, arguments), "--least-agreement", "0"]) == 0
    assert "numpy: " not in capsys.readouterr().out
    reason = "mine will not run where no TFLite package can be installed: numpy lacks the TFLite operator TANH on int8"
    assert reason in caplog.text
