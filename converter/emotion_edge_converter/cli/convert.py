"""`emotion-edge-converter convert`: converts a Keras model into a model file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from emotion_edge import ModelError
from emotion_edge.model.recipe import ModelRecipe

from ..corpora import folders, table
from ..corpora.readers import Utterance
from ..errors import ConversionError, CorpusError
from ..files import replacing
from ..quiet import import_tensorflow
from ..settings import FEWEST_CALIBRATION, VARIANTS
from .arguments import add_least_agreement, check_writable, name_of


def register(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "convert",
        help="turn a Keras model into a model file",
        description="Quantise a Keras model of pooled features into a .tflite file that contains its recipe. Run every "
        "calibration file through both models, and write the file only if they agree.",
    )
    parser.add_argument(
        "model", type=Path, metavar="MODEL.keras", help="a dense classifier: .keras, or .h5 of Keras 2 or 3"
    )
    parser.add_argument(
        "--recipe",
        type=Path,
        required=True,
        metavar="RECIPE.json",
        help='at least {"name": "mine", "labels": [...], "mfcc": {"preset": "librosa", "sample_rate_hz": '
        '22050, "n_mfcc": 30}}',
    )
    parser.add_argument(
        "--calibration",
        type=Path,
        required=True,
        metavar="DIR|FILE.csv",
        help="representative recordings: a folder, or a table written by metadata or train",
    )
    parser.add_argument("--variant", choices=VARIANTS, default="int8", help="(default: %(default)s)")
    add_least_agreement(parser)
    parser.add_argument(
        "--savedmodel", type=Path, metavar="DIR", help="also export the full model for TensorFlow Serving, to DIR/1"
    )
    parser.add_argument(
        "-o", "--output", type=name_of(".tflite"), metavar="FILE.tflite", help="(default: MODEL.tflite)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Convert, check the answers, write."""
    output = options.output or options.model.with_suffix(".tflite")
    check_writable(output)
    recipe = _read_recipe(options.recipe)
    examples = _examples(options.calibration)
    if options.savedmodel is not None:
        check_writable(options.savedmodel, folder=True)
        if (options.savedmodel / "1").exists():
            raise ConversionError(f"{options.savedmodel / '1'} exists already: remove it, or choose another folder")
    import_tensorflow()
    from ..conversion import keras_models, parity, tflite
    from ..features import reference as features

    model = keras_models.load_keras(options.model)
    keras_models.check_dense_classifier(model, recipe.n_features, len(recipe.labels))
    kept, vectors = features.extract(examples, recipe)
    content = tflite.convert(model, recipe, vectors, options.variant)
    with replacing(output) as temporary:
        temporary.write_bytes(content)
        parities = parity.compare(model, temporary, kept, reference=vectors)
        parity.require(parities, options.least_agreement, VARIANTS[options.variant])
    for each in parities:
        print(each)
    if options.savedmodel is not None:
        tflite.export_saved_model(model, options.savedmodel / "1")
        print(f"written: {options.savedmodel / '1'}", file=sys.stderr)
    print(f"written: {output}, {len(content)} bytes, {options.variant}", file=sys.stderr)
    return 0


def _read_recipe(path: Path) -> ModelRecipe:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConversionError(
            f"the recipe {path} cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from error
    try:
        recipe = ModelRecipe.from_json(text)
    except ModelError as error:
        raise ConversionError(f"{path}: {error}") from error
    if recipe.standardisation is not None:
        raise ConversionError(
            f"{path}: remove the standardisation, because convert sets it. If the model needs scaled features, make "
            "the scaler its first layer: keras.layers.Normalization(mean=..., variance=...)"
        )
    return recipe


def _examples(path: Path) -> list[Utterance]:
    if path.is_dir():
        examples = [Utterance(file, "", "", "", "") for file in folders.audio_files(path)]
    elif path.is_file():
        examples = table.read(path)
    else:
        raise CorpusError(f"--calibration: no such folder or file: {path}")
    if not examples:
        raise CorpusError(f"--calibration: {path} holds no audio files")
    if len(examples) < FEWEST_CALIBRATION:
        raise CorpusError(
            f"--calibration: {path} holds {len(examples)} recordings, wanted at least {FEWEST_CALIBRATION}, better a "
            "hundred, like those that the model will be used on"
        )
    return examples
