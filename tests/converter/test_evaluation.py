"""Figures of models: their formulas on cases one can work out, and the evaluate command."""

from __future__ import annotations

import json

import numpy as np
import pytest
from emotion_edge_converter.cli import main
from emotion_edge_converter.evaluation import confusion_matrix, expected_calibration_error, uar, uar_interval
from emotion_edge_converter.scores import Answers
from sounds import voice, write

from emotion_edge import EmotionClassifier


def test_uar_is_the_mean_of_the_recalls():
    matrix = confusion_matrix(np.array([0, 0, 0, 0, 1]), np.array([0, 0, 0, 1, 1]), 2)
    assert uar(matrix) == pytest.approx((0.75 + 1) / 2)
    assert uar(np.array([[3, 1, 0], [0, 1, 1]])) == pytest.approx((0.75 + 0.5) / 2)  # a last column for no answer


def test_the_interval_is_over_talkers():
    random = np.random.default_rng(1)
    actual = np.tile([0, 1], 200)
    talkers = [f"t{number // 20}" for number in range(400)]
    good = np.repeat(random.random(20) < 0.5, 20)  # each talker is understood wholly or not at all
    predicted = np.where(good, actual, 1 - actual)
    low, high = uar_interval(actual, predicted, talkers, 2)
    share = good.mean()
    assert low < share < high
    spread = np.sqrt(share * (1 - share) / 20)  # of 20 talkers, not of 400 recordings
    assert (high - low) / (2 * 1.96 * spread) == pytest.approx(1, abs=0.25)
    assert uar_interval(actual, predicted, talkers, 2) == (low, high)


def test_the_interval_of_sure_and_of_single_talkers():
    actual = np.array([0, 1, 0, 1])
    assert uar_interval(actual, actual, ["a", "a", "b", "b"], 2) == (1, 1)
    assert np.isnan(uar_interval(actual, actual, ["a"] * 4, 2)).all()


def test_calibration_error():
    confidences = np.array([0.95, 0.95, 0.55, 0.55, 1.0])
    assert expected_calibration_error(confidences, np.array([1, 1, 1, 0, 1])) == pytest.approx((0.1 + 0.1) / 5)
    assert expected_calibration_error(np.array([0.9, 0.9]), np.array([0, 0])) == pytest.approx(0.9)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Folders of labels and talkers, one silence and one file that is no audio among them."""
    folder = tmp_path_factory.mktemp("recordings")
    for label in ("happy", "sad", "calm"):
        for talker in ("ada", "bob"):
            for take in range(3):
                write(
                    folder / label / talker / f"{take}.wav",
                    voice(10 * len(label) + take + (talker == "bob"), seconds=0.7),
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
    assert (corpus["recordings"], corpus["talkers"], corpus["no_speech"]) == (13, 2, 1)  # calm is none of its labels
    matrix = np.array(corpus["confusion"])
    assert matrix.shape == (5, 6)
    assert matrix.sum(axis=1).tolist() == [0, 0, 6, 0, 7]
    assert matrix[:, 5].sum() == 1
    assert corpus["uar"] == pytest.approx(uar(matrix), abs=1e-4)
    assert corpus["accuracy"] == pytest.approx(np.trace(matrix) / 13, abs=1e-4)
    assert figures["mean_uar"] == corpus["uar"]
    line = next(line for line in printed.out.splitlines() if line.startswith("folders"))
    assert line.split()[1:4] == ["13", "2", f"{corpus['uar']:.3f}"]


def test_the_answers_are_those_of_the_runtime(recordings):
    from emotion_edge_converter import corpora, scores

    classifier = EmotionClassifier()
    answers = scores.answer(classifier, corpora.read([f"folders={recordings}"]))
    assert isinstance(answers, Answers)
    for utterance, prediction in zip(answers.utterances, answers.predictions, strict=True):
        assert prediction == classifier.classify(utterance.file)
    assert {utterance.talker for utterance in answers.of(talker="ada").utterances} == {"ada"}


def test_nothing_to_evaluate(recordings, tmp_path, capsys):
    assert main(["evaluate", "speech-gate", "--corpus", f"folders={recordings}"]) == 1
    assert "no recording carries one of the model's labels (other, speech)" in capsys.readouterr().err
    (tmp_path / "sad").mkdir()
    (tmp_path / "sad" / "x.wav").write_bytes(b"nothing")
    assert main(["evaluate", "tess-mlp", "--corpus", f"folders={tmp_path}"]) == 1
    assert "none of the 1 recordings could be read" in capsys.readouterr().err
