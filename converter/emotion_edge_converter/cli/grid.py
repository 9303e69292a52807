"""`emotion-edge-converter grid`: runs the study."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from ..corpora import readers
from ..files import write_bytes, write_text
from ..quiet import import_tensorflow
from ..settings import MFCC_COUNTS
from .arguments import add_corpus, add_emotions, add_training, check_writable, positive


def register(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "grid",
        help="run the study: five architectures, five numbers of MFCCs",
        description="Train five architectures with five numbers of MFCCs. Test each on a random third and on speakers "
        "that it was not trained on. Writes report.html, study.json and accuracies.png.",
    )
    add_corpus(parser)
    add_emotions(parser)
    parser.add_argument(
        "--mfcc",
        type=positive,
        nargs="+",
        metavar="N",
        default=MFCC_COUNTS,
        help=f"numbers of MFCCs (default: {' '.join(map(str, MFCC_COUNTS))})",
    )
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("study"), metavar="DIR", help="output folder (default: %(default)s)"
    )
    add_training(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the study, write the files, print the table."""
    check_writable(options.output, folder=True)
    utterances, labels = readers.with_emotions(readers.read(options.corpus), options.emotions)
    import_tensorflow()
    from ..features import reference as features
    from ..reports import study as report
    from ..reports import study_pictures as pictures
    from ..training import study

    counts = sorted(set(options.mfcc))
    kept, vectors = features.extract(utterances, study.mfcc_recipe("study", labels, counts[-1]))
    result = study.run(kept, vectors, labels, mfcc_counts=counts, seed=options.seed, epochs=options.epochs)
    options.output.mkdir(exist_ok=True)
    write_text(options.output / "study.json", json.dumps(result.to_dict()) + "\n")
    write_text(options.output / "report.html", report.html(result, kept))
    write_bytes(options.output / "accuracies.png", pictures.accuracies(result))
    for cell in result.cells:
        figures = "  ".join(f"{score.split} {score.accuracy:.3f}" for score in cell.scores)
        print(f"{cell.architecture:8} {cell.n_mfcc:3} MFCC  {figures}")
    print(f"written: {options.output / 'report.html'}, study.json, accuracies.png", file=sys.stderr)
    return 0
