"""`emotion-edge timeline`: what a recording carries over time, as a picture, a page, a table or captions."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from ..audio.files import promised_s
from ..classifier import EmotionClassifier
from ..speech.windows import Windows
from ..timeline_files.writing import SUFFIXES, write
from ..timelines import whole
from .arguments import add_model, add_windows
from .inputs import STDIN
from .progress import heard


def register(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "timeline",
        help="show the emotions of a recording over time: a picture, a page, a table, captions",
        description="Show which emotions a recording carries over time. The name of the file says how: .png, .svg and .pdf "
        "are pictures, which need matplotlib; .html is a page of its own; .json and .csv have every window; .vtt are "
        "captions, .txt is a label track for Audacity. Recordings of hours need no more memory than those of minutes.",
    )
    parser.add_argument("file", metavar="FILE", help="any sound that classify takes, or - for standard input")
    parser.add_argument(
        "-o",
        "--output",
        type=_output_path,
        required=True,
        metavar="FILE",
        help=f"what to make; one that is there is replaced: {', '.join(SUFFIXES)}",
    )
    add_model(parser)
    add_windows(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Hear it, and make the file."""
    from ..timeline_files.recording import Recording  # with what it needs, here: other commands start without
    from ..timeline_files.time_axis import clock

    classifier = EmotionClassifier(options.model)
    source, name = (sys.stdin.buffer, "standard input") if options.file == STDIN else (options.file, options.file)
    sound = whole(source, classifier)
    with closing(heard(sound, classifier.sample_rate_hz, total_s=promised_s(source))) as blocks:
        recording = Recording(name, classifier, blocks, Windows.of(classifier.recipe, options.window, options.step))
        write(recording, options.output)
    windows = "1 window" if recording.n_windows == 1 else f"{recording.n_windows} windows"
    print(f"{name}, {clock(recording.duration_s)}, {windows}: {options.output}", file=sys.stderr)
    return 0


def _output_path(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() not in SUFFIXES:
        raise argparse.ArgumentTypeError(f"got {text}, wanted a name that ends in {', '.join(SUFFIXES)}")
    return path
