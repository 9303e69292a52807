"""`emotion-edge-converter voice-encoder`: makes the encoder that several models share from published weights."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from tqdm import tqdm

from ..corpora import readers
from ..files import write_bytes
from ..quiet import import_tensorflow
from ..recordings import sounds
from .arguments import add_corpus, add_seed, check_writable, name_of, positive

_LARGEST_DIFFERENCE: Final = 0.1
_LICENCE: Final = "MIT"
_NOTICE: Final = "stem and first block of the encoder of Whisper tiny.en, Copyright (c) 2022 OpenAI"


def register(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "voice-encoder",
        help="make the voice encoder from the weights of Whisper tiny.en",
        description="Take the convolutions and the first block from the encoder of Whisper tiny.en, round them for "
        "some speech, and write a small file. Prints how its features differ from those of the full encoder, on "
        "recordings that were not used for rounding.",
    )
    parser.add_argument(
        "weights", type=Path, metavar="WEIGHTS", help="a .safetensors file, a CTranslate2 model.bin, or an .npz"
    )
    add_corpus(parser)
    parser.add_argument(
        "--recordings",
        type=positive,
        default=40,
        metavar="N",
        help="recordings of each corpus to round for; as many more are compared (default: %(default)s)",
    )
    add_seed(parser, "random seed for the choice of recordings")
    parser.add_argument(
        "-o", "--output", type=name_of(".tflite"), default=Path("voice-encoder.tflite"), metavar="NAME.tflite"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Choose recordings, round, write, compare."""
    check_writable(options.output)
    chosen, others = _chosen(readers.read(options.corpus), options.recordings, options.seed)
    import_tensorflow()
    from ..conversion.model_file import embed
    from ..encoder import graph, network, parity, recipe, rounding, weights

    values = weights.read(options.weights)
    model = network.build(values)
    own = recipe.recipe(options.output.stem, licence=_LICENCE, notice=_NOTICE, corpora=_names(chosen))
    log_mels = [
        recipe.log_mel(sounds.load(each.file, own.mfcc.sample_rate_hz), own) for each in tqdm(chosen, disable=None)
    ]
    content = embed(graph.content(rounding.rounded(values, model, log_mels)), own)
    heard = [sounds.load(each.file, own.mfcc.sample_rate_hz) for each in others]
    parities = parity.compare(model, content, heard)
    for line in parities:
        print(line)
    parity.require(parities, _LARGEST_DIFFERENCE)
    write_bytes(options.output, content)
    print(f"written: {options.output}; {len(content)} bytes", file=sys.stderr)
    return 0


def _chosen(
    utterances: Sequence[readers.Utterance], n: int, seed: int
) -> tuple[list[readers.Utterance], list[readers.Utterance]]:
    """Two draws from each corpus: to round for, and to compare with."""
    random, chosen, others = np.random.default_rng(seed), [], []
    for corpus in _names(utterances):
        own = [each for each in utterances if each.corpus == corpus]
        order = random.permutation(len(own))[: 2 * n].tolist()
        chosen += [own[number] for number in order[: len(order) // 2]]
        others += [own[number] for number in order[len(order) // 2 :]]
    return chosen, others


def _names(utterances: Sequence[readers.Utterance]) -> tuple[str, ...]:
    return tuple(sorted({each.corpus for each in utterances}))
