"""The whole path: sound -> speech gate and features -> probabilities -> Prediction."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final, NamedTuple

from numpy.typing import ArrayLike, NDArray

from .audio.files import Source, read_blocks
from .audio.samples import sample_blocks
from .errors import ProfileError
from .features.mfcc import FRAMES_AT_ONCE
from .model.file import DEFAULT_MODEL
from .model.network import Network
from .prediction import Prediction, Status
from .profile import VoiceProfile
from .speech.gate import SPEECH, ClipSpeech, speech_gate

Array = NDArray[Any]

_SHORTEST_LESSON_S: Final = 1.0  # less is a word or two, and says more about them than about the voice


class Features(NamedTuple):
    """What the model sees of a sound.

    Attributes:
        vector: shape (n_features,), float32, pooled, not yet standardised.
        duration_s: length of the sound.
        speech: whether it was loud enough, and the speech gate took some of it for speech.
    """

    vector: Array
    duration_s: float
    speech: bool


class EmotionClassifier(Network):
    """Answers which emotion a voice carries, where the shipped speech gate hears one.

    One classifier may be called from several threads.

    Args:
        model: the name of a shipped model, or the path of a `.tflite` file with a recipe.
        interpreter: `ai-edge-litert`, `tflite-runtime` or `numpy`; by default the one that the environment variable
            EMOTION_EDGE_INTERPRETER names, else the first of these that works here.
        profile: what is known of the voice, taken into account in every answer; it learns only where that is asked for.

    Raises:
        ModelError: the model cannot be used, or knows no profiles.
        InterpreterError: no interpreter works here with this model.
        ProfileError: the profile was made with another model, or is none.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = DEFAULT_MODEL,
        *,
        interpreter: str | None = None,
        profile: VoiceProfile | None = None,
    ) -> None:
        super().__init__(model, interpreter=interpreter)
        self.profile: Final = profile
        if profile is not None:
            if not isinstance(profile, VoiceProfile):
                raise ProfileError(
                    f"the profile: got {profile!r}, wanted a VoiceProfile, as VoiceProfile.open makes it"
                )
            profile.check_fits(self.recipe)

    @property
    def gate(self) -> Network | None:
        """Who says whether anybody speaks; None for a gate itself, whose own answer that is."""
        return None if SPEECH in self.recipe.labels else speech_gate()

    def classify(self, source: Source, *, learn: bool = False) -> Prediction:
        """Classify a file.

        Args:
            source: a path or a binary file object; any rate, channel count and format that libsndfile reads.
            learn: let the profile hear it too, as `learn` does, once it is answered.

        Raises:
            AudioError: it is missing, damaged, empty or not audio.
        """
        return self._answer(read_blocks(source, sample_rate_hz=self.sample_rate_hz), learn=learn)

    def classify_samples(self, samples: ArrayLike, sample_rate: float, *, learn: bool = False) -> Prediction:
        """Classify samples in memory.

        Args:
            samples: shape (n,) or (n, channels); float in -1..1, or int16, int32 or uint8 at full scale.
            sample_rate: their rate in Hz.
            learn: let the profile hear them too, as `learn` does, once they are answered.

        Raises:
            AudioError: another shape or dtype, no samples, or samples that are not finite.
        """
        rate = self.sample_rate_hz
        return self._answer(sample_blocks(samples, sample_rate, sample_rate_hz=rate), learn=learn)

    def _answer(self, blocks: Iterable[Array], *, learn: bool) -> Prediction:
        features = self.features(blocks)
        prediction = self.predict(features)
        if learn:
            self.learn(features)
        return prediction

    def features(self, blocks: Iterable[Array]) -> Features:
        """The features of mono blocks at the model's rate, each of shape (n,), as `emotion_edge.audio` makes them."""
        rate = self.sample_rate_hz
        stream, clip_speech, log_mel, n_samples = self.mfcc.stream(), ClipSpeech(rate, self.gate), [], 0
        for block in blocks:
            clip_speech.process(block)
            stream.feed(block)
            if stream.n_ready >= FRAMES_AT_ONCE:
                log_mel.append(stream.read(stream.n_ready))
            n_samples += len(block)
        log_mel.append(stream.flush())
        return Features(self.pool(log_mel), n_samples / rate, clip_speech.finish())

    def probabilities(self, vector: Array) -> Array:
        """The calibrated probabilities, shape (n_labels,), of a feature vector, its voice's profile taken into account."""
        if self.profile is None or self.recipe.profile is None:
            return super().probabilities(vector)
        return self.answer(self.standardised(vector) - self.profile.offset(self.recipe.profile))

    def predict(self, features: Features) -> Prediction:
        """The answer to some features."""
        label, confidence, by_label, status = self._verdict(features)
        return Prediction(
            label=label,
            confidence=confidence,
            probabilities=by_label,
            status=status,
            start_s=0.0,
            end_s=features.duration_s,
            model=self.recipe.name,
        )

    def learn(self, features: Features) -> bool:
        """Let the profile hear an utterance, if there is a profile, and in it at least 1 s of speech; whether it did."""
        if self.profile is None or not features.speech or features.duration_s < _SHORTEST_LESSON_S:
            return False
        self.profile.learn(self.standardised(features.vector), features.duration_s)
        return True

    def _verdict(self, features: Features) -> tuple[str | None, float, dict[str, float], Status]:
        if not features.speech:
            return None, 0.0, {}, "no_speech"
        probabilities = self.probabilities(features.vector)
        best = int(probabilities.argmax())
        confidence = float(probabilities[best])
        by_label = dict(zip(self.recipe.labels, probabilities.tolist(), strict=True))
        return (
            self.recipe.labels[best],
            confidence,
            by_label,
            "ok" if confidence >= self.recipe.uncertain_below else "uncertain",
        )

    def __repr__(self) -> str:
        recipe = self.recipe
        return (
            f"EmotionClassifier({recipe.name}: mono {recipe.mfcc.sample_rate_hz} Hz -> {recipe.pooling} of "
            f"(n, {recipe.mfcc.n_mfcc}) MFCC -> {', '.join(recipe.labels)}; {self._interpreter.backend})"
        )


@lru_cache(maxsize=1)
def _default_classifier() -> EmotionClassifier:
    return EmotionClassifier()


def classify(source: Source) -> Prediction:
    """Classify a file with the default model, which is loaded once and kept.

    Args:
        source: a path or a binary file object; any rate, channel count and format that libsndfile reads.

    Raises:
        AudioError: it is missing, damaged, empty or not audio.
    """
    return _default_classifier().classify(source)
