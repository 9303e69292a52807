"""`emotion-edge-converter metadata`: corpora as a table."""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path
from typing import Any

from .. import corpora
from ..files import write_text
from .arguments import add_corpus, check_writable


def register(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "metadata",
        help="list the recordings of corpora as CSV",
        description="Print or write the recordings of corpora as CSV: file, talker, word, emotion, corpus.",
    )
    add_corpus(parser)
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write here (default: standard output)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print or write the table, and say on stderr how many rows it has."""
    if options.output is not None:
        check_writable(options.output)
    utterances = corpora.read(options.corpus)
    text = io.StringIO()
    corpora.write(utterances, text)
    if options.output is None:
        sys.stdout.write(text.getvalue())
    else:
        write_text(options.output, text.getvalue())
    talkers = {(utterance.corpus, utterance.talker) for utterance in utterances if utterance.talker}
    emotions = sorted({utterance.emotion for utterance in utterances})
    print(f"{len(utterances)} recordings, {len(talkers)} known talkers, {', '.join(emotions)}", file=sys.stderr)
    return 0
