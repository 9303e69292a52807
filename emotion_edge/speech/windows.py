"""The length of windows and the step between them."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Final

from ..errors import SettingsError
from ..model.recipe import ModelRecipe

LONGEST_S: Final = 60.0
SHORTEST_S: Final = 0.2
SHORTEST_STEP_S: Final = 0.05


@dataclass(frozen=True)
class Windows:
    """The length of the windows of a recording or stream, and the step between them.

    Attributes:
        window_s: the length of a window, 0.2 to 60 s.
        step_s: the time from the end of one window to the end of the next, 0.05 s to `window_s`.

    Raises:
        SettingsError: a value is out of range.

    Examples:
        >>> from emotion_edge.speech.windows import Windows
        >>> Windows(window_s=2.0, step_s=0.5)
        Windows(window_s=2.0, step_s=0.5)
    """

    window_s: float
    step_s: float

    def __post_init__(self) -> None:
        check_range("window_s", self.window_s, SHORTEST_S, LONGEST_S)
        check_range("step_s", self.step_s, SHORTEST_STEP_S, LONGEST_S)
        check_order("step_s", self.step_s, "window_s", self.window_s)

    @classmethod
    def of(cls, recipe: ModelRecipe, window_s: float | None = None, step_s: float | None = None) -> Windows:
        """Return windows with the given length and step; None means the value in the model's recipe."""
        return cls(recipe.window_s if window_s is None else window_s, recipe.step_s if step_s is None else step_s)


def check_range(name: str, value: object, low: float, high: float) -> None:
    """Raise a SettingsError unless a value is a number in its range."""
    if isinstance(value, bool) or not isinstance(value, Real) or not low <= float(value) <= high:
        raise SettingsError(f"{name}: got {value!r}, wanted a number, {low:g} to {high:g}")


def check_order(lower: str, low: float | None, upper: str, high: float | None) -> None:
    """Raise a SettingsError if both values are known and the first is above the second."""
    if low is not None and high is not None and low > high:
        raise SettingsError(f"{lower}: got {low:g}, wanted at most {upper}, which is {high:g}")
