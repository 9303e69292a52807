"""The contract between converter and runtime: what a model file says about itself.

A recipe travels as JSON inside the `.tflite` file. It is data, validated whole when it is read, so that everything
after it may trust its numbers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Literal

from ..errors import ModelError
from ..features.functionals import N_CHANGING
from ..features.pooling import feature_names
from ..features.recipe import MfccRecipe, ProsodyRecipe
from ..schema import check, check_types, from_object, parse

FORMAT: Final = 1
"""The version of the recipe format that this release writes, and the newest that it reads."""

# Bounds on what a hostile recipe can make the runtime allocate.
_MOST_FRAMES: Final = 1000  # a second
_MOST_LABELS: Final = 1000
_LONGEST_NAME: Final = 100  # characters, of a label too
_LARGEST: Final = 1e12  # of a standardised number or its inverse: float32 can still multiply them


@dataclass(frozen=True, kw_only=True)
class Standardisation:
    """What is subtracted from each pooled feature, and what the rest is divided by, before the model sees it.

    It stays outside the quantised graph on purpose: one int8 scale over raw MFCCs would be spent on the first
    coefficient, which is a hundred times wider than the last.
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def __post_init__(self) -> None:
        check_types(self, "standardisation.")
        wanted = f"as many numbers as mean has ({len(self.mean)})"
        check(len(self.deviation) == len(self.mean), "standardisation.deviation", len(self.deviation), wanted)
        furthest = max(self.mean, key=abs, default=0.0)
        check(abs(furthest) <= _LARGEST, "standardisation.mean", furthest, f"numbers up to {_LARGEST:g}")
        smallest, largest = min(self.deviation, default=0), max(self.deviation, default=0)
        check(smallest > 0, "standardisation.deviation", smallest, "numbers above 0")
        for end in (smallest, largest):
            check(
                1 / _LARGEST <= end <= _LARGEST, "standardisation.deviation", end, f"{1 / _LARGEST:g} to {_LARGEST:g}"
            )

    @classmethod
    def neutral(cls, n_features: int) -> Standardisation:
        """The one that changes nothing."""
        return cls(mean=(0.0,) * n_features, deviation=(1.0,) * n_features)


@dataclass(frozen=True, kw_only=True)
class ProfileRecipe:
    """How much of what a voice has in common with itself is taken out of its features (`emotion_edge.profile`).

    Of the mean of n utterances that is strength * n / (n + utterances_to_half): few of them say more about what was
    felt in them than about the voice.

    Attributes:
        strength: the part that is taken out in the end, 0 to 1.
        utterances_to_half: after so many it is half of that.
    """

    strength: float
    utterances_to_half: float

    def __post_init__(self) -> None:
        check_types(self, "profile.")
        check(0 <= self.strength <= 1, "profile.strength", self.strength, "0 to 1")
        check(self.utterances_to_half > 0, "profile.utterances_to_half", self.utterances_to_half, "a number above 0")

    def share(self, utterances: int) -> float:
        """The part that is taken out after so many utterances."""
        return self.strength * utterances / (utterances + self.utterances_to_half)


@dataclass(frozen=True, kw_only=True)
class ModelRecipe:
    """Everything the runtime must know about a model.

    Attributes:
        name: how predictions name the model.
        labels: in the order of the model's outputs.
        mfcc: how frames are made.
        pooling: how the frames of a clip become one vector: `mean` over time, or `statistics`: mean without the first
            coefficient, standard deviation, and change over 1, 4 and 16 frames (`emotion_edge.features.pooling`), or
            `functionals`: those and many more, of prosody too (`emotion_edge.features.functionals`).
        prosody: how the prosody of each frame is found, which `functionals` want; None for the others.
        standardisation: applied to the pooled vector; None for none.
        profile: how much of a voice is taken out of the standardised vector; None where the model knows no profiles.
        temperature: the model's logits are divided by this before the softmax (Guo et al., 2017); 1 for none.
        uncertain_below: a prediction with less confidence has status `uncertain`. At the default of 0.5 a label counts
            when it is likelier than all the others together.
        window_s, step_s: of a stream, the longest stretch that one answer is about, and the time between two answers.
        licence: of the weights; it follows the data that they were learnt from.
        corpora: what the model was trained on.
        protocol: how the scores were measured, in a sentence.
        scores: name of a figure to its value.
    """

    name: str
    labels: tuple[str, ...]
    mfcc: MfccRecipe
    pooling: Literal["mean", "statistics", "functionals"] = "mean"
    prosody: ProsodyRecipe | None = None
    standardisation: Standardisation | None = None
    profile: ProfileRecipe | None = None
    temperature: float = 1.0
    uncertain_below: float = 0.5
    window_s: float = 2.0
    step_s: float = 0.5
    licence: str = "not stated"
    corpora: tuple[str, ...] = ()
    protocol: str = "not stated"
    scores: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_types(self, "")
        check(_is_name(self.name), "name", self.name, f"a name of up to {_LONGEST_NAME} characters")
        check(len(self.labels) >= 2, "labels", self.labels, "two or more")
        check(len(self.labels) <= _MOST_LABELS, "labels", len(self.labels), f"{_MOST_LABELS} or fewer")
        check(len(set(self.labels)) == len(self.labels), "labels", self.labels, "each label once")
        wanted = f"no empty label, and of each up to {_LONGEST_NAME} characters"
        check(all(map(_is_name, self.labels)), "labels", self.labels, wanted)
        check(1e-3 <= self.temperature <= 1e3, "temperature", self.temperature, "0.001 to 1000")
        check(0 <= self.uncertain_below <= 1, "uncertain_below", self.uncertain_below, "0 to 1")
        check(0.2 <= self.window_s <= 60, "window_s", self.window_s, "0.2 to 60")
        check(0.05 <= self.step_s <= self.window_s, "step_s", self.step_s, f"0.05 to {self.window_s:g} (window_s)")
        shortest = math.ceil(self.mfcc.sample_rate_hz / _MOST_FRAMES)
        wanted = f"{shortest} or more: {_MOST_FRAMES} frames a second"
        check(self.mfcc.hop_length >= shortest, "mfcc.hop_length", self.mfcc.hop_length, wanted)
        self._check_pooling()
        if self.standardisation is not None:
            size = len(self.standardisation.mean)
            check(size == self.n_features, "standardisation.mean", size, f"{self.n_features} numbers, one a feature")

    def _check_pooling(self) -> None:
        if self.pooling == "functionals":
            check(self.prosody is not None, "prosody", None, "a JSON object, {} for its defaults: functionals need it")
            check(
                self.mfcc.n_mfcc >= N_CHANGING, "mfcc.n_mfcc", self.mfcc.n_mfcc, f"{N_CHANGING} or more for functionals"
            )
        else:
            check(self.prosody is None, "prosody", self.prosody, f"null: pooling {self.pooling} does without")
        if self.prosody is not None:
            self.prosody.check_fits(self.mfcc)

    @property
    def n_features(self) -> int:
        """Length of the vector that the model takes."""
        return len(self.feature_names)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """What each number of that vector is."""
        return feature_names(self.pooling, self.mfcc.n_mfcc)

    def to_json(self) -> str:
        """The recipe as JSON text, every parameter spelt out."""
        return json.dumps({"format": FORMAT, **asdict(self)}, ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> ModelRecipe:
        """Read a recipe, written by `to_json` or by hand.

        By hand, `mfcc` may be short: `{"preset": "librosa", "sample_rate_hz": 22050, "n_mfcc": 30}`.

        Raises:
            ModelError: not JSON, of a newer format, or with a field that is missing, unknown or out of range.
        """
        data = parse(text, "the recipe")
        check(isinstance(data, dict), "the recipe", data, "a JSON object")
        _check_format(data.pop("format", FORMAT))
        mfcc = data.get("mfcc")
        if isinstance(mfcc, dict) and "preset" in mfcc:
            data["mfcc"] = asdict(MfccRecipe.preset(mfcc.pop("preset"), **{"sample_rate_hz": None, **mfcc}))
        return from_object(cls, data)

    def replace(self, **changes: Any) -> ModelRecipe:
        """A copy with some fields changed, checked again."""
        return replace(self, **changes)


def _is_name(text: str) -> bool:
    return bool(text.strip()) and len(text) <= _LONGEST_NAME


def _check_format(version: object) -> None:
    check(type(version) is int and 1 <= version < 1000, "format", version, f"a whole number, at most {FORMAT}")
    if version > FORMAT:  # type: ignore[operator]
        raise ModelError(
            f"the recipe has format {version}, this emotion-edge reads up to {FORMAT}: update emotion-edge"
        )
