"""The result of a classification."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

Status: TypeAlias = Literal["ok", "uncertain", "no_speech"]

_DIGITS: Final = 6


@dataclass(frozen=True)
class Prediction:
    """The prediction for a recording, or for one window of it.

    `str(prediction)` is a short text for people: `neutral 0.94`, `uncertain (neutral 0.49)` or `no speech`.

    Attributes:
        label: the most likely label, also when the status is `uncertain`; None when there is no speech.
        confidence: the probability of that label, 0 to 1; 0 when there is no speech.
        probabilities: label to probability, in the model's order; empty when there is no speech.
        status: `ok`; `uncertain` when the confidence is below the model's threshold; `no_speech` when the sound was too
            quiet or the speech gate found no speech in it, so that nothing was classified.
        start_s: the start of the window, in seconds from the start of the recording.
        end_s: the end of the window, in seconds from the start of the recording.
        model: the name of the model.

    Examples:
        >>> from emotion_edge import classify
        >>> prediction = classify("hello.wav")
        >>> prediction.label, prediction.status
        ('neutral', 'ok')
        >>> f"{prediction.confidence:.1f}"
        '0.9'
        >>> max(prediction.probabilities, key=prediction.probabilities.get)
        'neutral'
        >>> print(classify("silence.wav"))
        no speech
    """

    label: str | None
    confidence: float
    probabilities: Mapping[str, float]
    status: Status
    start_s: float
    end_s: float
    model: str

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain data for JSON, with numbers rounded to 6 decimals.

        Examples:
            >>> from emotion_edge import classify
            >>> classify("silence.wav").to_dict()  # doctest: +NORMALIZE_WHITESPACE
            {'status': 'no_speech', 'label': None, 'confidence': 0.0, 'probabilities': {}, 'start_s': 0.0,
             'end_s': 1.0, 'model': 'five-emotions'}
        """
        return {
            "status": self.status,
            "label": self.label,
            "confidence": rounded(self.confidence),
            "probabilities": {label: rounded(value) for label, value in self.probabilities.items()},
            "start_s": rounded(self.start_s),
            "end_s": rounded(self.end_s),
            "model": self.model,
        }

    def __str__(self) -> str:
        if self.status == "no_speech":
            return "no speech"
        verdict = f"{self.label} {self.confidence:.2f}"
        return f"uncertain ({verdict})" if self.status == "uncertain" else verdict


def rounded(number: float) -> float:
    """Round a number as it is written in results."""
    return round(number, _DIGITS)
