"""`emotion-edge classify`: files in, one answer a line out."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from ..classifier import EmotionClassifier
from ..errors import AudioError
from .arguments import add_model


def register(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "classify",
        help="say which emotion each file carries",
        description="Say which emotion each audio file carries, one line a file.",
    )
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="WAV, FLAC, OGG, MP3, AIFF, ...; any rate and channels"
    )
    add_model(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Answer every file that can be answered; 1 if some could not."""
    classifier = EmotionClassifier(options.model)
    failed = False
    for path in options.files:
        try:
            prediction = classifier.classify(path)
        except AudioError as error:
            failed = True
            if options.json:
                print(json.dumps({"path": path, "error": str(error)}), flush=True)
            else:
                print(f"emotion-edge: {error}", file=sys.stderr)
            continue
        if options.json:
            print(json.dumps({"path": path, **prediction.to_dict()}), flush=True)
        else:
            print(f"{prediction}  ({path}, {prediction.end_s:.1f} s)", flush=True)
    return 1 if failed else 0
