"""The recipe: the description of a model inside its file, and the contract between converter and runtime.

A recipe is stored as JSON inside the `.tflite` file. It is completely validated when it is read, so that all later code
can trust its numbers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Literal

from ..errors import ModelError
from ..features.pooling import encoder_feature_names, feature_names
from ..features.recipe import MfccRecipe
from ..schema import check, check_types, from_object, parse

FORMAT: Final = 1
"""The version of the recipe format that this release writes, and the newest one that it reads."""

# Limits on the memory that a hostile recipe can make the runtime allocate.
_MOST_FRAMES: Final = 1000  # per second
_MOST_LABELS: Final = 1000
_LONGEST_NAME: Final = 100  # characters; also for labels
_LARGEST: Final = 1e12  # for a standardised number or its inverse; float32 can still multiply them


@dataclass(frozen=True, kw_only=True)
class Standardisation:
    """The mean that is subtracted from each pooled feature, and the deviation by which the result is divided.

    This stays outside the quantised graph on purpose: a single int8 scale for raw MFCCs would be used up by the first
    coefficient, whose range is a hundred times wider than that of the last.

    Attributes:
        mean: one number per feature.
        deviation: one number above 0 per feature.
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def __post_init__(self) -> None:
        check_types(self, "standardisation.")
        wanted = f"the same number of values as in mean ({len(self.mean)})"
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
        """Return the standardisation that changes nothing."""
        return cls(mean=(0.0,) * n_features, deviation=(1.0,) * n_features)


@dataclass(frozen=True, kw_only=True)
class ProfileRecipe:
    """How much of the mean of a voice is subtracted from its features (`emotion_edge.profile`).

    The share after n utterances is strength * n / (n + utterances_to_half): the mean of only a few utterances says more
    about the emotions in them than about the voice.

    A speaker who is only known in one emotion would lose that emotion with the mean. So a part of what the emotions
    in the utterances do to the mean, as far as the model recognises them, is put back first.

    Attributes:
        strength: the share that is reached in the end, 0 to 1.
        utterances_to_half: the number of utterances after which the share is half of `strength`.
        emotion_share: the part of the emotions that is put back, 0 to 1.
        emotion_means: how each emotion moves the features of a speaker, standardised: one label after the other,
            n_labels * n_features numbers; empty where `emotion_share` is 0.
    """

    strength: float
    utterances_to_half: float
    emotion_share: float = 0.0
    emotion_means: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        check_types(self, "profile.")
        check(0 <= self.strength <= 1, "profile.strength", self.strength, "0 to 1")
        check(self.utterances_to_half > 0, "profile.utterances_to_half", self.utterances_to_half, "a number above 0")
        check(0 <= self.emotion_share <= 1, "profile.emotion_share", self.emotion_share, "0 to 1")
        wanted = "numbers where profile.emotion_share is above 0, else none"
        check((self.emotion_share > 0) == bool(self.emotion_means), "profile.emotion_means", self.emotion_means, wanted)

    def share(self, utterances: int) -> float:
        """Return the share that is subtracted after this number of utterances, 0 to 1."""
        return self.strength * utterances / (utterances + self.utterances_to_half)


@dataclass(frozen=True, kw_only=True)
class EncoderReference:
    """The voice encoder that a model needs.

    Attributes:
        name: the name of its file, without `.tflite`.
        checksum: the checksum in its file, eight hexadecimal digits. The model works only with exactly this file.
        width: the number of outputs per frame.
    """

    name: str
    checksum: str
    width: int

    def __post_init__(self) -> None:
        check_types(self, "encoder.")
        plain = self.name.replace("-", "").replace("_", "").isalnum() and len(self.name) <= _LONGEST_NAME
        check(plain, "encoder.name", self.name, "letters, digits and dashes")
        digits = len(self.checksum) == 8 and set(self.checksum) <= set("0123456789abcdef")
        check(digits, "encoder.checksum", self.checksum, "eight hexadecimal digits")
        check(1 <= self.width <= 4096, "encoder.width", self.width, "1 to 4096")


@dataclass(frozen=True, kw_only=True)
class ModelRecipe:
    """Everything that the runtime must know about a model.

    Attributes:
        name: the name of the model in predictions.
        labels: the labels, in the order of the model's outputs.
        mfcc: how frames are computed.
        pooling: how the frames of a clip become one vector. `mean`: the mean over time. `statistics`: mean without the
            first coefficient, standard deviation, and change over 1, 4 and 16 frames (`emotion_edge.features.pooling`).
            `loud`: mean and standard deviation of the frames of an encoder, without pauses.
        encoder: the voice encoder whose frames are pooled, with `loud`, instead of MFCCs; `mfcc` then describes its
            log-mel frames. None for no encoder.
        standardisation: applied to the pooled vector; None for none.
        profile: how much of the mean of a voice is subtracted from the standardised vector; None if the model does not
            support profiles.
        temperature: the model's logits are divided by this before the softmax (Guo et al., 2017); 1 for no change.
        uncertain_below: a prediction with less confidence has the status `uncertain`. With the default of 0.5, a label
            is certain when it is more likely than all others together.
        window_s: the longest window of a stream, in seconds.
        step_s: the time between two windows of a stream, in seconds.
        licence: the licence of the weights; it depends on the training data.
        corpora: the corpora that the model was trained on.
        protocol: how the scores were measured, in one sentence.
        scores: the name of each score to its value.
    """

    name: str
    labels: tuple[str, ...]
    mfcc: MfccRecipe
    pooling: Literal["mean", "statistics", "loud"] = "mean"
    encoder: EncoderReference | None = None
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
        wanted = f"labels of 1 to {_LONGEST_NAME} characters, not only spaces"
        check(all(map(_is_name, self.labels)), "labels", self.labels, wanted)
        check(1e-3 <= self.temperature <= 1e3, "temperature", self.temperature, "0.001 to 1000")
        check(0 <= self.uncertain_below <= 1, "uncertain_below", self.uncertain_below, "0 to 1")
        check(0.2 <= self.window_s <= 60, "window_s", self.window_s, "0.2 to 60")
        check(0.05 <= self.step_s <= self.window_s, "step_s", self.step_s, f"0.05 to {self.window_s:g} (window_s)")
        shortest = math.ceil(self.mfcc.sample_rate_hz / _MOST_FRAMES)
        wanted = f"{shortest} or more: at most {_MOST_FRAMES} frames per second"
        check(self.mfcc.hop_length >= shortest, "mfcc.hop_length", self.mfcc.hop_length, wanted)
        check(
            (self.pooling == "loud") == (self.encoder is not None),
            "pooling",
            self.pooling,
            "loud with an encoder, and another without",
        )
        if self.profile is not None and self.profile.emotion_means:
            size, wanted_size = len(self.profile.emotion_means), len(self.labels) * self.n_features
            wanted = f"{wanted_size} numbers, one for each label and feature"
            check(size == wanted_size, "profile.emotion_means", size, wanted)
        if self.standardisation is not None:
            size = len(self.standardisation.mean)
            check(size == self.n_features, "standardisation.mean", size, f"{self.n_features} numbers, one per feature")

    @property
    def n_features(self) -> int:
        """The length of the feature vector that the model needs."""
        return len(self.feature_names)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The name of each number of the feature vector, in order: `n_features` names.

        A name consists of a descriptor and a statistic: the output of the encoder, or the number of the MFCC, and what
        is computed from it over time.

        Examples:
            >>> from emotion_edge import EmotionClassifier
            >>> names = EmotionClassifier().recipe.feature_names
            >>> len(names), names[0], names[-1]
            (768, 'encoder_0.mean', 'encoder_383.deviation')
        """
        if self.encoder is not None:
            return encoder_feature_names(self.encoder.width)
        return feature_names(self.pooling, self.mfcc.n_mfcc)

    def to_json(self) -> str:
        """Return the recipe as JSON text with every parameter."""
        return json.dumps({"format": FORMAT, **asdict(self)}, ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> ModelRecipe:
        """Read a recipe that was written by `to_json` or by hand.

        In a recipe written by hand, `mfcc` may use a preset:
        `{"preset": "librosa", "sample_rate_hz": 22050, "n_mfcc": 30}`.

        Raises:
            ModelError: the text is not JSON, has a newer format, or a field is missing, unknown or out of range.
        """
        data = parse(text, "the recipe")
        check(isinstance(data, dict), "the recipe", data, "a JSON object")
        _check_format(data.pop("format", FORMAT))
        _drop_functionals(data)
        mfcc = data.get("mfcc")
        if isinstance(mfcc, dict) and "preset" in mfcc:
            data["mfcc"] = asdict(MfccRecipe.preset(mfcc.pop("preset"), **{"sample_rate_hz": None, **mfcc}))
        return from_object(cls, data)

    def replace(self, **changes: Any) -> ModelRecipe:
        """Return a copy with some fields changed. The copy is validated again."""
        return replace(self, **changes)


def _is_name(text: str) -> bool:
    return bool(text.strip()) and len(text) <= _LONGEST_NAME


def _check_format(version: object) -> None:
    check(type(version) is int and 1 <= version < 1000, "format", version, f"a whole number, at most {FORMAT}")
    if version > FORMAT:  # type: ignore[operator]
        raise ModelError(
            f"the recipe has format {version}, but this emotion-edge reads only up to {FORMAT}: update emotion-edge"
        )


def _drop_functionals(data: dict[str, Any]) -> None:
    """Refuse the recipe of a model that needs functionals; drop the null that others have for their prosody."""
    if data.get("pooling") == "functionals":
        raise ModelError(
            "pooling: got 'functionals', which this emotion-edge no longer computes, wanted mean, statistics or loud: "
            "use one of the shipped models, or make the model again with emotion-edge-converter head"
        )
    if data.get("prosody", ...) is None:
        del data["prosody"]
