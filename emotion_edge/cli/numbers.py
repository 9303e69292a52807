"""Numbers on the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def number(low: float, high: float, *, whole: bool = False) -> Callable[[str], float]:
    """What argparse is to make of a number: an int or a float from low to high."""

    def parse(text: str) -> float:
        try:
            value = int(text) if whole else float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            kind = "a whole number" if whole else "a number"
            raise argparse.ArgumentTypeError(f"got {text}, wanted {kind}, {low:.10g} to {high:.10g}")
        return value

    return parse
