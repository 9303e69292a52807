"""`emotion-edge-converter speech-gate`: trains the model that distinguishes speech from other sounds."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..files import write_bytes, write_text
from ..quiet import import_tensorflow
from ..settings import GATE_EPOCHS, GATE_LEAST_AGREEMENT, VARIANTS
from .arguments import (
    add_least_agreement,
    add_licence,
    add_noise,
    add_rooms,
    add_training,
    check_writable,
    name_of,
    positive,
)
from .outputs import output_files, print_scores

if TYPE_CHECKING:
    from ..features.speech_windows import Recording
    from ..models.speech_gate import Gate


def register(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "speech-gate",
        help="train the model that distinguishes speech from other sounds",
        description="Cut speech and noise into windows as the live loop does. Cross-validate a small model on held-out "
        "speakers and noises, then train it on everything. Writes NAME.keras, NAME.tflite, NAME.json (the recipe) and "
        "the report.",
    )
    parser.add_argument(
        "--speech",
        action="append",
        required=True,
        metavar="NAME=PATH",
        help="a folder of speech; file names identify the speakers in tess, ravdess, emodb, nemo and ased, folders in "
        "all other corpora; may be given several times",
    )
    add_noise(parser, "a folder of other sounds, with one folder or one file for each class", required=True)
    add_rooms(parser, "a folder of impulse responses of rooms")
    parser.add_argument(
        "--recordings",
        type=positive,
        default=600,
        metavar="N",
        help="largest number of recordings per corpus of speech (default: %(default)s)",
    )
    parser.add_argument(
        "--synthetic", type=positive, default=350, metavar="N", help="number of synthetic noises (default: %(default)s)"
    )
    add_licence(parser)
    parser.add_argument(
        "-o", "--output", type=name_of(".keras"), default=Path("speech-gate.keras"), metavar="NAME.keras"
    )
    parser.add_argument("--report", type=name_of(".json"), metavar="FILE.json", help="(default: NAME.report.json)")
    parser.add_argument(
        "--folds",
        type=Path,
        metavar="DIR",
        help="also write fold-1.tflite, fold-2.tflite, ... here, each trained without its fold",
    )
    add_training(parser)
    add_least_agreement(parser)
    parser.set_defaults(run=run, epochs=GATE_EPOCHS, least_agreement=GATE_LEAST_AGREEMENT)


def run(options: argparse.Namespace) -> int:
    """Cut windows, cross-validate, train, check the answers, write."""
    name = str(options.output).removesuffix(".keras")
    files = output_files(name, "keras", "tflite", "json")
    report_file = options.report or Path(f"{name}.report.json")
    check_writable(report_file)
    if options.folds is not None:
        check_writable(options.folds, folder=True)
    speech, noise = _recordings(options)
    import_tensorflow()
    from ..conversion import keras_models
    from ..features import speech_windows
    from ..models import gate_report, speech_gate

    recipe = speech_gate.recipe(Path(name).name)
    windows = speech_windows.cut(speech, noise, options.rooms, recipe, options.seed)
    result = speech_gate.cross_validate(windows, seed=options.seed, epochs=options.epochs)
    figures = gate_report.report(windows, result)
    recipe = recipe.replace(
        licence=options.licence,
        corpora=(
            *dict.fromkeys(recording.group for recording in speech),
            *(folder.resolve().name for folder in options.noise),
        ),
        protocol=gate_report.PROTOCOL,
        scores=gate_report.scores(figures),
    )
    everything = np.ones(len(windows.recording), bool)
    model = speech_gate.fit(windows, everything, seed=options.seed, epochs=options.epochs)
    gate = speech_gate.finish(model, result.threshold, windows, everything, recipe, options.seed)
    parities = speech_gate.check(gate, windows, options.least_agreement, VARIANTS["int8"], options.seed)
    keras_models.save_keras(gate.model, files["keras"])
    write_bytes(files["tflite"], gate.content)
    write_text(files["json"], recipe.to_json() + "\n")
    write_text(report_file, json.dumps(figures, indent=1) + "\n")
    if options.folds is not None:
        _write_folds(options.folds, result.gates)
    for parity in parities:
        print(
            f"{parity.interpreter}: {len(parity.full)} windows, label agreement {parity.agreement:.4f}, largest "
            f"difference of a probability {parity.difference:.4f}"
        )
    print_scores(recipe.scores)
    written = ", ".join(map(str, (*files.values(), report_file, *filter(None, [options.folds]))))
    print(f"written: {written}; the model has {len(gate.content)} bytes", file=sys.stderr)
    return 0


def _recordings(options: argparse.Namespace) -> tuple[list[Recording], list[Recording]]:
    """The recordings of speech, and those of other sounds with the synthetic ones."""
    from ..features import speech_windows

    random = np.random.default_rng(options.seed)
    speech = [
        recording
        for specification in options.speech
        for recording in speech_windows.speech_recordings(specification, options.recordings, random)
    ]
    noise = [recording for folder in options.noise for recording in speech_windows.noise_recordings(folder)]
    return speech, noise + speech_windows.synthetic_recordings(options.synthetic)


def _write_folds(folder: Path, gates: Sequence[Gate]) -> None:
    folder.mkdir(exist_ok=True)
    for number, gate in enumerate(gates, 1):
        write_bytes(folder / f"fold-{number}.tflite", gate.content)
