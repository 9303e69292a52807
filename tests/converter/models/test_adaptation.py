"""A model fitted to your own voice: what it gains, what it keeps, and when it is refused."""

from __future__ import annotations

import re
import shutil
from itertools import pairwise

import keras
import numpy as np
import pytest
from emotion_edge_converter.cli.main import main
from emotion_edge_converter.conversion.keras_models import last_layers, load_keras, passed, probabilities
from emotion_edge_converter.conversion.tflite import convert
from emotion_edge_converter.corpora import readers
from emotion_edge_converter.errors import ConversionError
from emotion_edge_converter.models import adaptation, clips
from encoders import LABELS as HEAD_LABELS
from encoders import write_head
from sounds import tone, write

from emotion_edge import EmotionClassifier
from emotion_edge.features.recipe import MfccRecipe
from emotion_edge.model.file import load
from emotion_edge.model.recipe import ModelRecipe

LABELS = ("low", "middle", "high")
PITCHES_HZ = (300, 700, 1600, 3400)
RATE = 16000
N = 13
RECIPE = ModelRecipe(
    name="base",
    labels=LABELS,
    mfcc=MfccRecipe.preset("librosa", sample_rate_hz=RATE, n_mfcc=N),
    temperature=1.5,
    uncertain_below=0.4,
    window_s=3.0,
    licence="CC0",
    corpora=("others",),
    protocol="none",
    scores={"accuracy": 1.0},
)


def sound(pitch, seed):
    """A tone near one of the pitches, in noise."""
    random = np.random.default_rng([pitch, seed])
    samples = tone(PITCHES_HZ[pitch] * random.uniform(0.9, 1.1), rate=RATE, seconds=0.3)
    return (random.uniform(0.2, 0.8) * (samples + 0.05 * random.standard_normal(len(samples)))).astype(np.float32)


def record(folder, pitches, n, *, first=0):
    """Write clips with labels and pitches, given as label to pitch."""
    for label, pitch in pitches.items():
        for number in range(first, first + n):
            write(folder / label / f"{number}.wav", sound(pitch, number), RATE)
    return folder


def shuffled(folder, n):
    """Write clips whose labels do not depend on their sound."""
    pitches = np.random.default_rng(0).permutation(np.repeat(range(3), n))
    for number, pitch in enumerate(pitches):
        write(folder / LABELS[number // n] / f"{number}.wav", sound(pitch, number), RATE)
    return folder


AS_LEARNT = dict(zip(LABELS, (0, 1, 2), strict=True))
SHIFTED = dict(zip(LABELS, (1, 2, 3), strict=True))


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A model that knows the three pitches of other speakers, as .keras, with its .tflite next to it."""
    folder = tmp_path_factory.mktemp("base")
    recordings = readers.read([f"folders={record(folder / 'recordings', AS_LEARNT, 20)}"])
    vectors, targets = features_of(RECIPE, recordings)
    keras.utils.set_random_seed(0)
    normalisation = keras.layers.Normalization()
    normalisation.adapt(vectors)
    layers = [dense(16, "relu"), keras.layers.Dropout(0.2), dense(16, "relu"), dense(3, "softmax")]
    model = keras.Sequential([keras.Input((N,)), normalisation, *layers])
    last = last_layers(model, vectors, 3)
    last.set_weights(adaptation.fit(last.inputs, last.weights, targets))
    model.save(folder / "base.keras")
    (folder / "base.tflite").write_bytes(convert(model, RECIPE, vectors))
    return folder / "base.keras"


def features_of(recipe, recordings):
    from emotion_edge_converter.features.reference import extract

    kept, vectors = extract(recordings, recipe)
    return vectors, np.array([recipe.labels.index(utterance.emotion) for utterance in kept])


def adapt(base, folder, output, *more):
    command = ["adapt", base, base.with_suffix(".tflite"), "--corpus", f"folders={folder}", "-o", output, *more]
    return main([str(argument) for argument in command])


@pytest.fixture(scope="module")
def shifted(tmp_path_factory):
    """A speaker with a higher voice than the others."""
    return record(tmp_path_factory.mktemp("shifted"), SHIFTED, 6)


@pytest.fixture(scope="module")
def mine(base, shifted, tmp_path_factory):
    """The model that `adapt` writes for this voice."""
    path = tmp_path_factory.mktemp("mine") / "mine.tflite"
    assert adapt(base, shifted, path) == 0
    return path


def share_right(model, pitches, *, n=10, first=100):
    classifier = EmotionClassifier(model)
    right = [
        classifier.classify_samples(sound(pitch, number), RATE).label == label
        for label, pitch in pitches.items()
        for number in range(first, first + n)
    ]
    return np.mean(right)


def test_it_recognises_a_voice_that_the_original_did_not(base, mine):
    assert share_right(base.with_suffix(".tflite"), AS_LEARNT) > 0.9
    assert share_right(base.with_suffix(".tflite"), SHIFTED) < 0.4
    assert share_right(mine, SHIFTED) > 0.9


def test_the_printed_figures_are_those_of_the_recipe(base, shifted, tmp_path, capsys):
    assert adapt(base, shifted, tmp_path / "mine.tflite") == 0
    printed = capsys.readouterr()
    scores = load(tmp_path / "mine.tflite").recipe.scores
    for name in ("accuracy", "UAR", "log loss"):
        before, after = re.search(rf"^{name} +(\S+) +(\S+)$", printed.out, re.MULTILINE).groups()
        assert (f"{scores[f'{name}, before']:.3f}", f"{scores[f'{name}, after']:.3f}") == (before, after)
    assert re.search(r"^adapting helps: UAR \+0\.\d+, p = 0\.0\d+$", printed.out, re.MULTILINE)
    assert "18 files, label agreement 1.0000" in printed.out
    assert (
        printed.err
        == f"written: {tmp_path / 'mine.keras'}, {tmp_path / 'mine.tflite'}, {mine_size(tmp_path)} bytes, int8\n"
    )
    assert share_right(tmp_path / "mine.tflite", SHIFTED) == pytest.approx(scores["accuracy, after"], abs=0.1)


def mine_size(folder):
    return (folder / "mine.tflite").stat().st_size


def test_the_recipe_is_the_original_except_for_four_fields(base, mine):
    original, recipe = load(base.with_suffix(".tflite")).recipe, load(mine).recipe
    changed = {field: getattr(recipe, field) for field in ("name", "corpora", "protocol", "scores")}
    assert recipe == original.replace(**changed)
    assert (recipe.name, recipe.corpora) == ("mine", ("others", "folders"))
    assert "base, its last 2 layers adapted to 18 clips (6 low, 6 middle, 6 high)" in recipe.protocol
    assert "5-fold cross-validation" in recipe.protocol
    assert set(recipe.scores) == {
        f"{n}, {when}" for n in ("accuracy", "UAR", "log loss") for when in ("before", "after")
    }


def test_only_the_last_layers_change(base, mine):
    original, adapted = load_keras(base), load_keras(mine.with_suffix(".keras"))
    pairs = list(zip(original.get_weights(), adapted.get_weights(), strict=True))
    before, last = pairs[:5], pairs[5:]  # the normalisation and the first layer; the other two
    for ours, theirs in before:
        np.testing.assert_array_equal(ours, theirs)
    assert all(np.abs(ours - theirs).max() > 0 for ours, theirs in last)


def test_adapting_again_gives_the_same_model(base, shifted, mine, tmp_path):
    assert adapt(base, shifted, tmp_path / "mine.tflite") == 0
    assert (tmp_path / "mine.tflite").read_bytes() == mine.read_bytes()
    ours, theirs = (load_keras(path).get_weights() for path in (tmp_path / "mine.keras", mine.with_suffix(".keras")))
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)


def test_random_labels_are_refused(base, tmp_path, capsys):
    output = tmp_path / "out" / "mine.tflite"
    output.parent.mkdir()
    folder = shuffled(tmp_path / "clips", 6)
    assert adapt(base, folder, output) == 1
    printed = capsys.readouterr()
    assert "adapting is not shown to help: UAR" in printed.out
    assert re.search(
        r"not show that adapting helps, so nothing was written: .*p = [01]\.\d+, wanted .* below 0\.05", printed.err
    )
    assert list(output.parent.iterdir()) == []
    assert adapt(base, folder, output, "--anyway") == 0
    assert "does not show that adapting helps" in load(output).recipe.protocol


def test_a_voice_that_is_already_recognised_gains_nothing(base, tmp_path, capsys):
    folder = record(tmp_path / "clips", AS_LEARNT, 5, first=50)
    assert adapt(base, folder, tmp_path / "mine.tflite") == 1
    assert "nothing was written" in capsys.readouterr().err
    assert not (tmp_path / "mine.tflite").exists()


def test_a_label_without_clips_is_not_forgotten(base, tmp_path, capsys):
    swapped = {"low": 1, "middle": 0}
    assert adapt(base, record(tmp_path / "clips", swapped, 8), tmp_path / "mine.tflite") == 0
    assert "no clips of high" in capsys.readouterr().err
    assert "base, its last layer adapted to 16 clips" in load(tmp_path / "mine.tflite").recipe.protocol
    assert "none of high, whose outputs are the original's" in load(tmp_path / "mine.tflite").recipe.protocol
    original, adapted = (load_keras(path).layers[-1].get_weights() for path in (base, tmp_path / "mine.keras"))
    for ours, theirs in zip(original, adapted, strict=True):
        np.testing.assert_array_equal(ours[..., 2], theirs[..., 2])
    assert share_right(tmp_path / "mine.tflite", swapped | {"high": 2}) > 0.9


def test_a_head_on_the_voice_encoder(tmp_path):
    path = write_head(tmp_path, full=True)
    pitches = dict(zip(HEAD_LABELS, (0, 1, 3), strict=True))
    assert adapt(path.with_suffix(".keras"), record(tmp_path / "clips", pitches, 6), tmp_path / "mine.tflite") == 0
    assert share_right(tmp_path / "mine.tflite", pitches) > 0.9


def test_silence_and_damage_are_left_out(base, shifted, tmp_path, caplog):
    folder = tmp_path / "clips"
    shutil.copytree(shifted, folder)
    write(folder / "low" / "silence.wav", np.zeros(RATE, np.float32), RATE)
    (folder / "low" / "broken.wav").write_bytes(b"nothing")
    assert adapt(base, folder, tmp_path / "mine.tflite") == 0
    assert "silence.wav contains no speech: left out" in caplog.text
    assert "broken.wav" in caplog.text
    assert "18 clips" in load(tmp_path / "mine.tflite").recipe.protocol


def test_the_clips_have_the_features_of_the_device(base, shifted):
    classifier = EmotionClassifier(base.with_suffix(".tflite"))
    own = clips.read(classifier, readers.read([f"folders={shifted}"]))
    assert (own.counts, own.missing) == ({"low": 6, "middle": 6, "high": 6}, [])
    reference, targets = features_of(classifier.recipe, own.utterances)
    np.testing.assert_array_equal(own.targets, targets)
    np.testing.assert_allclose(own.features, reference, atol=1e-2)


@pytest.mark.parametrize(
    ("pitches", "n", "message"),
    [
        ({"low": 0, "shrill": 3}, 6, "the model has no label shrill: its labels are low, middle, high"),
        (
            {"low": 0},
            12,
            r"too few clips with speech \(12 low\): wanted 2 or more of each of two or more labels, 10 in all",
        ),
        ({"low": 0, "middle": 1}, 4, r"too few clips with speech \(4 low, 4 middle\)"),
        (AS_LEARNT, 1, "too few clips"),
    ],
)
def test_clips_that_are_not_enough_to_learn_from(pitches, n, message, base, tmp_path, capsys):
    assert adapt(base, record(tmp_path / "clips", pitches, n), tmp_path / "mine.tflite") == 1
    assert re.search(message, capsys.readouterr().err)
    assert not list(tmp_path.glob("mine.*"))


def test_one_clip_of_a_label_is_too_few(base, tmp_path, capsys):
    record(tmp_path / "clips", {"low": 0, "middle": 1}, 6)
    assert adapt(base, record(tmp_path / "clips", {"high": 2}, 1), tmp_path / "mine.tflite") == 1
    assert "too few clips with speech (1 high, 6 low, 6 middle)" in capsys.readouterr().err


def test_paths_that_are_wrong(base, shifted, tmp_path, capsys):
    assert adapt(base, tmp_path / "nowhere", tmp_path / "mine.tflite") == 1
    assert "folders: no such folder or file" in capsys.readouterr().err
    assert adapt(base, shifted, tmp_path / "nowhere" / "mine.tflite") == 1
    assert "there is no folder" in capsys.readouterr().err
    assert adapt(base, shifted, base.with_suffix(".tflite")) == 1
    assert "is the model to adapt: choose another name" in capsys.readouterr().err


def test_two_files_of_different_models(base, mine, shifted, tmp_path, capsys):
    command = ["adapt", mine.with_suffix(".keras"), base.with_suffix(".tflite"), "--corpus", f"folders={shifted}"]
    assert main([*map(str, command), "-o", str(tmp_path / "other.tflite")]) == 1
    assert re.search(r"mine\.keras is not the full model of .*base\.tflite", capsys.readouterr().err)


def dense(*arguments, **options):
    return keras.layers.Dense(*arguments, **options)


@pytest.mark.parametrize(
    ("layers", "n_found"),
    [
        (lambda: [dense(8, "relu"), dense(3, "softmax")], 2),
        (lambda: [dense(9, "relu"), dense(8, "relu"), keras.layers.Dropout(0.5), dense(3, "softmax")], 2),
        (lambda: [dense(8, "tanh"), dense(3)], 1),
        (lambda: [dense(8, "relu"), dense(3, use_bias=False), keras.layers.Softmax()], 2),
        (lambda: [dense(8, "relu", use_bias=False), dense(3)], 2),
        (lambda: [dense(8), keras.layers.ReLU(), dense(3)], 1),
        (lambda: [keras.Sequential([dense(8), keras.layers.BatchNormalization()]), dense(3, "softmax")], 1),
        (lambda: [dense(3, "softmax")], 1),
    ],
)
def test_the_last_layers_of_any_dense_classifier(layers, n_found):
    model = keras.Sequential([keras.Input((4,)), *layers()])
    features = np.random.default_rng(0).standard_normal((20, 4)).astype(np.float32)
    last = last_layers(model, features, 2)
    assert len(last.weights) == n_found
    others = [weights + np.arange(weights.size).reshape(weights.shape) / 70 for weights in last.weights]
    last.set_weights(others)
    logits = passed(last.inputs, others)[-1]
    likelihoods = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected = likelihoods / likelihoods.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities(model, features), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            lambda: [dense(4), dense(1, "sigmoid")],
            "the model ends in sigmoid, wanted a dense layer with one output per label",
        ),
        (lambda: [dense(3), keras.layers.LeakyReLU()], "ends in LeakyReLU"),
    ],
)
def test_a_last_layer_of_another_kind(layers, message):
    model = keras.Sequential([keras.Input((4,)), *layers()])
    with pytest.raises(ConversionError, match=message):
        last_layers(model, np.zeros((2, 4), np.float32), 1)


def drawn(seed, n_clips=18, widths=(6, 5, 3)):
    random = np.random.default_rng(seed)
    layers = [random.standard_normal((n + 1, m)) for n, m in pairwise(widths)]
    return random.standard_normal((n_clips, widths[0])), layers, np.arange(n_clips) % 3


@pytest.mark.parametrize("widths", [(6, 3), (6, 5, 3), (6, 5, 4, 3)])
def test_the_fit_is_an_optimum(widths):
    """No small step reduces the loss of the docstring by more than the tolerance of the search."""
    inputs, weights, targets = drawn(0, widths=widths)
    adapted = adaptation.fit(inputs, weights, targets, temperature=1.5)
    pulls = [np.mean(np.sum(each**2, axis=1)) / adaptation.DEVIATION**2 for each in passed(inputs, weights)[:-1]]

    def loss(layers):
        logits = passed(inputs, layers)[-1] / 1.5
        right = logits[np.arange(len(targets)), targets]
        changes = [np.sum((ours - theirs) ** 2) for ours, theirs in zip(layers, weights, strict=True)]
        return np.sum(np.log(np.exp(logits).sum(axis=1)) - right) + np.dot(pulls, changes) / 2

    assert loss(adapted) < loss(weights) / 2
    random = np.random.default_rng(1)
    for size in (1e-3, 1e-2):
        for _ in range(40):
            step = [size * random.standard_normal(each.shape) for each in adapted]
            assert loss(adapted) < 1.001 * loss([ours + change for ours, change in zip(adapted, step, strict=True)])


def test_each_label_counts_the_same():
    """However often it was recorded: if the sounds are the same, no label becomes more likely."""
    adapted = adaptation.fit(np.ones((36, 1)), [np.array([[0.0, 2.0]])], np.repeat([0, 1], [30, 6]))[0]
    assert adapted[0, 0] == pytest.approx(adapted[0, 1], abs=0.01)


def test_with_one_shuffle_it_is_mcnemars_test():
    targets = np.repeat([0, 1], 10)
    wrong, right = np.eye(2)[1 - targets], np.eye(2)[targets]
    after = right.copy()
    before = np.where((np.arange(20) % 10 < 4)[:, None], wrong, right)  # eight become right
    comparison = adaptation.Comparison(targets, before, after[None], 5)
    assert comparison.p_value == pytest.approx(2 / 2**8, abs=0.003)
    assert comparison.helps
    assert comparison.gain == pytest.approx(0.4)
    worse = adaptation.Comparison(targets, after, before[None], 5)
    assert worse.p_value == pytest.approx(2 / 2**8, abs=0.003)
    assert not worse.helps
    same = adaptation.Comparison(targets, before, before[None], 5)
    assert (same.p_value, same.gain, same.helps) == (1, 0, False)


def test_random_labels_rarely_seem_to_help():
    helped = 0
    for seed in range(3):
        inputs, weights, targets = drawn(seed)
        helped += adaptation.cross_validate(inputs, weights, targets, seed=seed).helps
    assert helped <= 1
