"""`emotion-edge-converter metadata`: lists the recordings of corpora, or counts them."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..corpora import readers
from ..corpora.summary import summary
from ..files import write_text
from .arguments import add_corpus, check_writable


def register(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "metadata",
        help="list the recordings of corpora as CSV",
        description="Print or write the recordings of corpora as CSV: file, speaker, word, emotion, corpus, sex.",
    )
    add_corpus(parser)
    parser.add_argument(
        "--summary",
        action="store_true",
        help="print a text table instead: files, speakers by sex, minutes and labels of each corpus",
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="output file (default: standard output)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print or write the table, and print its number of rows on stderr."""
    if options.output is not None:
        check_writable(options.output)
    utterances = readers.read(options.corpus)
    text = summary(utterances) if options.summary else _csv(utterances)
    if options.output is None:
        sys.stdout.write(text)
    else:
        write_text(options.output, text)
    speakers = {(utterance.corpus, utterance.speaker) for utterance in utterances if utterance.speaker}
    emotions = sorted({utterance.emotion for utterance in utterances})
    print(f"{len(utterances)} recordings, {len(speakers)} known speakers, {', '.join(emotions)}", file=sys.stderr)
    return 0


def _csv(utterances: Sequence[readers.Utterance]) -> str:
    text = io.StringIO()
    readers.write(utterances, text)
    return text.getvalue()
