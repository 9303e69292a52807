"""`emotion-edge-converter parity`: checks that the small model answers like the full one."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from emotion_edge.model.file import load

from ..corpora import readers
from ..errors import CorpusError
from ..quiet import import_tensorflow
from ..settings import VARIANTS
from .arguments import add_corpus, add_least_agreement, converted, share


def register(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "parity",
        help="compare a model file with its Keras model",
        description="Run recordings through librosa and Keras, and through the code of the device with each "
        "interpreter that works here. Fails if the answers differ.",
    )
    parser.add_argument("model", type=Path, metavar="MODEL.keras")
    parser.add_argument("tflite", type=converted, metavar="MODEL.tflite")
    add_corpus(parser)
    add_least_agreement(parser)
    parser.add_argument(
        "--largest-difference",
        type=share,
        default=VARIANTS["int8"],
        metavar="P",
        help="largest allowed difference of a probability; use 0.01 for a float32 file (default: %(default)s)",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Compare on the recordings that have one of the model's labels, print, and fail outside the tolerance."""
    labels = load(options.tflite).recipe.labels
    utterances = [utterance for utterance in readers.read(options.corpus) if utterance.emotion in labels]
    if not utterances:
        raise CorpusError(f"no recording has one of the model's labels ({', '.join(labels)})")
    import_tensorflow()
    from ..conversion import keras_models, parity
    from ..evaluation.metrics import label_numbers

    model = keras_models.load_keras(options.model)
    parities = parity.compare(model, Path(options.tflite), utterances)
    for each in parities:
        actual = label_numbers([utterance.emotion for utterance in each.utterances], labels)
        full, small = ((answers.argmax(axis=1) == actual).mean() for answers in (each.full, each.small))
        print(f"{each}; accuracy {full:.4f} full, {small:.4f} small")
    parity.require(parities, options.least_agreement, options.largest_difference)
    return 0
