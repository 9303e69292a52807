"""What every command line of this project does the same: exit status, errors in one line, a reader that leaves early."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from ..errors import EmotionEdgeError


def run(parser: argparse.ArgumentParser, arguments: Sequence[str] | None, logger: str) -> int:
    """Parse, run the command that the parser has set as `run`, and say what became of it.

    Args:
        parser: with `--debug`, and a function of the options as `run`.
        arguments: the command line; None for the process's own.
        logger: the package whose logging is shown, from warnings on, or all of it with `--debug`.

    Returns:
        The exit status: what the command returns, 1 after an error, 130 after Ctrl-C.
    """
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger(logger).setLevel(logging.DEBUG if options.debug else logging.WARNING)
    try:
        status: int = options.run(options)
        sys.stdout.flush()
        return status
    except EmotionEdgeError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader, `head` perhaps, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
