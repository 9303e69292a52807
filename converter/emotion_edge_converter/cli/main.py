"""The program: it parses the arguments and runs the module of the command."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from emotion_edge.cli.running import CommandParser, run

from .. import __version__
from . import adapt, convert, evaluate, grid, head, metadata, parity, speech_gate, train, voice_encoder


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `emotion-edge-converter` and return the exit status."""
    return run(_parser(), arguments, "emotion_edge_converter")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="emotion-edge-converter",
        description="Train Keras models and convert them into model files for emotion-edge.",
    )
    parser.add_argument("--version", action="version", version=f"emotion-edge-converter {__version__}")
    parser.add_argument("--debug", action="store_true", help="log details on stderr")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=CommandParser)
    for command in (
        metadata,
        grid,
        train,
        convert,
        parity,
        evaluate,
        adapt,
        speech_gate,
        voice_encoder,
        head,
    ):
        command.register(commands)
    return parser
