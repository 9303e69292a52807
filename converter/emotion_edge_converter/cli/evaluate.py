"""`emotion-edge-converter evaluate`: how good is a model file on these recordings?"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from emotion_edge import EmotionClassifier

from .. import corpora, scores
from ..files import write_text
from .arguments import add_corpus, check_writable


def register(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "evaluate",
        help="measure a model file on labelled recordings",
        description="Measure a model file on labelled recordings, through the very path that runs on the device: UAR with "
        "a confidence interval over talkers, accuracy, calibration, per corpus and sex. The figures are of strangers "
        "only if the model was trained on none of these talkers.",
    )
    parser.add_argument("model", metavar="MODEL.tflite|NAME", help="a model file, or the name of a shipped model")
    add_corpus(parser)
    parser.add_argument("-o", "--output", type=Path, metavar="FILE.json", help="also write every figure here")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Answer every recording, print a table."""
    if options.output is not None:
        check_writable(options.output)
    classifier = EmotionClassifier(options.model)
    answers = scores.answer(classifier, corpora.read(options.corpus))
    result = {"model": classifier.recipe.name, **scores.figures(answers)}
    print(_table(result))
    if options.output is not None:
        write_text(options.output, json.dumps(result, indent=1) + "\n")
        print(f"written: {options.output}", file=sys.stderr)
    return 0


def _table(result: dict[str, Any]) -> str:
    head = f"{'':12} {'files':>6} {'talkers':>7} {'UAR':>6} {'95 %':>14} {'accuracy':>8} {'ECE':>6} {'sure':>6} {'right':>6}"
    lines = [head]
    for name, corpus in result["corpora"].items():
        lines.append(_line(name, corpus))
        lines += [_line(f"  {sex}", part) for sex, part in corpus["sex"].items()]
    lines.append(f"{'mean':12} {'':>6} {'':>7} {result['mean_uar']:6.3f}")
    return "\n".join(lines)


def _line(name: str, figures: dict[str, Any]) -> str:
    low, high = figures["uar_interval"]
    interval = "" if low is None else f"{low:.3f} to {high:.3f}"
    sure = figures["sure"]
    right = "" if sure["accuracy"] is None else f"{sure['accuracy']:6.3f}"
    return (
        f"{name:12} {figures['recordings']:6} {figures['talkers']:7} {figures['uar']:6.3f} {interval:>14} "
        f"{figures['accuracy']:8.3f} {figures['expected_calibration_error']:6.3f} {sure['share']:6.3f} {right}"
    )
