"""Flags that several commands share, and numbers."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from ..model.file import DEFAULT_MODEL


def add_model(parser: Any) -> None:
    """--model."""
    parser.add_argument(
        "--model",
        default=DEFAULT_MODEL,
        metavar="NAME|FILE",
        help="a shipped model or the path of a .tflite file (default: %(default)s)",
    )


def add_profile(parser: Any) -> None:
    """--profile."""
    parser.add_argument(
        "--profile",
        metavar="NAME|FILE.json",
        help="take this voice into account and learn it further; made where it is missing. It holds means, no sound",
    )


def add_device(parser: Any) -> None:
    """--device."""
    parser.add_argument("--device", metavar="NAME|N", help="part of a microphone's name, or its number; see devices")


def add_windows(parser: Any) -> None:
    """--window and --step."""
    parser.add_argument(
        "--window", type=number(0.5, 60), metavar="S", help="length of a window (default: the model's choice)"
    )
    parser.add_argument(
        "--step", type=number(0.05, 60), metavar="S", help="from one to the next (default: the model's choice)"
    )


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
