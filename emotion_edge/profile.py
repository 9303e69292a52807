"""What is learnt of one voice, without labels: what its utterances have in common, whatever was felt in them."""

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

FORMAT: Final = 2
"""The version of the file that this release writes. It reads 1 too, which does not say of what standardisation it is."""
FOLDER_VARIABLE: Final = "EMOTION_EDGE_PROFILES"
"""The environment variable that names the folder of the profiles."""
SUFFIX: Final = ".json"
"""What tells the path of a profile from its name."""
_MEMORY: Final = 200  # utterances, an hour of talk: beyond, the older ones fade, for voices and microphones change
_NAME: Final = re.compile(r"\w[\w.-]{0,49}")

# Bounds on what a hostile file can do: 1e12 deviations from the mean is no voice, and 1e39 no float32.
_LARGEST: Final = 1e12


class _Learnt(NamedTuple):
    utterances: int
    seconds: float
    mean: Array


@dataclass(frozen=True, kw_only=True)
class _File:
    """What a profile's file holds; `standardisation` is None where it is not known."""

    format: int
    model: str
    utterances: int
    seconds: float
    mean: tuple[float, ...]
    standardisation: str | None = None

    def __post_init__(self) -> None:
        check_types(self, "")
        check(1 <= self.format <= FORMAT, "format", self.format, f"1 to {FORMAT}, or a newer emotion-edge")
        check(bool(self.model.strip()), "model", self.model, "the name of a model")
        check(0 <= self.utterances <= _LARGEST, "utterances", self.utterances, f"0 to {_LARGEST:g}")
        check(0 <= self.seconds <= _LARGEST, "seconds", self.seconds, f"0 to {_LARGEST:g}")
        check(len(self.mean) > 0, "mean", self.mean, "a number a feature")
        furthest = max(self.mean, key=abs)
        check(abs(furthest) <= _LARGEST, "mean", furthest, f"numbers up to {_LARGEST:g}")


class VoiceProfile:
    """The mean of the features of one voice, for one model: `EmotionClassifier` takes a part of it out.

    It holds no sound. One profile may be used from several threads.

    Its numbers are in units of that model's standardisation, of which it keeps a digest: it is refused with a model of the
    same name that was trained otherwise. One without a digest, as format 1 has none, is taken by name and number of
    features, and `open` ties it to the model that it is opened for.

    Args:
        model: the name of the model whose features they are.
        n_features: how many it has.
    """

    def __init__(self, model: str, n_features: int) -> None:
        self.model: Final = model
        self.n_features: Final = n_features
        self._learnt = _Learnt(0, 0.0, np.zeros(n_features))  # replaced whole: who reads needs no lock
        self._lock: Final = threading.Lock()
        self._standardisation: str | None = None  # a digest of the model's

    @property
    def utterances(self) -> int:
        """How many it has heard."""
        return self._learnt.utterances

    @property
    def seconds(self) -> float:
        """How much speech that was."""
        return self._learnt.seconds

    @property
    def mean(self) -> Array:
        """Of the standardised features, shape (n_features,), the last utterances weighing more once there are many."""
        return self._learnt.mean.copy()

    def learn(self, vector: ArrayLike, seconds: float) -> None:
        """Learn from an utterance.

        Args:
            vector: shape (n_features,), its features, standardised.
            seconds: of speech.

        Raises:
            ProfileError: another shape, or numbers that are not finite or no voice's.
        """
        heard = np.asarray(vector, np.float64)
        if heard.shape != (self.n_features,) or not (np.abs(heard) <= _LARGEST).all():
            raise ProfileError(f"an utterance: got {heard}, wanted {self.n_features} finite numbers, standardised")
        if not 0 <= seconds < math.inf:
            raise ProfileError(f"seconds of speech: got {seconds!r}, wanted a number, 0 or more")
        with self._lock:
            utterances, before_s, mean = self._learnt
            mean = mean + (heard - mean) / min(utterances + 1, _MEMORY)
            self._learnt = _Learnt(utterances + 1, before_s + seconds, mean)

    def offset(self, recipe: ProfileRecipe) -> Array:
        """What is to be subtracted from standardised features, shape (n_features,)."""
        learnt = self._learnt
        return recipe.share(learnt.utterances) * learnt.mean

    def share(self, recipe: ProfileRecipe) -> float:
        """The part of the mean that is taken out by now, 0 to 1."""
        return recipe.share(self._learnt.utterances)

    def check_fits(self, recipe: ModelRecipe) -> None:
        """Raise an error unless this is a profile for that model.

        Raises:
            ModelError: the model knows no profiles.
            ProfileError: the profile was made with another model, or another version of this one.
        """
        if recipe.profile is None:
            raise ModelError(
                f"the model {recipe.name} knows no voice profiles, its recipe has none: use it without, or another model"
            )
        if (self.model, self.n_features) != (recipe.name, recipe.n_features):
            raise ProfileError(
                f"the voice profile was made with the model {self.model} of {self.n_features} features, and this is "
                f"{recipe.name} of {recipe.n_features}: use that model, or a profile of another name"
            )
        if self._standardisation not in (None, _digest(recipe)):
            raise ProfileError(
                f"the voice profile was made with another version of the model {self.model}, trained otherwise: use that "
                "version, or a profile of another name, or begin this one anew (emotion-edge profile reset)"
            )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it, whole or not at all; its folder is made where it is missing.

        Raises:
            ProfileError: it cannot be written there.
        """
        learnt = self._learnt
        file = _File(
            format=FORMAT,
            model=self.model,
            utterances=learnt.utterances,
            seconds=round(learnt.seconds, 3),
            mean=tuple(learnt.mean.tolist()),
            standardisation=self._standardisation,
        )
        try:
            _write(Path(path), json.dumps(asdict(file)))
        except OSError as error:
            raise ProfileError(
                f"the voice profile {os.fspath(path)} cannot be written: {error.strerror or error}; "
                f"{FOLDER_VARIABLE} may name another folder"
            ) from error

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> VoiceProfile:
        """Read one.

        Raises:
            ProfileError: there is none, it cannot be read, or it is damaged.
        """
        content = _read(Path(path))
        if content is None:
            raise ProfileError(f"there is no voice profile {os.fspath(path)}")
        return cls._parse(content, os.fspath(path))

    @classmethod
    def open(cls, name: str, model: str | os.PathLike[str] = DEFAULT_MODEL) -> VoiceProfile:
        """The profile of that name or path, or where there is none, a new one for the model.

        Args:
            name: as `path_of` takes it.
            model: the name of a shipped model, or the path of a `.tflite` file with a recipe.

        Raises:
            ProfileError: it cannot be read, is damaged, or was made with another model, or another version of this one.
            ModelError: the model cannot be used, or knows no profiles.
        """
        path, recipe = cls.path_of(name), load(model).recipe
        content = _read(path)
        profile = cls(recipe.name, recipe.n_features) if content is None else cls._parse(content, str(path))
        profile.check_fits(recipe)
        profile._standardisation = _digest(recipe)  # that of a new one, and of an old one, is not known yet
        return profile

    @classmethod
    def _parse(cls, content: bytes, name: str) -> VoiceProfile:
        try:
            file = from_object(_File, parse(content, "it"), whole="voice profile")
        except ModelError as error:
            raise ProfileError(
                f"the voice profile {name} cannot be used ({error}): put a copy in its place, or remove it to begin anew"
            ) from error
        profile = cls(file.model, len(file.mean))
        profile._learnt = _Learnt(file.utterances, float(file.seconds), np.array(file.mean, np.float64))
        profile._standardisation = file.standardisation
        return profile

    @staticmethod
    def path_of(name: str) -> Path:
        """Where the profile of a name lies: in `folder()`; a name that ends in .json is a path already.

        Raises:
            ProfileError: a name that no file should have.
        """
        if name.endswith(SUFFIX):
            return Path(name)
        if not _NAME.fullmatch(name):
            raise ProfileError(
                f"the name of a voice profile: got {name!r}, wanted up to 50 letters, digits, dots and dashes, "
                "a letter or digit first, or the path of a .json file"
            )
        return folder() / f"{name}{SUFFIX}"

    def __repr__(self) -> str:
        return f"VoiceProfile({self.model}: {self.utterances} utterances, {self.seconds:.0f} s)"


def folder() -> Path:
    """Where profiles lie: EMOTION_EDGE_PROFILES, or a place in the folder that this system has for a user's data.

    Raises:
        ProfileError: the user has no home.
    """
    chosen = os.environ.get(FOLDER_VARIABLE)
    return Path(chosen) if chosen else _user_data() / "emotion-edge" / "profiles"


def paths() -> list[Path]:
    """The profiles that lie there, sorted by name."""
    return sorted(folder().glob(f"[!.]*{SUFFIX}"))


def _digest(recipe: ModelRecipe) -> str:
    """Of the numbers by which a model's features are standardised, which come from what it was trained on.

    Not of the whole recipe: a temperature may change, or a field be added, and a profile still means what it meant.
    """
    from hashlib import sha256  # here: it brings OpenSSL, five megabytes, which nobody needs who has no profile

    used = recipe.standardisation
    numbers = np.array([] if used is None else [used.mean, used.deviation], "<f8")
    return sha256(numbers.tobytes()).hexdigest()[:16]


def _user_data() -> Path:
    try:
        if sys.platform == "win32":
            return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        if sys.platform == "darwin":
            return Path.home() / "Library" / "Application Support"
        chosen = os.environ.get("XDG_DATA_HOME", "")
        # Relative ones are to be ignored (XDG Base Directory Specification 0.8).
        return Path(chosen) if Path(chosen).is_absolute() else Path.home() / ".local" / "share"
    except RuntimeError as error:
        raise ProfileError(f"this user has no home for voice profiles: let {FOLDER_VARIABLE} name a folder") from error


def _read(path: Path) -> bytes | None:
    """What a file holds; None where there is none."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_JSON + 1)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ProfileError(f"the voice profile {path} cannot be read: {reason}") from error
    if len(content) > LARGEST_JSON:
        raise ProfileError(f"{path} has more than {LARGEST_JSON >> 20} MiB: this is no voice profile")
    return content


def _write(path: Path, text: str) -> None:
    """For its owner alone: what is in it is about a person."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, private=True) as temporary:
        temporary.write_text(text, encoding="utf-8")
