"""Times in a form that people read easily."""

from __future__ import annotations

from typing import Final

_STEPS_S: Final = (
    0.1,
    0.2,
    0.5,
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    10800,
    21600,
    43200,
    86400,
)


def clock(seconds: float) -> str:
    """Seconds as h:mm:ss, with a tenth if it is not zero."""
    tenths = round(10 * seconds)
    minutes, rest = divmod(tenths, 600)
    tenth = f".{rest % 10}" if rest % 10 else ""
    return f"{minutes // 60}:{minutes % 60:02}:{rest // 10:02}{tenth}"


def ticks(duration_s: float, *, most: int) -> list[float]:
    """At most `most` round times in seconds, evenly spaced from 0 to the end of a recording."""
    step_s = next((step_s for step_s in _STEPS_S if duration_s / step_s < most), None)
    if step_s is None:  # many days
        step_s = _STEPS_S[-1] * (1 + int(duration_s / (most * _STEPS_S[-1])))
    return [number * step_s for number in range(int(duration_s / step_s + 1e-9) + 1)]
