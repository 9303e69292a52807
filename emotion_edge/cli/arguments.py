"""Options that several commands share, and numbers as option values."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from ..model.file import DEFAULT_MODEL


def add_model(parser: Any) -> None:
    """Add --model."""
    parser.add_argument(
        "--model",
        default=DEFAULT_MODEL,
        metavar="NAME|FILE",
        help="a shipped model or the path of a .tflite file (default: %(default)s)",
    )


def add_profile(parser: Any) -> None:
    """Add --profile."""
    parser.add_argument(
        "--profile",
        metavar="NAME|FILE.json",
        help="adapt the answers to this voice, and keep learning it. The profile is created if it does not exist; it "
        "contains averages, not sound",
    )


def add_device(parser: Any) -> None:
    """Add --device."""
    parser.add_argument(
        "--device",
        metavar="NAME|N",
        help="part of the name of a microphone, or its number; the command devices lists them",
    )


def add_windows(parser: Any) -> None:
    """Add --window and --step."""
    parser.add_argument(
        "--window",
        type=number(0.5, 60),
        metavar="S",
        help="length of a window in seconds (default: chosen by the model)",
    )
    parser.add_argument(
        "--step",
        type=number(0.05, 60),
        metavar="S",
        help="seconds from the start of one window to the next (default: chosen by the model)",
    )


def number(low: float, high: float, *, whole: bool = False) -> Callable[[str], float]:
    """A `type` for argparse: an int or a float from low to high."""

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
