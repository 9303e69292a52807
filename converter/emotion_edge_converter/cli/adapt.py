"""`emotion-edge-converter adapt`: fits a model to a few clips of your own voice, if that helps."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emotion_edge import EmotionClassifier
from emotion_edge.model.recipe import ModelRecipe

from ..corpora import readers
from ..errors import ConversionError
from ..files import replacing
from ..models import clips
from ..models.clips import Clips
from ..quiet import import_tensorflow
from ..settings import ADAPTED_LEAST_AGREEMENT, N_DRAWN, SIGNIFICANT, VARIANTS
from .arguments import add_corpus, add_seed, check_writable, name_of

if TYPE_CHECKING:
    from ..conversion.parity import Parity
    from ..models.adaptation import Comparison


def register(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "adapt",
        help="fit a model to clips of your own voice",
        description="Fit the last layers of a model to a few labelled clips of one voice, ten of each label if "
        "possible. A cross-validation over the clips comes first. If it shows that adapting helps, the command writes "
        "NAME.tflite and NAME.keras; otherwise it writes nothing.",
    )
    parser.add_argument("model", type=Path, metavar="MODEL.keras")
    parser.add_argument("tflite", type=Path, metavar="MODEL.tflite")
    add_corpus(parser)
    parser.add_argument("-o", "--output", type=name_of(".tflite"), required=True, metavar="NAME.tflite")
    parser.add_argument(
        "--anyway", action="store_true", help="write the model even if the cross-validation does not show that it helps"
    )
    add_seed(parser, "of the shuffles")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Read the clips, cross-validate, fit, check the answers, write."""
    name = str(options.output).removesuffix(".tflite")
    files = {part: Path(f"{name}.{part}") for part in ("keras", "tflite")}
    for file in files.values():
        _check_output(file, options)
    classifier = EmotionClassifier(options.tflite)
    recipe = classifier.recipe
    own = clips.read(classifier, readers.read(options.corpus))
    import_tensorflow()
    from ..conversion import keras_models, parity, tflite
    from ..models import adaptation

    model = keras_models.load_keras(options.model)
    drawn = tflite.draw_features(recipe, N_DRAWN, seed=options.seed)
    _check_pair(parity.compare_features(model, options.tflite, drawn), options)
    last = keras_models.last_layers(model, own.features, 1 if own.missing else adaptation.N_LAYERS)
    comparison = adaptation.cross_validate(
        last.inputs, last.weights, own.targets, seed=options.seed, temperature=recipe.temperature
    )
    print(_table(comparison))
    if own.missing:
        print(f"no clips of {', '.join(own.missing)}: the model keeps what it knows about them", file=sys.stderr)
    if not comparison.helps and not options.anyway:
        raise ConversionError(
            "the cross-validation does not show that adapting helps, so nothing was written: got UAR "
            f"{comparison.gain:+.3f}, p = {comparison.p_value:.4f}, wanted a gain with p below {SIGNIFICANT}. Record "
            "ten clips of each label, or write the model regardless with --anyway"
        )
    last.set_weights(adaptation.fit(last.inputs, last.weights, own.targets, temperature=recipe.temperature))
    protocol = _protocol(recipe, len(last.weights), own, comparison, options.seed)
    _write(model, _recipe(recipe, Path(name).name, protocol, own, comparison), own, drawn, files)
    return 0


def _write(model: Any, recipe: ModelRecipe, own: Clips, drawn: Any, files: dict[str, Path]) -> None:
    """Convert, and write both files if they agree on the clips and on the random features."""
    from ..conversion import parity, tflite

    content = tflite.convert(model, recipe, np.concatenate([own.features, drawn]))
    with replacing(files["keras"]) as full, replacing(files["tflite"]) as small:
        model.save(full)
        small.write_bytes(content)
        if recipe.encoder is None:
            on_clips = parity.compare(model, small, own.utterances)
        else:  # no reference library computes its features
            on_clips = parity.compare_features(model, small, own.features)
        for each in (on_clips, parity.compare_features(model, small, drawn)):
            parity.require(each, ADAPTED_LEAST_AGREEMENT, VARIANTS["int8"])
    for compared in on_clips:
        print(compared)
    print(f"written: {files['keras']}, {files['tflite']}, {len(content)} bytes, int8", file=sys.stderr)


def _check_output(file: Path, options: argparse.Namespace) -> None:
    check_writable(file)
    if file.exists() and any(given.exists() and file.samefile(given) for given in (options.model, options.tflite)):
        raise ConversionError(f"{file} is the model to adapt: choose another name for the output")


def _check_pair(parities: Sequence[Parity], options: argparse.Namespace) -> None:
    for each in parities:
        if each.agreement < ADAPTED_LEAST_AGREEMENT:
            raise ConversionError(
                f"{options.model} is not the full model of {options.tflite}: their labels agree on "
                f"{each.agreement:.2f} of {N_DRAWN} random feature vectors, wanted {ADAPTED_LEAST_AGREEMENT} or more"
            )


def _table(comparison: Comparison) -> str:
    lines = [f"{'':10} {'before':>7} {'after':>7}"]
    lines += [f"{name:10} {before:7.3f} {after:7.3f}" for name, (before, after) in comparison.figures.items()]
    verdict = "helps" if comparison.helps else "is not shown to help"
    return "\n".join([*lines, f"adapting {verdict}: UAR {comparison.gain:+.3f}, p = {comparison.p_value:.4f}"])


def _protocol(base: ModelRecipe, n_layers: int, own: Clips, comparison: Comparison, seed: int) -> str:
    """Describes the origin of the weights and the meaning of the scores."""
    layers = "its last layer" if n_layers == 1 else f"its last {n_layers} layers"
    counts = ", ".join(f"{count} {label}" for label, count in own.counts.items())
    missing = f"; none of {', '.join(own.missing)}, whose outputs are the original's" if own.missing else ""
    shown = "" if comparison.helps else ", which does not show that adapting helps"
    return (
        f"{base.name}, {layers} adapted to {len(own.utterances)} clips ({counts}{missing}); before: {base.name}, "
        f"after: {comparison.n_folds}-fold cross-validation over those clips, the mean of {len(comparison.after)} "
        f"shuffles (seed {seed}); p of the UAR's change, by a paired permutation test: {comparison.p_value:.4f}{shown}"
    )


def _recipe(base: ModelRecipe, name: str, protocol: str, own: Clips, comparison: Comparison) -> ModelRecipe:
    """The original recipe, with the name, corpora, protocol and scores of the adapted model."""
    scores = {
        f"{figure}, {when}": round(value, 4)
        for figure, values in comparison.figures.items()
        for when, value in zip(("before", "after"), values, strict=True)
    }
    corpora = dict.fromkeys((*base.corpora, *(utterance.corpus for utterance in own.utterances)))
    return base.replace(name=name, corpora=tuple(corpora), protocol=protocol, scores=scores)
