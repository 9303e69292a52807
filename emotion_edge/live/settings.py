"""What a listener can be told, with defaults that suit a voice in a room. The command line takes its options from here."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

from ..model.recipe import ModelRecipe
from ..speech.windows import LONGEST_S, SHORTEST_S, SHORTEST_STEP_S, Windows, check_order, check_range


def _setting(default: float | None, low: float, high: float, help: str) -> Any:
    return field(default=default, metadata={"low": low, "high": high, "help": help})


@dataclass(frozen=True, kw_only=True)
class ListenSettings:
    """Windows, gate and thresholds of a live loop. Seconds are of sound; None leaves the choice to the model.

    Raises:
        SettingsError: a value out of its range, or two that contradict each other.
    """

    window_s: float | None = _setting(
        None, SHORTEST_S, LONGEST_S, "longest stretch of speech that one decision is about"
    )
    step_s: float | None = _setting(None, SHORTEST_STEP_S, LONGEST_S, "time from one decision to the next")
    shortest_s: float = _setting(0.5, 0.1, 60, "shortest stretch that is worth a decision")
    pause_s: float = _setting(0.5, 0.1, 60, "how long it must be quiet for an utterance to be over")
    above_background_db: float = _setting(
        9.0, 0, 60, "how much louder than the background of the last 5 s a voice is; lower it for a far voice"
    )
    speech_above: float = _setting(
        0.7, 0, 1, "probability of speech below which nothing is said; raise it where noise gets answers"
    )
    enter_above: float | None = _setting(None, 0, 1, "probability at which a label is entered; below, it is uncertain")
    leave_below: float | None = _setting(
        None,
        0,
        1,
        "probability under which a label that is held is left (default: 0.8 of the one at which it is entered)",
    )
    smoothing_s: float = _setting(
        1.0, 0, 60, "time constant of the average over decisions, once an utterance is longer than a window; 0 for none"
    )
    minimum_s: float = _setting(
        1.0,
        0,
        60,
        "how long a label must be the likeliest before it is entered; a shorter utterance has its say at its end",
    )
    refractory_s: float = _setting(1.0, 0, 3600, "how long after it was left a label is not entered again")

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if value is not None or each.default is not None:
                check_range(each.name, value, each.metadata["low"], each.metadata["high"])
        check_order("step_s", self.step_s, "window_s", self.window_s)
        check_order("shortest_s", self.shortest_s, "window_s", self.window_s)
        check_order("leave_below", self.leave_below, "enter_above", self.enter_above)

    def for_model(self, recipe: ModelRecipe) -> ListenSettings:
        """The same with the model's choices where there were none: no field is None any more."""
        windows = self.windows(recipe)
        enter_above = recipe.uncertain_below if self.enter_above is None else self.enter_above
        return replace(
            self,
            window_s=windows.window_s,
            step_s=windows.step_s,
            enter_above=enter_above,
            leave_below=0.8 * enter_above if self.leave_below is None else self.leave_below,
        )

    def windows(self, recipe: ModelRecipe) -> Windows:
        """The windows that a model is asked about with these settings."""
        return Windows.of(recipe, self.window_s, self.step_s)
