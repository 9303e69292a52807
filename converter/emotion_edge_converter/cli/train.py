"""`emotion-edge-converter train`: trains one model and writes its recipe and the tables of its recordings."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..corpora import readers
from ..files import write_text
from ..quiet import import_tensorflow
from ..settings import ARCHITECTURES, CHOSEN
from .arguments import add_corpus, add_emotions, add_licence, add_training, name_of, positive
from .outputs import output_files, print_scores


def register(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "train",
        help="train one model",
        description="Train one model on two thirds of the recordings and test it on the rest. For comparison, also "
        "train on all speakers but one and test on that one, for each speaker. Writes NAME.keras, NAME.json (the "
        "recipe), NAME.train.csv and NAME.test.csv.",
    )
    add_corpus(parser)
    add_emotions(parser)
    parser.add_argument(
        "--architecture",
        choices=ARCHITECTURES,
        default=CHOSEN[0],
        help="hidden layers; n is the number of MFCCs (default: %(default)s)",
    )
    parser.add_argument(
        "--mfcc", type=positive, default=CHOSEN[1], metavar="N", help="number of MFCCs (default: %(default)s)"
    )
    parser.add_argument(
        "-o", "--output", type=name_of(".keras"), metavar="NAME.keras", help="(default: ARCHITECTURE-N.keras)"
    )
    add_licence(parser)
    add_training(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train, test, write."""
    name = str(options.output or f"{options.architecture}-{options.mfcc}").removesuffix(".keras")
    files = output_files(name, "keras", "json", "train.csv", "test.csv")
    utterances, labels = readers.with_emotions(readers.read(options.corpus), options.emotions)
    import_tensorflow()
    from ..conversion import keras_models
    from ..evaluation.metrics import label_numbers
    from ..features import reference as features
    from ..training import fitting, splits, study

    recipe = study.mfcc_recipe(Path(name).name, labels, options.mfcc)
    kept, vectors = features.extract(utterances, recipe)
    targets = label_numbers([utterance.emotion for utterance in kept], labels)
    trainings = [
        fitting.train(
            options.architecture, vectors, targets, len(labels), split, seed=options.seed, epochs=options.epochs
        )
        for split in (splits.random_split(kept, options.seed), *splits.speaker_splits(kept))
    ]
    scores = {f"accuracy, {each.split.name}": round(study.score(each).accuracy, 4) for each in trainings}
    recipe = recipe.replace(
        licence=options.licence,
        corpora=tuple(sorted({utterance.corpus for utterance in kept})),
        protocol=_protocol(trainings, options.seed),
        scores=scores,
    )
    main = trainings[0]
    keras_models.save_keras(main.model, files["keras"])
    write_text(files["json"], recipe.to_json() + "\n")
    write_text(files["train.csv"], _table([kept[row] for row in main.split.train]))
    write_text(files["test.csv"], _table([kept[row] for row in main.split.test]))
    print_scores(scores)
    if len(trainings) == 1:
        print(
            "the corpus names fewer than two speakers: expect far lower scores on other speakers. To measure that, put "
            "the recordings of each speaker in a separate folder",
            file=sys.stderr,
        )
    print(f"written: {', '.join(map(str, files.values()))}", file=sys.stderr)
    return 0


def _protocol(trainings: Sequence[Any], seed: int) -> str:
    text = (
        f"random third: this model, tested on a stratified random third (seed {seed}) of the recordings, with the same "
        "speakers"
    )
    if len(trainings) > 1:
        text += "; A -> B: the same architecture, trained only on the recordings of A, tested on those of B"
        text += "" if len(trainings) == 3 else "; others: all speakers except B"
    return text


def _table(utterances: Sequence[readers.Utterance]) -> str:
    text = io.StringIO()
    readers.write(utterances, text)
    return text.getvalue()
