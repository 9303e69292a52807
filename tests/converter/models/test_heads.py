"""Heads on the voice encoder: linear regression, simulated voices, and the whole command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from emotion_edge_converter.cli.main import main
from emotion_edge_converter.corpora import readers
from emotion_edge_converter.corpora.readers import EMOTIONS, Utterance
from emotion_edge_converter.evaluation import fold_models
from emotion_edge_converter.features.examples import Examples
from emotion_edge_converter.models import heads
from emotion_edge_converter.training import linear, shallow, voices
from encoders import random_encoder
from sounds import spoken, voice, write

from emotion_edge import EmotionClassifier
from emotion_edge.model.file import load
from emotion_edge.model.recipe import EncoderReference, ProfileRecipe

RATE = 16000
PITCH = {"angry": 1.6, "fear": 1.3, "happy": 1.15, "neutral": 1.0, "sad": 0.8, "disgust": 0.9}


def utterances(*rows):
    return [Utterance(Path(), speaker, "", emotion, corpus) for corpus, speaker, emotion in rows]


def test_linear_regression_is_that_of_scikit_learn():
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(0)
    rows = random.standard_normal((300, 6)).astype(np.float32)
    labels = (rows @ random.standard_normal((6, 3)) + random.gumbel(size=(300, 3))).argmax(axis=1)
    weights = random.uniform(0.5, 2, 300)
    kernel, bias = linear.fit(rows, np.eye(3)[labels], weights, ridge=0.05)
    reference = LogisticRegression(C=1 / (0.05 * weights.sum()), tol=1e-8, max_iter=1000)
    reference.fit(rows, labels, sample_weight=weights)
    np.testing.assert_allclose(kernel - kernel.mean(axis=1, keepdims=True), reference.coef_.T, atol=2e-3)
    np.testing.assert_allclose(bias - bias.mean(), reference.intercept_, atol=2e-3)


def test_standardisation_weighs_recordings():
    features = np.array([[[0.0, 1.0]], [[4.0, 1.0]]], np.float32)
    mean, deviation = linear.standardisation(features, np.array([3.0, 1.0]))
    np.testing.assert_allclose(mean, [1, 1])
    np.testing.assert_allclose(deviation, [np.sqrt(3), 1e-3])


def test_the_complete_head_standardises_and_limits_raw_features():
    random = np.random.default_rng(0)
    mean, deviation = random.standard_normal(4).astype(np.float32), random.uniform(1, 2, 4).astype(np.float32)
    rows = 3 * random.standard_normal((600, 4)).astype(np.float32)
    limited = np.clip((rows - mean) / deviation, -shallow.LIMIT, shallow.LIMIT)
    np.testing.assert_array_equal(limited, shallow.limited((rows - mean) / deviation))
    assert (np.abs(limited) == shallow.LIMIT).any()
    targets = np.eye(3)[limited[:, :3].argmax(axis=1)]
    network = shallow.fit(limited, targets, np.ones(600), seed=0)
    learnt = np.asarray(network(limited))
    assert (learnt.argmax(axis=1) == targets.argmax(axis=1)).mean() > 0.8
    two = shallow.complete(network, mean, deviation, 2, "head")
    expected = learnt[:, :2] / learnt[:, :2].sum(axis=1, keepdims=True)  # the third output is removed
    np.testing.assert_allclose(np.asarray(two(rows)), expected, atol=1e-5)


def voices_of(n_takes=6, speakers="abcd", n_features=8, seed=0):
    """Standardised features in which each emotion and each speaker move the mean; those two; and who says what."""
    random = np.random.default_rng(seed)
    emotions = random.standard_normal((len(EMOTIONS), n_features))
    emotions -= emotions.mean(axis=0)
    own = 3 * random.standard_normal((len(speakers), n_features))
    rows = [("one", name, emotion) for name in speakers for emotion in EMOTIONS for _ in range(n_takes)]
    moved = [own[speakers.index(name)] + emotions[EMOTIONS.index(emotion)] for _, name, emotion in rows]
    noise = 0.05 * random.standard_normal((len(rows), n_features))
    return (np.array(moved) + noise).astype(np.float32), emotions, own, utterances(*rows)


def test_emotions_move_the_features_of_every_speaker_alike():
    features, emotions, _, some = voices_of()
    np.testing.assert_allclose(voices.emotion_means(features, some, EMOTIONS), emotions, atol=0.1)
    assert not voices.emotion_means(features[:3], some[:3], EMOTIONS).any()  # nobody shows all of them


def test_a_profile_finds_the_voice_whatever_the_emotion():
    """With the true emotions put back, every profile subtracts the speaker's own mean, by its share."""
    features, emotions, own, some = voices_of()
    truth = np.eye(len(EMOTIONS))[[EMOTIONS.index(each.emotion) for each in some]]
    recipe = ProfileRecipe(
        strength=1.0, utterances_to_half=1.0, emotion_share=1.0, emotion_means=tuple(emotions.ravel().tolist())
    )
    drawn = voices.Voices(features[:, np.newaxis], truth, some, recipe, emotions)
    offsets = drawn.offsets(np.random.default_rng(0))[:, 0]
    for number, name in enumerate("abcd"):
        rows = np.array([each.speaker == name for each in some])
        shares = offsets[rows] @ own[number] / (own[number] @ own[number])
        assert np.all((shares > 0.6) & (shares < 1.0))
        across = offsets[rows] - shares[:, np.newaxis] * own[number]
        assert np.abs(across).max() < 0.2


def test_singers_are_the_speakers_of_the_other_corpus():
    some = utterances(("ravdess", "01", "sad"), ("ravdess-song", "01", "sad"), ("ravdess", "02", "sad"))
    first, second, third = readers.speakers(some)
    assert first == second != third


def test_training_is_repeatable_and_removes_other_emotions_at_the_end():
    features, *_, some = voices_of()
    others = [*some, *utterances(*(("one", name, "disgust") for name in "abcd"))]
    extra = np.random.default_rng(9).standard_normal((4, features.shape[1])).astype(np.float32)
    examples = Examples(others, np.concatenate([features, extra])[:, np.newaxis])
    every = np.ones(len(others), bool)
    one, two = (heads.fit(examples, every, EMOTIONS, seed=1) for _ in range(2))
    assert one.output_shape == (None, 5)
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    recipe = heads.recipe("x", EMOTIONS, EncoderReference(name="encoder", checksum="0123abcd", width=4))
    recipe = heads.fitted(recipe, examples, every)
    assert len(recipe.profile.emotion_means) == 5 * features.shape[1]
    normalisation = one.layers[0]  # the runtime standardises with the numbers that the head was trained with
    np.testing.assert_allclose(recipe.standardisation.mean, np.ravel(normalisation.mean), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(recipe.standardisation.deviation, np.sqrt(np.ravel(normalisation.variance)), rtol=1e-4)


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """Two corpora as a table, with 3 and 2 speakers and an emotion that is not among the five; a noise; a room."""
    folder = tmp_path_factory.mktemp("corpora")
    rows = ["file,speaker,word,emotion,corpus,sex"]
    for corpus, names in (("one", "abc"), ("two", "xy")):
        for number, speaker in enumerate(names):
            for emotion, factor in PITCH.items():
                path = folder / corpus / f"{speaker}-{emotion}.wav"
                samples = voice(100 * number, rate=round(RATE / factor), seconds=1.2 * factor)
                write(path, samples[: round(1.2 * RATE)], RATE)
                rows.append(f"{path},{speaker},0,{emotion},{corpus},")
    (folder / "table.csv").write_text("\n".join(rows) + "\n")
    random = np.random.default_rng(0)
    write(folder / "noise" / "hiss.wav", 0.1 * random.standard_normal(2 * RATE).astype(np.float32), RATE)
    (folder / "encoder").mkdir()
    (folder / "encoder" / "random-encoder.tflite").write_bytes(random_encoder())
    return folder


def arguments(corpora, folder, *more):
    return [
        *("head", str(corpora / "encoder" / "random-encoder.tflite"), "--corpus", f"csv={corpora / 'table.csv'}"),
        *("--emotions", ",".join(EMOTIONS), "--noise", str(corpora / "noise"), "--versions", "1"),
        *("--least-agreement", "0.5", "--folds", str(folder / "folds"), "-o", str(folder / "mine.keras")),
        *("--licence", "ours", *more),
    ]


@pytest.fixture(scope="module")
def made(corpora, tmp_path_factory):
    """The folder that the command wrote to."""
    folder = tmp_path_factory.mktemp("made")
    assert main(arguments(corpora, folder)) == 0
    return folder


def test_the_command_writes_a_model_that_runs_beside_its_encoder(made):
    recipe = load(made / "mine.tflite").recipe
    assert (recipe.name, recipe.labels, recipe.licence, recipe.corpora) == ("mine", EMOTIONS, "ours", ("one", "two"))
    assert recipe.encoder is not None
    assert recipe.profile is not None
    assert len(recipe.profile.emotion_means) == 5 * 768
    assert set(recipe.scores) == {
        f"{name}, {which}" for name in ("UAR", "UAR, corpus left out") for which in ("one", "two", "mean")
    }
    assert json.loads((made / "mine.json").read_text())["temperature"] == recipe.temperature
    prediction = EmotionClassifier(made / "mine.tflite").classify_samples(spoken(rate=RATE), RATE)
    assert sum(prediction.probabilities.values()) == pytest.approx(1)


def test_evaluate_reads_its_fold_models(made, corpora):
    models = fold_models.load(str(made / "folds"))
    assert len(models.folds) == 3
    assert models.by_speaker is not None
    assert models.by_corpus is not None
    assert set(models.by_speaker) == {("one", speaker) for speaker in "abc"} | {("two", speaker) for speaker in "xy"}
    assert set(models.by_corpus) == {"one", "two"}
    output = made / "figures.json"
    assert main(["evaluate", str(made / "folds"), "--corpus", f"csv={corpora / 'table.csv'}", "-o", str(output)]) == 0
    assert json.loads(output.read_text())["left_out"]["corpora"].keys() == {"one", "two"}


def test_a_second_run_makes_nothing_again(made, corpora):
    kept = [*(made / "folds").glob("*.keras"), made / "folds" / "features.npy"]
    before, content = [file.stat().st_mtime_ns for file in kept], (made / "mine.tflite").read_bytes()
    assert main(arguments(corpora, made)) == 0
    assert [file.stat().st_mtime_ns for file in kept] == before
    assert (made / "mine.tflite").read_bytes() == content


def test_a_folder_of_another_run_is_refused(made, corpora, capsys):
    assert main(arguments(corpora, made, "--versions", "2")) == 1
    assert "belongs to a run with another value of versions" in capsys.readouterr().err


def test_an_encoder_that_is_missing_is_named(corpora, tmp_path, capsys):
    command = arguments(corpora, tmp_path)
    command[1] = str(tmp_path / "nothing.tflite")
    assert main(command) == 1
    assert "no such file; make it with emotion-edge-converter voice-encoder" in capsys.readouterr().err
