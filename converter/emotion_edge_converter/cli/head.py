"""`emotion-edge-converter head`: trains a model on the voice encoder, from corpora to file."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ..corpora import readers
from ..files import replacing, write_bytes, write_text
from ..quiet import import_tensorflow
from ..recordings import sounds
from ..settings import VARIANTS
from .arguments import (
    add_corpus,
    add_emotions,
    add_jobs,
    add_least_agreement,
    add_licence,
    add_noise,
    add_rooms,
    add_seed,
    check_writable,
    name_of,
    positive,
)
from .outputs import output_files, print_scores


def register(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "head",
        help="train a model on the voice encoder",
        description="Train a linear model on the frames of the voice encoder, on all corpora together, for speakers "
        "with a voice profile and without one. Cross-validate it by speaker and by corpus, and calibrate its "
        "confidence on corpora that were left out. Writes NAME.keras, NAME.tflite, NAME.json (the recipe) and, in the "
        "folder --folds, the models for `evaluate`.",
    )
    parser.add_argument(
        "encoder", type=Path, metavar="ENCODER.tflite", help="the voice encoder, as voice-encoder writes it"
    )
    add_corpus(parser)
    add_emotions(parser)
    add_noise(parser, "a folder of noise recordings, in any layout")
    add_rooms(parser, "a folder of impulse responses of rooms")
    parser.add_argument(
        "--versions",
        type=positive,
        default=2,
        metavar="N",
        help="number of changed versions of each recording (default: %(default)s)",
    )
    parser.add_argument(
        "--folds",
        type=Path,
        default=Path("folds"),
        metavar="DIR",
        help="folder for the features and the models of the cross-validation; run the command again with the same "
        "options to resume an interrupted run (default: %(default)s)",
    )
    add_licence(parser)
    parser.add_argument("-o", "--output", type=name_of(".keras"), default=Path("head.keras"), metavar="NAME.keras")
    add_seed(parser, "random seed for the versions of recordings and the voice profiles")
    add_least_agreement(parser)
    add_jobs(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Extract features, cross-validate, train, check the answers, write."""
    name = str(options.output).removesuffix(".keras")
    files = output_files(name, "keras", "tflite", "json")
    check_writable(options.folds, folder=True)
    utterances = readers.read(options.corpus)
    _, labels = readers.with_emotions(utterances, options.emotions)
    noises, rooms = sounds.noise_files(options.noise), sounds.room_files(options.rooms)
    import_tensorflow()
    from ..conversion import keras_models, parity
    from ..encoder.recipe import reference
    from ..features import examples
    from ..models import cross_validation, heads
    from ..training import checkpoints

    encoder = reference(options.encoder)
    recipe = heads.recipe(Path(name).name, labels, encoder).replace(
        licence=options.licence, corpora=tuple(sorted({utterance.corpus for utterance in utterances}))
    )
    options.folds.mkdir(exist_ok=True)
    checkpoints.claim(options.folds, _description(options, labels, encoder.checksum, utterances, noises, rooms))
    table = examples.extract(
        utterances,
        recipe,
        n_versions=options.versions,
        noises=noises,
        rooms=rooms,
        seed=options.seed,
        jobs=options.jobs,
        file=options.folds / "features.npy",
        encoder=options.encoder.parent,
    )
    trainer = cross_validation.Trainer(
        fit=partial(heads.fit, labels=labels, seed=options.seed),
        recipe=heads.fitted,
        encoder=options.encoder,
    )
    recipe = cross_validation.run(table, recipe, options.folds, trainer)
    model, content = cross_validation.of_everything(table, recipe, options.folds, trainer)
    beside = files["tflite"].with_name(options.encoder.name)
    if not beside.exists():
        write_bytes(beside, options.encoder.read_bytes())  # a model looks for it beside itself
    with replacing(files["tflite"]) as temporary:
        temporary.write_bytes(content)
        parities = parity.compare_features(model, temporary, table.features[:, 0])
        parity.require(parities, options.least_agreement, VARIANTS[cross_validation.VARIANT])
    keras_models.save_keras(model, files["keras"])
    write_text(files["json"], recipe.to_json() + "\n")
    for line in parities:
        print(line)
    print_scores(recipe.scores)
    print(f"written: {', '.join(map(str, (*files.values(), options.folds)))}; {len(content)} bytes", file=sys.stderr)
    return 0


def _description(
    options: argparse.Namespace,
    labels: Sequence[str],
    checksum: str,
    utterances: Sequence[readers.Utterance],
    noises: Sequence[Path],
    rooms: Sequence[Path],
) -> dict[str, Any]:
    """Everything that the features and the models depend on."""
    return {
        "recordings": dict(Counter(f"{utterance.corpus}, {utterance.emotion}" for utterance in utterances)),
        "labels": list(labels),
        "encoder": checksum,
        "noises": len(noises),
        "rooms": len(rooms),
        "versions": options.versions,
        "seed": options.seed,
    }
