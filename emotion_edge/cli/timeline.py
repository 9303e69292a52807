"""`emotion-edge timeline`: the emotions of a recording over time, as a picture, a page, a table or captions."""

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
from .progress import with_bar


def register(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "timeline",
        help="show the emotions of a recording over time, as a picture, a page, a table or captions",
        description="Show the emotions of a recording over time. The suffix of the output file chooses the format: "
        ".png, .svg and .pdf are pictures (they need matplotlib); .html is a web page in a single file; .json and .csv "
        "list every window; .vtt has captions; .txt is a label track for Audacity. A recording of several hours needs "
        "no more memory than one of a few minutes.",
    )
    parser.add_argument(
        "file", metavar="FILE", help="an audio file, as for classify, or - for sound from standard input"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=_output_path,
        required=True,
        metavar="FILE",
        help=f"the file to write; an existing one is replaced. Its name ends in one of {', '.join(SUFFIXES)}",
    )
    add_model(parser)
    add_windows(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Read the recording, and write the file."""
    from ..timeline_files.recording import Recording  # imported here, so that other commands start faster
    from ..timeline_files.time_axis import clock

    classifier = EmotionClassifier(options.model)
    source, name = (sys.stdin.buffer, "standard input") if options.file == STDIN else (options.file, options.file)
    sound = whole(source, classifier)
    with closing(with_bar(sound, classifier.sample_rate_hz, total_s=promised_s(source))) as blocks:
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
