"""The program `emotion-edge`. Each command has a module of its own in this folder."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

from .. import __version__
from .running import CommandParser, run


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `emotion-edge`, and return the exit status."""
    # This must be set before numpy is imported. No matrix product of ours is large enough for threads, and the threads
    # that OpenBLAS starts spin for a while: a fifth of the CPU time until the first answer.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    return run(_parser(), arguments, "emotion_edge")


def _parser() -> argparse.ArgumentParser:
    from ..model.interpreter import BACKENDS, VARIABLE
    from . import classify, devices, doctor, listen, models, profile, record, serve, timeline

    parser = argparse.ArgumentParser(
        prog="emotion-edge",
        description="Speech emotion recognition for small devices.",
        epilog=f"The environment variable {VARIABLE} chooses the interpreter: {', '.join(BACKENDS)}. If it is not set, "
        "the first of these that works is used.",
    )
    parser.add_argument("--version", action="version", version=f"emotion-edge {__version__}")
    parser.add_argument("--debug", action="store_true", help="log each step, and the cause of errors, on stderr")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=CommandParser)
    for command in (classify, timeline, listen, serve, profile, models, devices, record, doctor):
        command.register(commands)
    return parser
