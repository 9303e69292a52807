"""Voice profiles: learning, saving, and the share that is subtracted."""

from __future__ import annotations

import json
import os
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from emotion_edge_converter.conversion.model_file import embed
from hypothesis import given
from hypothesis import strategies as st
from sounds import voice, write

import emotion_edge
from emotion_edge import EmotionClassifier, ModelError, ProfileError, VoiceProfile
from emotion_edge import profile as profile_module
from emotion_edge.classifier import Features
from emotion_edge.model.file import load
from emotion_edge.model.recipe import ProfileRecipe
from models import PROFILE, write_profiled

N = 30  # features of tess-mlp
RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_profiled(tmp_path_factory.mktemp("models") / "profiled.tflite")


def profile_of(*vectors, model="tess-mlp"):
    """A profile that has learnt from these utterances of one second each."""
    profile = VoiceProfile(model, len(vectors[0]))
    for vector in vectors:
        profile.learn(vector, 1.0)
    return profile


def same(profile, other):
    assert (profile.model, profile.n_features) == (other.model, other.n_features)
    assert (profile.utterances, profile.seconds) == (other.utterances, other.seconds)
    np.testing.assert_array_equal(profile.mean, other.mean)
    return True


def test_the_mean_of_the_utterances():
    vectors = RANDOM.standard_normal((20, 3))
    profile = VoiceProfile("m", 3)
    assert (profile.utterances, profile.seconds) == (0, 0.0)
    for n, vector in enumerate(vectors, 1):
        profile.learn(vector, 1.5)
        np.testing.assert_allclose(profile.mean, vectors[:n].mean(axis=0), atol=1e-12)
    assert (profile.utterances, profile.seconds) == (20, 30.0)
    assert profile.mean.dtype == np.float64
    assert repr(profile) == "VoiceProfile(m: 20 utterances, 30 s)"


def test_it_follows_a_voice_that_changes():
    profile = profile_of(*np.zeros((1000, 2)))
    for _ in range(200):
        profile.learn([1.0, -1.0], 1.0)
    np.testing.assert_allclose(profile.mean, [1 - np.exp(-1), np.exp(-1) - 1], atol=2e-3)
    assert profile.utterances == 1200


@pytest.mark.parametrize(("n", "share"), [(0, 0.0), (1, 0.8 / 5), (4, 0.4), (36, 0.72)])
def test_the_offset_is_small_after_few_utterances(n, share):
    profile = VoiceProfile("m", 2)
    for _ in range(n):
        profile.learn([2.0, -1.0], 1.0)
    assert profile.share(PROFILE) == pytest.approx(share)
    np.testing.assert_allclose(profile.offset(PROFILE), [2 * share, -share])


def test_the_mean_is_a_copy():
    profile = profile_of([1.0, 2.0])
    profile.mean[:] = 9
    np.testing.assert_array_equal(profile.mean, [1, 2])


@pytest.mark.parametrize("vector", [[1.0], [1.0, 2.0, 3.0], [[1.0, 2.0]], [1.0, np.nan], [np.inf, 0.0], [1e30, 0.0]])
def test_features_that_no_voice_has_are_not_learnt(vector):
    profile = profile_of([1.0, 2.0])
    with pytest.raises(ProfileError, match="wanted 2 finite numbers"):
        profile.learn(vector, 1.0)
    with pytest.raises(ProfileError, match="seconds of speech: got nan"):
        profile.learn([0.0, 0.0], float("nan"))
    assert same(profile, profile_of([1.0, 2.0]))


def test_several_threads_can_call_learn():
    profile = VoiceProfile("m", 2)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: profile.learn([1.0, n % 2], 1.0), range(2000)))
    assert (profile.utterances, profile.seconds) == (2000, 2000.0)
    assert profile.mean[0] == pytest.approx(1)


# With a classifier


def test_a_new_profile_changes_nothing(model):
    plain = EmotionClassifier(model)
    new = EmotionClassifier(model, profile=VoiceProfile.open("none.json", model))
    for vector in (100 * RANDOM.standard_normal((20, N))).astype(np.float32):
        np.testing.assert_array_equal(new.probabilities(vector), plain.probabilities(vector))
    assert new.classify_samples(voice(1), 22050) == plain.classify_samples(voice(1), 22050)


def test_the_mean_of_a_voice_is_subtracted_more_with_each_utterance(model):
    profile = VoiceProfile.open("none.json", model)
    classifier = EmotionClassifier(model, profile=profile)
    seen = []
    classifier._interpreter = lambda x: (seen.append(x), np.zeros(5, np.float32))[1]  # type: ignore[misc, assignment]
    deviation, mean = classifier._deviation, classifier._mean
    bias = RANDOM.standard_normal(N)

    def sounds(standardised):
        return (mean + deviation * standardised).astype(np.float32)

    for n in range(0, 12, 2):
        classifier.probabilities(sounds(bias))
        left = 1 - PROFILE.strength * n / (n + PROFILE.utterances_to_half)
        np.testing.assert_allclose(seen[-1], left * bias, atol=1e-4)
        emotion = RANDOM.standard_normal(N)
        for one in (emotion, -emotion):  # emotions vary around the mean of the voice
            assert classifier.learn(Features(sounds(bias + one), 2.0, True))
    assert profile.utterances == 12


def test_a_biased_voice_gives_the_result_of_one_without_the_bias(model):
    profile, plain = VoiceProfile.open("none.json", model), EmotionClassifier(model)
    bias = 3 * RANDOM.standard_normal(N)
    for _ in range(1000):
        profile.learn(bias, 2.0)
    classifier = EmotionClassifier(model, profile=profile)
    left = 1 - profile.share(PROFILE)
    for vector in RANDOM.standard_normal((10, N)):
        biased, expected = (plain._mean + plain._deviation * (vector + b) for b in (bias, left * bias))
        np.testing.assert_allclose(classifier.probabilities(biased), plain.probabilities(expected), atol=0.05)


def test_it_learns_only_from_a_second_or_more_of_speech_and_only_on_request(model):
    classifier = EmotionClassifier(model, profile=VoiceProfile.open("none.json", model))
    vector = np.ones(N, np.float32)
    assert not classifier.learn(Features(vector, 5.0, False))
    assert not classifier.learn(Features(vector, 0.9, True))
    classifier.classify_samples(voice(1, seconds=2.0), 22050)
    assert classifier.profile.utterances == 0
    assert classifier.learn(Features(vector, 1.0, True))
    assert (classifier.profile.utterances, classifier.profile.seconds) == (1, 1.0)
    assert not EmotionClassifier(model).learn(Features(vector, 5.0, True))


def test_classify_with_learn_lets_the_profile_learn(model, tmp_path, open_gate):
    classifier = EmotionClassifier(model, profile=VoiceProfile.open("none.json", model))
    samples = voice(1, seconds=2.0)
    first = classifier.classify_samples(samples, 22050, learn=True)
    assert first == EmotionClassifier(model).classify_samples(samples, 22050), "the prediction comes before learning"
    classifier.classify(write(tmp_path / "voice.wav", samples, 22050), learn=True)
    assert (classifier.profile.utterances, classifier.profile.seconds) == (2, 4.0)
    assert (
        EmotionClassifier(model).classify_samples(samples, 22050, learn=True).status != "no_speech"
    )  # no profile learns


def test_one_classifier_serves_several_speakers(model):
    anyone = EmotionClassifier(model)
    ada, bob = (VoiceProfile.open(f"{name}.json", model) for name in ("ada", "bob"))
    of_ada, of_bob = anyone.with_profile(ada), anyone.with_profile(bob)
    vector = np.ones(N, np.float32)
    assert of_ada.learn(Features(vector, 2.0, True))
    assert (ada.utterances, bob.utterances, anyone.profile) == (1, 0, None)
    for known, profile in ((of_ada, ada), (of_bob, bob), (of_ada.with_profile(None), None)):
        alone = EmotionClassifier(model, profile=profile)
        np.testing.assert_array_equal(known.probabilities(vector), alone.probabilities(vector))
    with pytest.raises(ProfileError, match="was made with the model other"):
        anyone.with_profile(VoiceProfile("other", N))


def test_threads_can_classify_and_learn(model):
    classifier = EmotionClassifier(model, profile=VoiceProfile.open("none.json", model))
    vectors = RANDOM.standard_normal((400, N)).astype(np.float32)

    def use(vector):
        classifier.learn(Features(vector, 1.0, True))
        return classifier.probabilities(vector).sum()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(use, vectors)) == pytest.approx([1.0] * 400)
    assert classifier.profile.utterances == 400


def test_a_model_that_does_not_support_profiles_refuses_them():
    for use in (
        lambda: EmotionClassifier("tess-mlp", profile=VoiceProfile("tess-mlp", N)),
        lambda: VoiceProfile.open("none.json", "tess-mlp"),
    ):
        with pytest.raises(ModelError, match="the model tess-mlp does not support voice profiles"):
            use()


@pytest.mark.parametrize(("name", "n_features"), [("other", N), ("tess-mlp", 40)])
def test_a_profile_of_another_model_is_refused(model, name, n_features):
    with pytest.raises(
        ProfileError,
        match=f"made with the model {name}, which has {n_features} features, but this is tess-mlp, which has 30: use",
    ):
        EmotionClassifier(model, profile=VoiceProfile(name, n_features))


def retrained(path):
    """A model of the same name whose features are standardised with other numbers."""
    standardisation = load("tess-mlp").recipe.standardisation
    assert standardisation is not None
    mean = (standardisation.mean[0] + 1e-3, *standardisation.mean[1:])
    return write_profiled(path, standardisation=replace(standardisation, mean=mean))


def test_a_profile_of_the_model_before_retraining_is_refused(tmp_path, model):
    path, other = tmp_path / "anna.json", retrained(tmp_path / "retrained.tflite")
    profile = VoiceProfile.open(str(path), model)
    profile.learn(np.ones(N), 1.0)
    profile.save(path)
    before = path.read_bytes()
    for use in (
        lambda: EmotionClassifier(other, profile=profile),
        lambda: EmotionClassifier(other, profile=VoiceProfile.load(path)),
        lambda: VoiceProfile.open(str(path), other),
    ):
        with pytest.raises(
            ProfileError,
            match="made with another version of the model tess-mlp, trained differently: use that version, or",
        ):
            use()
    assert path.read_bytes() == before
    assert EmotionClassifier(model, profile=VoiceProfile.load(path)).profile.utterances == 1


def test_a_profile_of_the_model_with_another_encoder_is_refused(tmp_path):
    pytest.importorskip("keras", reason="needs Keras, with which the converter makes these files")
    from encoders import write_head

    path, folder = tmp_path / "anna.json", tmp_path / "other"
    folder.mkdir()
    profiled = ProfileRecipe(strength=1.0, utterances_to_half=1.0)
    head = write_head(tmp_path, profile=profiled)
    encoder = load(head).recipe.encoder
    assert encoder is not None
    other = write_head(folder, profile=profiled, encoder=replace(encoder, checksum="01234567"))
    VoiceProfile.open(str(path), head).save(path)
    assert EmotionClassifier(head, profile=VoiceProfile.load(path)).profile.n_features == 768
    with pytest.raises(ProfileError, match="made with another version of the model head, trained differently"):
        VoiceProfile.open(str(path), other)


@pytest.mark.parametrize(
    "changes",
    [
        {"temperature": 2.5, "uncertain_below": 0.7, "scores": {"UAR": 0.5}},
        {"profile": ProfileRecipe(strength=0.1, utterances_to_half=9.0)},
    ],
)
def test_a_model_that_was_only_recalibrated_accepts_the_profile(tmp_path, model, changes):
    profile = VoiceProfile.open("none.json", model)
    profile.learn(np.ones(N), 1.0)
    profile.save(tmp_path / "anna.json")
    path = tmp_path / "m.tflite"
    path.write_bytes(embed(load(model).content, load(model).recipe.replace(**changes)))
    assert same(VoiceProfile.open(str(tmp_path / "anna.json"), path), profile)


def test_a_profile_of_an_older_release_is_accepted_and_then_belongs_to_that_model(tmp_path, model):
    path, other = tmp_path / "anna.json", retrained(tmp_path / "retrained.tflite")
    old = {"format": 1, "model": "tess-mlp", "utterances": 3, "seconds": 4.5, "mean": [0.5] * N}
    path.write_text(json.dumps(old))
    EmotionClassifier(other, profile=VoiceProfile.load(path))  # a profile of format 1 cannot show the difference
    profile = VoiceProfile.open(str(path), model)
    assert (profile.utterances, profile.seconds, profile.mean.tolist()) == (3, 4.5, old["mean"])
    with pytest.raises(ProfileError, match="another version"):
        EmotionClassifier(other, profile=profile)
    assert json.loads(path.read_text()) == old, "until it is saved"
    profile.save(path)
    with pytest.raises(ProfileError, match="another version"):
        VoiceProfile.open(str(path), other)
    assert same(VoiceProfile.open(str(path), model), profile)


# On disk


def test_saved_and_loaded(tmp_path):
    profile = profile_of(*RANDOM.standard_normal((7, N)))
    path = tmp_path / "new" / "folder" / "anna.json"
    profile.save(path)
    assert same(VoiceProfile.load(path), profile)
    assert list(path.parent.iterdir()) == [path]
    assert path.stat().st_size < 2000
    written = json.loads(path.read_text())
    assert list(written) == ["format", "model", "utterances", "seconds", "mean", "standardisation", "probabilities"]
    if os.name == "posix":  # it is about a person
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_open_starts_a_new_profile_or_continues_one(tmp_path, model):
    path = str(tmp_path / "anna.json")
    profile = VoiceProfile.open(path, model)
    assert (profile.model, profile.n_features, profile.utterances) == ("tess-mlp", N, 0)
    assert not Path(path).exists()
    profile.learn(np.ones(N), 1.0)
    profile.save(path)
    assert same(VoiceProfile.open(path, model), profile)
    profile_of(np.ones(4), model="other").save(path)
    with pytest.raises(ProfileError, match="the model other, which has 4 features, but this is tess-mlp, which has 30"):
        VoiceProfile.open(path, model)


@pytest.mark.parametrize("fails", ["write", "replace"])
def test_a_crash_while_saving_keeps_the_old_file(tmp_path, monkeypatch, fails):
    path = tmp_path / "anna.json"
    old = profile_of(np.ones(N))
    old.save(path)
    before = path.read_bytes()

    def crash(*_, **__):
        raise KeyboardInterrupt

    if fails == "replace":
        monkeypatch.setattr(Path, "replace", crash)
    else:  # half of the file is written
        monkeypatch.setattr(Path, "write_text", _write_half)
    with pytest.raises(KeyboardInterrupt):
        profile_of(np.zeros(N), np.zeros(N)).save(path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    assert same(VoiceProfile.load(path), old)


def _write_half(path, text, **_):
    path.write_bytes(text[: len(text) // 2].encode())
    raise KeyboardInterrupt


def test_a_profile_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        ProfileError, match=r"anna.json cannot be written: .*; to use another folder, set EMOTION_EDGE_PROFILES"
    ):
        profile_of(np.ones(N)).save(tmp_path / "file" / "anna.json")


def test_a_missing_profile_is_an_error(tmp_path):
    with pytest.raises(ProfileError, match=r"there is no voice profile .*anna.json"):
        VoiceProfile.load(tmp_path / "anna.json")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(ProfileError, match=r"folder.json cannot be read: Is a directory"):
        VoiceProfile.load(tmp_path / "folder.json")


GOOD = {"format": 2, "model": "m", "utterances": 3, "seconds": 4.5, "mean": [0.5, -1.0], "standardisation": "0123"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 4}, "format: got 4, wanted 1 to 3, or a newer emotion-edge"),
        ({"standardisation": 7}, "standardisation: got 7, wanted a text"),
        ({"model": " "}, "model: got ' ', wanted the name of a model"),
        ({"model": None}, "model: got None, wanted a text"),
        ({"utterances": -1}, "utterances: got -1, wanted 0 to"),
        ({"utterances": 1.5}, "utterances: got 1.5, wanted a whole number"),
        ({"utterances": 10**400}, "utterances: got 1"),
        ({"utterances": True}, "utterances: got True"),
        ({"seconds": float("nan")}, "seconds: got nan, wanted a finite number"),
        ({"seconds": -1}, "seconds: got -1"),
        ({"mean": []}, "mean: got .*wanted one number per feature"),
        ({"mean": [0.0, float("inf")]}, "mean: got .*inf"),
        ({"mean": [0.0, 1e30]}, "mean: got 1e"),
        ({"mean": [0.0, "1"]}, "mean: got .*'1'"),
        ({"mean": {"0": 1}}, "mean: got"),
        ({"model": "m\x1b[2J"}, r"model: got 'm\\x1b\[2J', wanted a text without control characters"),
        ({"mean": [[[]]]}, "mean: got"),
        ({"audio": []}, "audio is not a field of a voice profile; known: format, model, utterances, seconds, mean"),
    ],
)
def test_a_damaged_file_is_refused_and_kept(tmp_path, change, message):
    path = tmp_path / "anna.json"
    path.write_text(json.dumps(GOOD | change))
    before = path.read_bytes()
    with pytest.raises(ProfileError, match=f"anna.json cannot be used .*{message}"):
        VoiceProfile.open(str(path), write_profiled(tmp_path / "m.tflite"))
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"[" * 100_000,
        b"\xff\xfe\x00",
        b'{"format": 1}',
        b" " * 3_000_000,
        b"9" * 5000,
        b'{"format": 1, "format": 1}',
    ],
)
def test_a_file_that_is_not_a_profile_is_refused(tmp_path, content):
    path = tmp_path / "anna.json"
    path.write_bytes(content)
    with pytest.raises(ProfileError, match=r"anna.json (cannot be used|has more than)") as refused:
        VoiceProfile.load(path)
    assert len(str(refused.value)) < 1000


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(GOOD)) | st.text(), json_values))
def test_any_json_is_loaded_or_refused(tmp_path_factory, change):
    _load_or_refuse(tmp_path_factory.getbasetemp() / "any.json", json.dumps(GOOD | change).encode())


@given(st.integers(0, 200), st.integers(0, 200), st.binary(max_size=5))
def test_any_damage_is_loaded_or_refused(tmp_path_factory, first, length, damage):
    content = json.dumps(GOOD).encode()
    _load_or_refuse(tmp_path_factory.getbasetemp() / "cut.json", content[:first] + damage + content[first + length :])


def _load_or_refuse(path, content):
    path.write_bytes(content)
    try:
        profile = VoiceProfile.load(path)
    except ProfileError as error:
        assert "any.json" in str(error) or "cut.json" in str(error)
    else:
        assert np.isfinite(profile.offset(ProfileRecipe(strength=1.0, utterances_to_half=1e-3))).all()
        profile.learn(np.zeros(profile.n_features), 1.0)
        profile.save(path)
        assert VoiceProfile.load(path).utterances == profile.utterances


# Names


@pytest.mark.parametrize("name", ["anna", "Zoë", "living-room.usb_2", "a", "x" * 50])
def test_a_name_becomes_a_path_in_the_folder(monkeypatch, tmp_path, name):
    monkeypatch.setenv("EMOTION_EDGE_PROFILES", str(tmp_path))
    assert VoiceProfile.path_of(name) == tmp_path / f"{name}.json"


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../anna", "a/b", "a\\b", ".hidden", "-x", "a b", "a\n", "a\0", "C:x", "x" * 51]
)
def test_other_names_are_refused(name):
    with pytest.raises(ProfileError, match=r"the name of a voice profile: got .*wanted up to 50 letters"):
        VoiceProfile.path_of(name)


def test_a_path_stays_as_it_is():
    assert VoiceProfile.path_of("some/where/anna.json") == Path("some/where/anna.json")


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {}, "home/.local/share"),
        ("linux", {"XDG_DATA_HOME": "/data"}, "/data"),
        ("linux", {"XDG_DATA_HOME": "data"}, "home/.local/share"),
        ("darwin", {}, "home/Library/Application Support"),
        ("win32", {}, "home/AppData/Local"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local"),
    ],
)
def test_the_folder_for_user_data(monkeypatch, platform, environment, expected):
    for name in ("EMOTION_EDGE_PROFILES", "XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: Path("home"))
    assert profile_module.folder() == Path(expected) / "emotion-edge" / "profiles"


def test_a_user_without_a_home(monkeypatch):
    def no_home():
        raise RuntimeError

    monkeypatch.delenv("EMOTION_EDGE_PROFILES", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(ProfileError, match="set EMOTION_EDGE_PROFILES to a folder"):
        VoiceProfile.path_of("anna")


def test_public_names_can_be_imported():
    assert issubclass(emotion_edge.ProfileError, emotion_edge.EmotionEdgeError)
    assert emotion_edge.VoiceProfile is VoiceProfile


def test_a_speaker_known_in_one_emotion_keeps_it():
    """The voice is what is left of the mean when what the recognised emotions do to it is put back."""
    emotions = np.array([[2.0, 0.0], [-2.0, 0.0]])
    recipe = ProfileRecipe(
        strength=1.0, utterances_to_half=1.0, emotion_share=1.0, emotion_means=tuple(emotions.ravel().tolist())
    )
    voice = np.array([0.5, 3.0])
    profile = VoiceProfile("m", 2)
    for _ in range(9):
        profile.learn(voice + emotions[0], 1.0, [1.0, 0.0])
    np.testing.assert_allclose(profile.offset(recipe), 0.9 * voice)
    plain = ProfileRecipe(strength=1.0, utterances_to_half=1.0)
    np.testing.assert_allclose(profile.offset(plain), 0.9 * (voice + emotions[0]))


def test_probabilities_are_saved_and_must_fit_the_model(tmp_path, model):
    profile = VoiceProfile.open(str(tmp_path / "anna.json"), model)
    n_labels = len(EmotionClassifier(model).recipe.labels)
    profile.learn(np.zeros(N), 1.0, np.full(n_labels, 1 / n_labels))
    profile.save(tmp_path / "anna.json")
    loaded = json.loads((tmp_path / "anna.json").read_text())
    assert loaded["probabilities"] == pytest.approx([1 / n_labels] * n_labels)
    (tmp_path / "anna.json").write_text(json.dumps(loaded | {"probabilities": [0.5, 0.5]}))
    with pytest.raises(ProfileError, match="made with a model of 2 labels, but tess-mlp has 5"):
        VoiceProfile.open(str(tmp_path / "anna.json"), model)
