"""What a classifier answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

Status: TypeAlias = Literal["ok", "uncertain", "no_speech"]

_DIGITS: Final = 6


@dataclass(frozen=True)
class Prediction:
    """The answer for one stretch of sound.

    Attributes:
        label: the likeliest label, also when `uncertain`; None when there is no speech.
        confidence: the probability of that label, 0 to 1; 0 when there is no speech.
        probabilities: of every label, in the model's order; empty when there is no speech.
        status: `ok`; `uncertain`: the confidence is below the model's threshold; `no_speech`: it was too quiet, or the speech
            gate took none of it for speech, and nothing was classified.
        start_s, end_s: the stretch, in seconds from the start of the sound.
        model: the name of the model.
    """

    label: str | None
    confidence: float
    probabilities: Mapping[str, float]
    status: Status
    start_s: float
    end_s: float
    model: str

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, numbers rounded to 6 digits."""
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
    """A number as answers are written."""
    return round(number, _DIGITS)
