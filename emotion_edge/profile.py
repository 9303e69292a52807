"""Voice profiles: what the utterances of one speaker have in common, whatever the emotion. No labels are needed."""

from __future__ import annotations

import json
import math
import os
import re
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import ModelError, ProfileError
from .files import replacing
from .model.file import DEFAULT_MODEL, load
from .model.recipe import ModelRecipe, ProfileRecipe
from .schema import LARGEST_JSON, check, check_types, from_object, parse

Array = NDArray[np.float64]

FORMAT: Final = 3
"""The version of the file format that this release writes. It also reads 2, which lacks `probabilities`, and 1, which
also lacks `standardisation`."""
FOLDER_VARIABLE: Final = "EMOTION_EDGE_PROFILES"
"""The environment variable for the folder of the profiles."""
SUFFIX: Final = ".json"
"""A text with this suffix is the path of a profile; any other text is the name of one."""
_MEMORY: Final = 200  # utterances, about an hour of speech; older ones fade, because voices and microphones change
_NAME: Final = re.compile(r"\w[\w.-]{0,49}")

# Limits what a hostile file can do: no voice is 1e12 deviations from the mean, and float32 cannot hold 1e39.
_LARGEST: Final = 1e12


class _Learnt(NamedTuple):
    utterances: int
    seconds: float
    mean: Array
    probabilities: Array | None  # the mean of the labels' probabilities


@dataclass(frozen=True, kw_only=True)
class _File:
    """The content of a profile's file. `standardisation` is None when it is not known."""

    format: int
    model: str
    utterances: int
    seconds: float
    mean: tuple[float, ...]
    standardisation: str | None = None
    probabilities: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        check_types(self, "")
        check(1 <= self.format <= FORMAT, "format", self.format, f"1 to {FORMAT}, or a newer emotion-edge")
        check(bool(self.model.strip()), "model", self.model, "the name of a model")
        check(0 <= self.utterances <= _LARGEST, "utterances", self.utterances, f"0 to {_LARGEST:g}")
        check(0 <= self.seconds <= _LARGEST, "seconds", self.seconds, f"0 to {_LARGEST:g}")
        check(len(self.mean) > 0, "mean", self.mean, "one number per feature")
        furthest = max(self.mean, key=abs)
        check(abs(furthest) <= _LARGEST, "mean", furthest, f"numbers up to {_LARGEST:g}")
        shares = all(0 <= probability <= 1 for probability in self.probabilities)
        check(shares, "probabilities", self.probabilities, "numbers from 0 to 1")


class VoiceProfile:
    """The mean features of one speaker for one model. `EmotionClassifier` subtracts a share of it from the features.

    A profile contains no sound. Several threads may share one profile.

    The values are standardised with the numbers of the model, and the profile keeps a digest of those numbers and of
    the model's voice encoder: a model of the same name that was trained differently refuses the profile. A profile
    without a digest (format 1) is accepted by the name of the model and the number of features, and `open` ties it to
    the model that it is opened for.

    Args:
        model: the name of the model that the features belong to.
        n_features: the number of features of that model.

    Examples:
        >>> from emotion_edge import EmotionClassifier, VoiceProfile
        >>> profile = VoiceProfile.open("anna.json")  # a file that does not exist yet: a new profile
        >>> classifier = EmotionClassifier(profile=profile)
        >>> prediction = classifier.classify("hello.wav", learn=True)
        >>> profile
        VoiceProfile(five-emotions: 1 utterances, 3 s)
    """

    def __init__(self, model: str, n_features: int) -> None:
        self.model: Final = model
        self.n_features: Final = n_features
        # Always replaced as a whole, so that readers need no lock.
        self._learnt = _Learnt(0, 0.0, np.zeros(n_features), None)
        self._lock: Final = threading.Lock()
        self._standardisation: str | None = None  # a digest of the model's standardisation

    @property
    def utterances(self) -> int:
        """The number of utterances that the profile has learnt from."""
        return self._learnt.utterances

    @property
    def seconds(self) -> float:
        """The total length of those utterances, in seconds."""
        return self._learnt.seconds

    @property
    def mean(self) -> Array:
        """The mean of the standardised features, float64, shape (n_features,).

        After 200 utterances, recent ones count more than old ones.
        """
        return self._learnt.mean.copy()

    def learn(self, vector: ArrayLike, seconds: float, probabilities: ArrayLike | None = None) -> None:
        """Learn from the features of an utterance. `EmotionClassifier` calls this when it is asked to learn.

        Args:
            vector: the standardised features of the utterance, shape (n_features,).
            seconds: the length of the utterance in seconds.
            probabilities: what the model says of it without a profile, shape (n_labels,), so that its emotion is not
                taken for the voice; None if the model does not use them.

        Raises:
            ProfileError: the shape is wrong, or the numbers are not finite or too large for any voice.

        Examples:
            >>> from emotion_edge import VoiceProfile
            >>> profile = VoiceProfile("my-model", n_features=2)
            >>> profile.learn([1.0, -1.0], seconds=2.0)
            >>> profile.learn([2.0, 0.0], seconds=3.0)
            >>> profile.mean.tolist(), profile.seconds
            ([1.5, -0.5], 5.0)
        """
        features = np.asarray(vector, np.float64)
        if features.shape != (self.n_features,) or not (np.abs(features) <= _LARGEST).all():
            raise ProfileError(
                f"the features of an utterance: got {features}, wanted {self.n_features} finite numbers, standardised"
            )
        if not 0 <= seconds < math.inf:
            raise ProfileError(f"seconds of speech: got {seconds!r}, wanted a number, 0 or more")
        with self._lock:
            utterances, before_s, mean, shares = self._learnt
            weight = 1 / min(utterances + 1, _MEMORY)
            mean = mean + weight * (features - mean)
            if probabilities is not None:
                answer = np.asarray(probabilities, np.float64)
                shares = (
                    answer if shares is None or shares.shape != answer.shape else shares + weight * (answer - shares)
                )
            self._learnt = _Learnt(utterances + 1, before_s + seconds, mean, shares)

    def offset(self, recipe: ProfileRecipe) -> Array:
        """Return what is subtracted from standardised features, float64, shape (n_features,).

        Examples:
            >>> from emotion_edge import EmotionClassifier, VoiceProfile
            >>> profile = VoiceProfile.open("anna.json")
            >>> classifier = EmotionClassifier(profile=profile)
            >>> profile.offset(classifier.recipe.profile).shape
            (768,)
        """
        learnt = self._learnt
        voice = learnt.mean
        if recipe.emotion_share and learnt.probabilities is not None:
            emotions = np.reshape(recipe.emotion_means, (len(learnt.probabilities), -1))
            voice = voice - recipe.emotion_share * (learnt.probabilities @ emotions)
        return recipe.share(learnt.utterances) * voice

    def share(self, recipe: ProfileRecipe) -> float:
        """Return the share of the mean that is subtracted now, 0 to 1. It grows with the number of utterances.

        Examples:
            >>> from emotion_edge import EmotionClassifier, VoiceProfile
            >>> profile = VoiceProfile.open("anna.json")
            >>> classifier = EmotionClassifier(profile=profile)
            >>> profile.share(classifier.recipe.profile)
            0.0
            >>> prediction = classifier.classify("hello.wav", learn=True)
            >>> round(profile.share(classifier.recipe.profile), 3)
            0.5
        """
        return recipe.share(self._learnt.utterances)

    def check_fits(self, recipe: ModelRecipe) -> None:
        """Raise an error unless this profile fits a model.

        Raises:
            ModelError: the model does not support profiles.
            ProfileError: the profile was made with another model, or with another version of this model.

        Examples:
            >>> from emotion_edge import EmotionClassifier, ModelError, VoiceProfile
            >>> profile = VoiceProfile.open("anna.json")
            >>> profile.check_fits(EmotionClassifier().recipe)
            >>> try:
            ...     profile.check_fits(EmotionClassifier("speech-gate").recipe)
            ... except ModelError as error:
            ...     print(error)  # doctest: +ELLIPSIS
            the model speech-gate does not support voice profiles...
        """
        if recipe.profile is None:
            raise ModelError(
                f"the model {recipe.name} does not support voice profiles: use it without one, or use another model"
            )
        if (self.model, self.n_features) != (recipe.name, recipe.n_features):
            raise ProfileError(
                f"the voice profile was made with the model {self.model}, which has {self.n_features} features, but "
                f"this is {recipe.name}, which has {recipe.n_features}: use that model, or a profile with another name"
            )
        probabilities = self._learnt.probabilities
        if probabilities is not None and len(probabilities) != len(recipe.labels):
            raise ProfileError(
                f"the voice profile was made with a model of {len(probabilities)} labels, but {recipe.name} has "
                f"{len(recipe.labels)}: use that model, or a profile with another name"
            )
        if self._standardisation not in (None, _digest(recipe)):
            raise ProfileError(
                f"the voice profile was made with another version of the model {self.model}, trained differently: "
                "use that version, or a profile with another name, or start this one again (emotion-edge profile reset)"
            )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the profile to a file, completely or not at all. A missing folder is created.

        Raises:
            ProfileError: the file cannot be written.

        Examples:
            >>> from emotion_edge import VoiceProfile
            >>> VoiceProfile.open("saved.json").save("saved.json")
            >>> VoiceProfile.load("saved.json")
            VoiceProfile(five-emotions: 0 utterances, 0 s)
        """
        learnt = self._learnt
        file = _File(
            format=FORMAT,
            model=self.model,
            utterances=learnt.utterances,
            seconds=round(learnt.seconds, 3),
            mean=tuple(learnt.mean.tolist()),
            standardisation=self._standardisation,
            probabilities=() if learnt.probabilities is None else tuple(learnt.probabilities.tolist()),
        )
        try:
            _write(Path(path), json.dumps(asdict(file)))
        except OSError as error:
            raise ProfileError(
                f"the voice profile {os.fspath(path)} cannot be written: {error.strerror or error}; "
                f"to use another folder, set {FOLDER_VARIABLE}"
            ) from error

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> VoiceProfile:
        """Read a profile from a file.

        Raises:
            ProfileError: the file does not exist, cannot be read, or is damaged.

        Examples:
            >>> from emotion_edge import VoiceProfile
            >>> VoiceProfile("five-emotions", n_features=768).save("loaded.json")
            >>> VoiceProfile.load("loaded.json").model
            'five-emotions'
        """
        content = _read(Path(path))
        if content is None:
            raise ProfileError(f"there is no voice profile {os.fspath(path)}")
        return cls._parse(content, os.fspath(path))

    @classmethod
    def open(cls, name: str, model: str | os.PathLike[str] = DEFAULT_MODEL) -> VoiceProfile:
        """Read the profile with this name or path. If there is none, return a new one for the model.

        Args:
            name: the name of a profile, or the path of a `.json` file (see `path_of`).
            model: the name of a shipped model, or the path of a `.tflite` file with a recipe.

        Raises:
            ProfileError: the profile cannot be read, is damaged, or was made with another model or another version of
                it.
            ModelError: the model cannot be used, or does not support profiles.

        Examples:
            >>> from emotion_edge import VoiceProfile
            >>> VoiceProfile.open("new.json")
            VoiceProfile(five-emotions: 0 utterances, 0 s)
        """
        path, recipe = cls.path_of(name), load(model).recipe
        content = _read(path)
        profile = cls(recipe.name, recipe.n_features) if content is None else cls._parse(content, str(path))
        profile.check_fits(recipe)
        profile._standardisation = _digest(recipe)  # a new profile, or one of format 1, does not know it yet
        return profile

    @classmethod
    def _parse(cls, content: bytes, name: str) -> VoiceProfile:
        try:
            file = from_object(_File, parse(content, "it"), whole="voice profile")
        except ModelError as error:
            raise ProfileError(
                f"the voice profile {name} cannot be used ({error}): restore a copy of it, or delete it to start again"
            ) from error
        profile = cls(file.model, len(file.mean))
        shares = np.array(file.probabilities, np.float64) if file.probabilities else None
        profile._learnt = _Learnt(file.utterances, float(file.seconds), np.array(file.mean, np.float64), shares)
        profile._standardisation = file.standardisation
        return profile

    @staticmethod
    def path_of(name: str) -> Path:
        """Return the path of the profile with this name, in the folder of profiles.

        A name that ends in `.json` is already a path and is returned as it is.

        Raises:
            ProfileError: the name is not allowed.

        Examples:
            >>> from emotion_edge import VoiceProfile
            >>> VoiceProfile.path_of("anna").name
            'anna.json'
            >>> str(VoiceProfile.path_of("anna.json"))
            'anna.json'
        """
        if name.endswith(SUFFIX):
            return Path(name)
        if not _NAME.fullmatch(name):
            raise ProfileError(
                f"the name of a voice profile: got {name!r}, wanted up to 50 letters, digits, dots and dashes "
                "that start with a letter or digit, or the path of a .json file"
            )
        return folder() / f"{name}{SUFFIX}"

    def __repr__(self) -> str:
        return f"VoiceProfile({self.model}: {self.utterances} utterances, {self.seconds:.0f} s)"


def folder() -> Path:
    """Return the folder of the profiles: EMOTION_EDGE_PROFILES, or a folder in the system's place for user data.

    Raises:
        ProfileError: the user has no home folder.
    """
    chosen = os.environ.get(FOLDER_VARIABLE)
    return Path(chosen) if chosen else _user_data() / "emotion-edge" / "profiles"


def paths() -> list[Path]:
    """Return the paths of all profiles in that folder, sorted by name."""
    return sorted(folder().glob(f"[!.]*{SUFFIX}"))


def _digest(recipe: ModelRecipe) -> str:
    """The digest of the numbers that standardise a model's features, and of the encoder that makes the features.

    The numbers come from the training data of the model. The digest does not cover the whole recipe: a profile stays
    valid when the temperature changes or a field is added.
    """
    from hashlib import sha256  # imported here: it loads OpenSSL, five megabytes that only profiles need

    used = recipe.standardisation
    numbers = np.array([] if used is None else [used.mean, used.deviation], "<f8")
    encoder = b"" if recipe.encoder is None else recipe.encoder.checksum.encode()
    return sha256(numbers.tobytes() + encoder).hexdigest()[:16]


def _user_data() -> Path:
    try:
        if sys.platform == "win32":
            return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        if sys.platform == "darwin":
            return Path.home() / "Library" / "Application Support"
        chosen = os.environ.get("XDG_DATA_HOME", "")
        # Relative paths must be ignored (XDG Base Directory Specification 0.8).
        return Path(chosen) if Path(chosen).is_absolute() else Path.home() / ".local" / "share"
    except RuntimeError as error:
        raise ProfileError(f"there is no home folder for voice profiles: set {FOLDER_VARIABLE} to a folder") from error


def _read(path: Path) -> bytes | None:
    """The content of a file; None if it does not exist."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_JSON + 1)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ProfileError(f"the voice profile {path} cannot be read: {reason}") from error
    if len(content) > LARGEST_JSON:
        raise ProfileError(f"{path} has more than {LARGEST_JSON >> 20} MiB: this is not a voice profile")
    return content


def _write(path: Path, text: str) -> None:
    """Write a file that only its owner may read, because it is about a person."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, private=True) as temporary:
        temporary.write_text(text, encoding="utf-8")
