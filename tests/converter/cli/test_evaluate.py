"""The evaluate command: which model answers, under which conditions, and what is written."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
from emotion_edge_converter.cli.main import main
from emotion_edge_converter.corpora import readers
from emotion_edge_converter.evaluation import answers, fold_models
from emotion_edge_converter.evaluation.metrics import uar
from emotion_edge_converter.recordings import conditions
from emotion_edge_converter.recordings.conditions import AS_RECORDED, NOISE, ROOM, TELEPHONE
from emotion_edge_converter.reports import evaluation as evaluation_report
from sounds import voice, write

from emotion_edge import EmotionClassifier
from models import write_constant


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Folders of labels and speakers, with a silent file and a file that is not audio."""
    folder = tmp_path_factory.mktemp("recordings")
    for label in ("happy", "sad", "calm"):
        for speaker in ("ada", "bob"):
            for take in range(3):
                write(
                    folder / label / speaker / f"{take}.wav",
                    voice(10 * len(label) + take + (speaker == "bob"), seconds=0.7),
                    22050,
                )
    write(folder / "sad" / "ada" / "silence.wav", np.zeros(22050), 22050)
    (folder / "sad" / "bob" / "broken.wav").write_bytes(b"nothing")
    return folder


def test_the_command(recordings, tmp_path, capsys, caplog):
    output = tmp_path / "figures.json"
    assert main(["evaluate", "tess-mlp", "--corpus", f"folders={recordings}", "-o", str(output)]) == 0
    printed = capsys.readouterr()
    assert "broken.wav" in caplog.text
    figures = json.loads(output.read_text())
    assert (figures["model"], figures["labels"]) == ("tess-mlp", list(EmotionClassifier().recipe.labels))
    (corpus,) = figures["corpora"].values()
    assert (corpus["recordings"], corpus["speakers"], corpus["no_speech"]) == (13, 2, 1)  # calm is not among its labels
    matrix = np.array(corpus["confusion"])
    assert matrix.shape == (5, 6)
    assert matrix.sum(axis=1).tolist() == [0, 0, 6, 0, 7]
    assert matrix[:, 5].sum() == 1
    assert corpus["uar"] == pytest.approx(uar(matrix), abs=1e-4)
    assert corpus["accuracy"] == pytest.approx(np.trace(matrix) / 13, abs=1e-4)
    assert figures["mean_uar"] == corpus["uar"]
    line = next(line for line in printed.out.splitlines() if line.startswith("folders"))
    assert line.split()[1:4] == ["13", "2", f"{corpus['uar']:.3f}"]


def answers_of(source, folder, noise=(), rooms=None, **options):
    models = fold_models.load(str(source))
    under = conditions.read(models.any.sample_rate_hz, noise, rooms)
    return answers.answer(models, readers.read([f"folders={folder}"]), under, **options)


def test_the_answers_are_those_of_the_runtime(recordings):
    classifier = EmotionClassifier("tess-mlp")
    under = answers_of("tess-mlp", recordings)
    assert list(under.conditions) == [AS_RECORDED, TELEPHONE]
    assert not under.left_out
    as_recorded, telephone = under.conditions.values()
    for utterance, prediction in zip(as_recorded.utterances, as_recorded.predictions, strict=True):
        assert prediction == classifier.classify(utterance.file)
    assert {utterance.speaker for utterance in telephone.of(speaker="ada").utterances} == {"ada"}


@pytest.fixture(scope="module")
def disturbances(tmp_path_factory):
    """A folder of noises, two of them useless, and a folder of rooms."""
    folder = tmp_path_factory.mktemp("disturbances")
    hiss = np.random.default_rng(1).standard_normal(44100).astype(np.float32)
    write(folder / "noise" / "hiss.wav", 0.1 * hiss[:8000], 16000)
    write(folder / "noise" / "deep" / "click.flac", np.pad(0.5 * hiss[:4000], (30000, 0)), 44100)
    write(folder / "noise" / "silence.wav", np.zeros(8000), 16000)
    (folder / "noise" / "broken.wav").write_bytes(b"nothing")
    fading = hiss * np.exp(-np.arange(44100) / 4000)
    write(folder / "rooms" / "hall.wav", 0.1 * np.stack([fading, fading], axis=1), 44100)
    return folder


@pytest.fixture(scope="module")
def folds(tmp_path_factory):
    """A model that always answers happy is for ada, one that answers sad is for bob, one that answers angry was trained
    without both corpora.
    """
    folder = tmp_path_factory.mktemp("folds")
    models = {"happy": {"folders": ["ada"]}, "sad": {"folders": ["bob"], "tess": ["OAF"]}}
    for label in (*models, "angry"):
        write_constant(folder / f"{label}.tflite", label, name=label)
    entries = [{"model": f"{label}.tflite", "speakers": speakers} for label, speakers in models.items()]
    left_out = [{"model": "angry.tflite", "corpus": "folders"}, {"model": "angry.tflite", "corpus": "tess"}]
    (folder / "folds.json").write_text(json.dumps({"folds": entries, "left_out": left_out}))
    return folder


def test_each_speaker_is_answered_by_the_model_that_was_trained_without_them(folds, recordings):
    under = answers_of(folds, recordings)
    for kind, expected in [
        (under.conditions, {"ada": "happy", "bob": "sad"}),
        (under.left_out, {"ada": "angry", "bob": "angry"}),
    ]:
        assert list(kind) == [AS_RECORDED, TELEPHONE]
        for each in kind.values():
            for utterance, prediction in zip(each.utterances, each.predictions, strict=True):
                silent = utterance.file.stem == "silence"
                assert prediction.label == (None if silent else expected[utterance.speaker])


def test_the_number_of_processes_changes_nothing(folds, recordings, disturbances):
    options = {"noise": [disturbances / "noise"], "rooms": disturbances / "rooms"}
    alone = answers_of(folds, recordings, **options)
    assert list(alone.conditions) == list(alone.left_out) == [AS_RECORDED, *NOISE.values(), ROOM, TELEPHONE]
    together = answers_of(folds, recordings, **options, jobs=2)
    assert (together.conditions, together.left_out) == (alone.conditions, alone.left_out)
    assert all(
        np.array_equal(one.vector, other.vector)
        for one, other in zip(*(each.features for each in (alone, together)), strict=True)
    )
    single, parallel = (answers_of("tess-mlp", recordings, **options, jobs=jobs) for jobs in (1, 2))
    assert single.conditions == parallel.conditions


def test_noise_does_not_depend_on_the_other_recordings(recordings, disturbances, tmp_path):
    shutil.copytree(recordings / "happy", tmp_path / "happy")
    noise = [disturbances / "noise"]
    few, many = answers_of("tess-mlp", tmp_path, noise), answers_of("tess-mlp", recordings, noise)
    for name, answered in few.conditions.items():
        happy = zip(many.conditions[name].utterances, many.conditions[name].predictions, strict=True)
        assert answered.predictions == [prediction for utterance, prediction in happy if utterance.emotion == "happy"]


def test_the_protocol_end_to_end(folds, recordings, disturbances, tmp_path, capsys):
    output, report = tmp_path / "figures.json", tmp_path / "report.html"
    arguments = ["evaluate", folds, "--corpus", f"folders={recordings}", "-o", output, "--report", report, "--jobs", 2]
    arguments += ["--noise", disturbances / "noise", "--noise", disturbances / "noise" / "deep"]
    assert main([str(each) for each in [*arguments, "--rooms", disturbances / "rooms"]]) == 0
    figures = json.loads(output.read_text())
    assert (figures["model"], figures["folds"], figures["noises"], figures["rooms"]) == (folds.name, 2, 3, 1)
    assert figures["trained_on"] == ["tess"]
    corpus = figures["corpora"]["folders"]
    assert corpus["uar"] == pytest.approx((3 / 6 + 3 / 7) / 2, abs=1e-4)
    assert corpus["no_speech"] == 1
    left_out = figures["left_out"]["corpora"]["folders"]
    assert (figures["left_out"]["mean_uar"], left_out["accuracy"], left_out["sure"]["accuracy"]) == (0, 0, 0)
    assert left_out["expected_calibration_error"] > 0.5, "confident, but never right"
    assert figures["left_out"]["together"]["expected_calibration_error"] == left_out["expected_calibration_error"]
    assert list(figures["conditions"]) == [AS_RECORDED, *NOISE.values(), ROOM, TELEPHONE]
    assert {condition["mean_uar"] for condition in figures["conditions"].values()} == {corpus["uar"]}
    assert figures["together"]["coverage"][0] == {"coverage": 1.0, "accuracy": corpus["accuracy"]}
    assert {condition["mean_uar"] for condition in figures["left_out"]["conditions"].values()} == {0}
    printed = capsys.readouterr().out.splitlines()
    assert [line.split() for line in printed if line.startswith("noise, 5 dB")] == [
        ["noise,", "5", "dB", "0.000", "0.000"],  # the corpus left out comes first
        ["noise,", "5", "dB", *[f"{corpus['uar']:.3f}"] * 2],
    ]
    html = report.read_text()
    assert html.endswith("</html>")
    assert html.count("data:image/png;base64,") == 4  # noise, one corpus, reliability, coverage
    assert 'src="http' not in html
    assert f"{corpus['uar']:.3f}" in html
    assert sorted(tmp_path.iterdir()) == [output, report]


def test_the_report_of_a_single_model_names_its_training_data(recordings, tmp_path):
    report = tmp_path / "report.html"
    assert main(["evaluate", "tess-mlp", "--corpus", f"folders={recordings}", "--report", str(report)]) == 0
    html = " ".join(report.read_text().split())
    assert "According to its recipe, it was trained on tess" in html
    assert "The corpora do not state the sex of the speakers" in html
    assert "left out of training" not in html
    assert "Noise:" not in html


def test_nothing_to_evaluate(recordings, tmp_path, capsys):
    assert main(["evaluate", "speech-gate", "--corpus", f"folders={recordings}"]) == 1
    assert "no recording has one of the model's labels (other, speech)" in capsys.readouterr().err
    (tmp_path / "sad").mkdir()
    (tmp_path / "sad" / "x.wav").write_bytes(b"nothing")
    assert main(["evaluate", "tess-mlp", "--corpus", f"folders={tmp_path}"]) == 1
    assert "none of the 1 recordings could be read" in capsys.readouterr().err


def edited(source, folder, change):
    """A copy of a folder of fold models with a changed folds.json."""
    shutil.copytree(source, folder)
    data = json.loads((folder / "folds.json").read_text())
    change(data)
    (folder / "folds.json").write_text(json.dumps(data))
    return folder


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data["folds"].pop(), "no fold in folds.json lists folders bob: add them"),
        (lambda data: data["folds"][1]["speakers"]["folders"].append("ada"), "lists the speaker folders ada twice"),
        (lambda data: data["folds"][0].update(model="no.tflite"), "lists the model no.tflite, but there is no file"),
        (lambda data: data["folds"][0].update(speakers=["ada"]), r"folds.json: folds: got .* wanted {\"model\": FILE"),
        (lambda data: data["left_out"].append({"model": "sad.tflite"}), r"left_out: got .* wanted {\"model\": FILE"),
        (lambda data: data.update(left_out={}), "left_out: got {}, wanted a list"),
        (lambda data: data.update(folds=[]), r"folds: got \[\], wanted a list"),
    ],
)
def test_a_folds_file_that_cannot_be_used(change, message, folds, recordings, tmp_path, capsys):
    refused(edited(folds, tmp_path / "folds", change), recordings, tmp_path, message, capsys)


def refused(model, recordings, folder, message, capsys, *more):
    """Check that the command fails with one sentence and writes nothing."""
    before = sorted(folder.rglob("*"))
    files = ["-o", folder / "figures.json", "--report", folder / "report.html"]
    assert main([str(each) for each in ("evaluate", model, "--corpus", f"folders={recordings}", *files, *more)]) == 1
    assert re.search(message, capsys.readouterr().err.strip().splitlines()[-1])
    assert sorted(folder.rglob("*")) == before, "nothing half-written"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"labels": ("angry", "fear", "sad", "neutral", "happy")},
            "differ in labels: happy.tflite has angry, fear, sad, ",
        ),
        ({"mfcc": {"fmin_hz": 100.0}}, "differ in mfcc.fmin_hz: happy.tflite has 100.0, sad.tflite has 0.0"),
    ],
)
def test_models_with_different_recipes_are_refused(changes, message, folds, recordings, tmp_path, capsys):
    folder = edited(folds, tmp_path / "folds", lambda data: data["folds"].reverse())
    if "mfcc" in changes:
        changes = {"mfcc": replace(EmotionClassifier("tess-mlp").recipe.mfcc, **changes["mfcc"])}
    write_constant(folder / "happy.tflite", "happy", **changes)
    refused(folder, recordings, tmp_path, message, capsys)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--noise EMPTY", "--noise: EMPTY holds no audio file"),
        ("--noise nowhere", "--noise: no such folder: nowhere"),
        ("--noise BROKEN", "--noise: none of the 1 recordings can be used"),
        ("--rooms EMPTY", "--rooms: EMPTY holds no audio file"),
        ("--rooms BROKEN", "broken.wav is not audio"),
        ("--report nowhere/report.html", "cannot write nowhere/report.html: there is no folder nowhere"),
    ],
)
def test_bad_options(option, message, recordings, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "EMPTY").mkdir()
    (tmp_path / "BROKEN").mkdir()
    (tmp_path / "BROKEN" / "broken.wav").write_bytes(b"nothing")
    refused("tess-mlp", recordings, tmp_path, message, capsys, *option.split())


def test_a_folder_without_a_folds_file(recordings, tmp_path, capsys):
    refused(tmp_path, recordings, tmp_path, r"folds.json cannot be read: No such file", capsys)
    (tmp_path / "folds.json").write_text("{")
    refused(tmp_path, recordings, tmp_path, r"folds.json is not JSON", capsys)
    (tmp_path / "folds.json").write_text("[1]")
    refused(tmp_path, recordings, tmp_path, r"folds.json: got \[1\], wanted a JSON object", capsys)


def test_nothing_is_written_when_the_report_fails(recordings, tmp_path, monkeypatch, capsys):
    def fail(result):
        raise OSError("no space left")

    monkeypatch.setattr(evaluation_report, "html", fail)
    refused("tess-mlp", recordings, tmp_path, "no space left", capsys)
