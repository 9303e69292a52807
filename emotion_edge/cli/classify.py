"""`emotion-edge classify`: files in, one answer a line out."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from ..audio import read_blocks
from ..classifier import EmotionClassifier
from ..errors import AudioError
from ..prediction import Prediction
from .arguments import add_model, add_profile
from .learning import Learning


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
    add_profile(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Answer every file that can be answered; 1 if some could not, or the profile not be saved."""
    with Learning(options) as learning:
        failed = _answer(EmotionClassifier(options.model, profile=learning.profile), options)
    return 1 if failed or learning.failed else 0


def _answer(classifier: EmotionClassifier, options: argparse.Namespace) -> bool:
    """Print a line a file; whether some failed."""
    failed = False
    for path in options.files:
        try:
            prediction = _predict(classifier, path)
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
    return failed


def _predict(classifier: EmotionClassifier, path: str) -> Prediction:
    """As the classifier does; and its profile learns, once the answer is there."""
    features = classifier.features(read_blocks(path, sample_rate_hz=classifier.recipe.mfcc.sample_rate_hz))
    prediction = classifier.predict(features)
    classifier.learn(features)
    return prediction
