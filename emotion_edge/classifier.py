"""The whole chain: sound -> speech gate and features -> probabilities -> Prediction."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from copy import copy
from functools import lru_cache
from typing import Any, Final, NamedTuple

from numpy.typing import ArrayLike, NDArray

from .audio.files import Source, read_blocks
from .audio.samples import sample_blocks
from .errors import ProfileError
from .features.mfcc import FRAMES_AT_ONCE
from .model.file import DEFAULT_MODEL
from .model.network import Network
from .model.recipe import ModelRecipe
from .prediction import Prediction, Status
from .profile import VoiceProfile
from .speech.gate import SPEECH, ClipSpeech, speech_gate

Array = NDArray[Any]

_SHORTEST_LEARNT_S: Final = 1.0  # less is a word or two, which say more about themselves than about the voice


class Features(NamedTuple):
    """The features of a sound.

    Attributes:
        vector: shape (n_features,), float32, pooled but not yet standardised.
        duration_s: the length of the sound in seconds.
        speech: whether the sound was loud enough and the speech gate found speech in it.
    """

    vector: Array
    duration_s: float
    speech: bool


class EmotionClassifier(Network):
    """Recognises the emotion in a voice. Sound in which the shipped speech gate finds no speech is not classified.

    Several threads may share one classifier.

    Args:
        model: the name of a shipped model, or the path of a `.tflite` file with a recipe.
        interpreter: `ai-edge-litert`, `tflite-runtime` or `numpy`; by default the one in the environment variable
            EMOTION_EDGE_INTERPRETER, otherwise the first of these that works on this machine.
        profile: the profile of the speaker, used for every prediction. It learns only when a call has `learn=True`.

    Attributes:
        recipe: everything that the model file says about itself, for example `recipe.labels`.

    Raises:
        ModelError: the model cannot be used, or does not support profiles.
        InterpreterError: no interpreter on this machine works with this model.
        ProfileError: the profile was made with another model, or is not a VoiceProfile.

    Examples:
        >>> from emotion_edge import EmotionClassifier
        >>> classifier = EmotionClassifier()
        >>> classifier.recipe.labels
        ('angry', 'fear', 'happy', 'neutral', 'sad')
        >>> print(classifier.classify("hello.wav"))
        neutral 0.86
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = DEFAULT_MODEL,
        *,
        interpreter: str | None = None,
        profile: VoiceProfile | None = None,
    ) -> None:
        super().__init__(model, interpreter=interpreter)
        self._profile = _fitting(profile, self.recipe)

    @property
    def profile(self) -> VoiceProfile | None:
        """The profile of the speaker, or None."""
        return self._profile

    def with_profile(self, profile: VoiceProfile | None) -> EmotionClassifier:
        """Return this classifier for another speaker. Both share the network, so one for each speaker costs nothing.

        Args:
            profile: the profile of the speaker; None for no profile.

        Raises:
            ModelError: the model does not support profiles.
            ProfileError: the profile was made with another model, or is not a VoiceProfile.

        Examples:
            >>> from emotion_edge import EmotionClassifier, VoiceProfile
            >>> classifier = EmotionClassifier()
            >>> of_anna = classifier.with_profile(VoiceProfile.open("anna.json"))
            >>> of_anna.classify("hello.wav", learn=True).label == classifier.classify("hello.wav").label
            True
        """
        other = copy(self)
        other._profile = _fitting(profile, self.recipe)
        return other

    @property
    def gate(self) -> Network | None:
        """The model that detects speech; None if this model is itself a speech gate."""
        return None if SPEECH in self.recipe.labels else speech_gate()

    def classify(self, source: Source, *, learn: bool = False) -> Prediction:
        """Classify a recording.

        Args:
            source: a path or a binary file object, with any rate, number of channels and format that libsndfile reads.
            learn: whether the profile then learns from the recording, as with `learn`.

        Raises:
            AudioError: the recording is missing, damaged, empty or not audio.

        Examples:
            >>> from emotion_edge import EmotionClassifier
            >>> classifier = EmotionClassifier()
            >>> classifier.classify("hello.wav").label
            'neutral'
            >>> with open("silence.wav", "rb") as file:
            ...     classifier.classify(file).status
            'no_speech'
        """
        return self._answer(read_blocks(source, sample_rate_hz=self.sample_rate_hz), learn=learn)

    def classify_samples(self, samples: ArrayLike, sample_rate: float, *, learn: bool = False) -> Prediction:
        """Classify samples in memory.

        Args:
            samples: shape (n,) or (n, channels); float in -1..1, or int16, int32 or uint8 at full scale.
            sample_rate: the sample rate in Hz.
            learn: whether the profile then learns from the samples, as with `learn`.

        Raises:
            AudioError: the shape or dtype is wrong, there are no samples, or some are not finite.

        Examples:
            >>> import numpy as np
            >>> from emotion_edge import EmotionClassifier
            >>> one_second = np.zeros(16000, np.float32)
            >>> EmotionClassifier().classify_samples(one_second, 16000).status
            'no_speech'
        """
        rate = self.sample_rate_hz
        return self._answer(sample_blocks(samples, sample_rate, sample_rate_hz=rate), learn=learn)

    def _answer(self, blocks: Iterable[Array], *, learn: bool) -> Prediction:
        features = self.features(blocks)
        prediction = self.predict(features)
        if learn:
            self.learn(features)
        return prediction

    def features(self, blocks: Iterable[Array], *, check: Callable[[], None] | None = None) -> Features:
        """Compute the features of a recording.

        Args:
            blocks: the blocks of the recording, mono, float32, each of shape (n,), at the model's rate.
            check: called several times after the last block of a long recording; it may raise an error to stop.

        Examples:
            >>> import numpy as np
            >>> from emotion_edge import EmotionClassifier
            >>> classifier = EmotionClassifier()
            >>> features = classifier.features([np.zeros(classifier.sample_rate_hz, np.float32)])
            >>> features.vector.shape, features.duration_s, features.speech
            ((768,), 1.0, False)
        """
        rate = self.sample_rate_hz
        stream, clip_speech, log_mel, n_samples = self.mfcc.stream(), ClipSpeech(rate, self.gate), [], 0
        for block in blocks:
            clip_speech.process(block)
            stream.feed(block)
            if stream.n_ready >= FRAMES_AT_ONCE:
                log_mel.append(stream.read(stream.n_ready))
            n_samples += len(block)
        log_mel.append(stream.flush())
        return Features(self.pool(log_mel, check), n_samples / rate, clip_speech.finish())

    def probabilities(self, vector: Array) -> Array:
        """Return the calibrated probabilities, float64, shape (n_labels,), for a feature vector and the profile.

        Args:
            vector: shape (n_features,), pooled but not yet standardised.

        Raises:
            ValueError: the vector has another shape, or numbers that are not finite.

        Examples:
            >>> import numpy as np
            >>> from emotion_edge import EmotionClassifier
            >>> classifier = EmotionClassifier()
            >>> probabilities = classifier.probabilities(np.zeros(classifier.recipe.n_features, np.float32))
            >>> probabilities.shape, round(float(probabilities.sum()), 6)
            ((5,), 1.0)
        """
        if self.profile is None or self.recipe.profile is None:
            return super().probabilities(vector)
        return self.answer(self.standardised(vector) - self.profile.offset(self.recipe.profile))

    def predict(self, features: Features) -> Prediction:
        """Return the prediction for the features of a recording.

        Examples:
            >>> import numpy as np
            >>> from emotion_edge import EmotionClassifier
            >>> classifier = EmotionClassifier()
            >>> features = classifier.features([np.zeros(classifier.sample_rate_hz, np.float32)])
            >>> print(classifier.predict(features))
            no speech
        """
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
        """Let the profile learn from the features of an utterance, and return whether it did.

        It does not if there is no profile, no speech, or less than 1 s of sound.

        Examples:
            >>> import numpy as np
            >>> from emotion_edge import EmotionClassifier, VoiceProfile
            >>> classifier = EmotionClassifier(profile=VoiceProfile.open("anna.json"))
            >>> features = classifier.features([np.zeros(classifier.sample_rate_hz, np.float32)])
            >>> classifier.learn(features)  # silence
            False
        """
        if self.profile is None or not features.speech or features.duration_s < _SHORTEST_LEARNT_S:
            return False
        standardised, recipe = self.standardised(features.vector), self.recipe.profile
        # Only some models put emotions back, and only they need another answer.
        answer = self.answer(standardised) if recipe is not None and recipe.emotion_share else None
        self.profile.learn(standardised, features.duration_s, answer)
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
        recipe, encoder = self.recipe, self.recipe.encoder
        frames = f"(n, {recipe.mfcc.n_mfcc}) MFCC" if encoder is None else f"(n, {encoder.width}) {encoder.name}"
        return (
            f"EmotionClassifier({recipe.name}: mono {recipe.mfcc.sample_rate_hz} Hz -> {recipe.pooling} of {frames} -> "
            f"{', '.join(recipe.labels)}; {self._interpreter.backend})"
        )


def _fitting(profile: VoiceProfile | None, recipe: ModelRecipe) -> VoiceProfile | None:
    """The profile, after a check that it fits a model."""
    if profile is not None:
        if not isinstance(profile, VoiceProfile):
            raise ProfileError(
                f"the profile: got {profile!r}, wanted a VoiceProfile, for example from VoiceProfile.open"
            )
        profile.check_fits(recipe)
    return profile


@lru_cache(maxsize=1)
def _default_classifier() -> EmotionClassifier:
    return EmotionClassifier()


def classify(source: Source) -> Prediction:
    """Classify a recording with the default model. The model is loaded on the first call and then kept.

    Args:
        source: a path or a binary file object, with any rate, number of channels and format that libsndfile reads.

    Raises:
        AudioError: the recording is missing, damaged, empty or not audio.

    Examples:
        >>> from emotion_edge import classify
        >>> prediction = classify("hello.wav")
        >>> prediction.label
        'neutral'
        >>> print(prediction)
        neutral 0.86
    """
    return _default_classifier().classify(source)
