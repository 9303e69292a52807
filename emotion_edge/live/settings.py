"""The settings of the live loop, with defaults for a voice in a room. The command line makes its options from these."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

from ..model.recipe import ModelRecipe
from ..speech.windows import LONGEST_S, SHORTEST_S, SHORTEST_STEP_S, Windows, check_order, check_range


def _setting(default: float | None, low: float, high: float, help: str) -> Any:
    return field(default=default, metadata={"low": low, "high": high, "help": help})


@dataclass(frozen=True, kw_only=True)
class ListenSettings:
    """Windows, speech gate and thresholds of the live loop.

    All times are seconds of sound. With None the model decides.

    Attributes:
        window_s: the length of the longest window. Windows grow from the start of an utterance up to this length.
        step_s: the time from one decision to the next; at most `window_s`.
        shortest_s: the shortest window that is decided upon; at most `window_s`.
        pause_s: the length of the pause that ends an utterance.
        above_background_db: how much louder than the background of the last 5 s a voice must be, in dB.
        speech_above: the probability of speech, 0 to 1, that a window must have to be classified.
        enter_above: the probability, 0 to 1, that a label must reach to be entered. Below it the answer is uncertain.
        leave_below: a held label is left when its probability falls below this; at most `enter_above`.
            By default 0.8 times `enter_above`.
        smoothing_s: the time constant of the average over windows, once an utterance is longer than a window.
            0 turns it off.
        minimum_s: how long a label must be the most likely one before it is entered.
        refractory_s: the time after a label was left before it can be entered again.

    Raises:
        SettingsError: a value is out of its range, or two values contradict each other.

    Examples:
        >>> from emotion_edge import EmotionStream, ListenSettings
        >>> settings = ListenSettings(step_s=0.25, enter_above=0.6)
        >>> stream = EmotionStream(16000, settings=settings)
        >>> stream.settings.step_s, stream.settings.enter_above, round(stream.settings.leave_below, 2)
        (0.25, 0.6, 0.48)
        >>> ListenSettings(pause_s=0)
        Traceback (most recent call last):
            ...
        emotion_edge.errors.SettingsError: pause_s: got 0, wanted a number, 0.1 to 60
    """

    window_s: float | None = _setting(None, SHORTEST_S, LONGEST_S, "length of the longest window that is classified")
    step_s: float | None = _setting(None, SHORTEST_STEP_S, LONGEST_S, "time from one decision to the next")
    shortest_s: float = _setting(0.5, 0.1, 60, "length of the shortest window that is classified")
    pause_s: float = _setting(0.5, 0.1, 60, "length of the pause that ends an utterance")
    above_background_db: float = _setting(
        9.0, 0, 60, "how much louder than the background of the last 5 s a voice must be; lower it for a distant voice"
    )
    speech_above: float = _setting(
        0.7, 0, 1, "probability of speech below which a window is ignored; raise it if noise is classified"
    )
    enter_above: float | None = _setting(
        None, 0, 1, "probability at which a label is entered; below it, the answer is uncertain"
    )
    leave_below: float | None = _setting(
        None,
        0,
        1,
        "probability below which a held label is left (default: 0.8 times the one at which it is entered)",
    )
    smoothing_s: float = _setting(
        1.0, 0, 60, "time constant of the average over windows, once an utterance is longer than a window; 0 for none"
    )
    minimum_s: float = _setting(
        1.0,
        0,
        60,
        "how long a label must be the most likely one before it is entered; a shorter utterance is decided at its end",
    )
    refractory_s: float = _setting(1.0, 0, 3600, "time after a label was left before it can be entered again")

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if value is not None or each.default is not None:
                check_range(each.name, value, each.metadata["low"], each.metadata["high"])
        check_order("step_s", self.step_s, "window_s", self.window_s)
        check_order("shortest_s", self.shortest_s, "window_s", self.window_s)
        check_order("leave_below", self.leave_below, "enter_above", self.enter_above)

    def for_model(self, recipe: ModelRecipe) -> ListenSettings:
        """Return a copy in which the model's values replace every None.

        Args:
            recipe: the recipe of the model, `EmotionClassifier.recipe`.

        Raises:
            SettingsError: a value contradicts one of the model's.
        """
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
        """Return the length and step of the windows with these settings and a model's recipe.

        Raises:
            SettingsError: the step is longer than the window.
        """
        return Windows.of(recipe, self.window_s, self.step_s)
