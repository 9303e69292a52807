"""Options that several commands share."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from ..corpora.readers import READERS, reader_and_path
from ..errors import CorpusError
from ..settings import EPOCHS, LEAST_AGREEMENT, SEED

_FILES: Final = frozenset({".csv", ".h5", ".html", ".json", ".keras", ".png", ".tflite", ".txt", ".wav"})


def add_corpus(parser: Any) -> None:
    """Add --corpus, which may be given several times."""
    parser.add_argument(
        "--corpus",
        action="append",
        required=True,
        type=_corpus,
        metavar="NAME=PATH",
        help=f"recordings: {', '.join(READERS)}; folders=DIR has one folder for each label, csv=FILE is a table "
        "written by metadata; may be given several times",
    )


def add_emotions(parser: Any) -> None:
    """Add --emotions."""
    parser.add_argument(
        "--emotions",
        type=_names,
        metavar="A,B,...",
        help="labels to keep (default: all for folders=DIR, angry,fear,happy,neutral,sad for the other corpora)",
    )


def add_training(parser: Any) -> None:
    """Add --seed and --epochs."""
    add_seed(parser, "random seed for the split, the weights and the batches")
    parser.add_argument(
        "--epochs", type=positive, default=EPOCHS, help="passes over the training data (default: %(default)s)"
    )


def add_licence(parser: Any) -> None:
    """Add --licence."""
    parser.add_argument(
        "--licence",
        default="not stated",
        help="licence of the weights, for the recipe; it depends on the licence of the recordings",
    )


def add_noise(parser: Any, meaning: str, *, required: bool = False) -> None:
    """Add --noise, which may be given several times."""
    parser.add_argument(
        "--noise",
        action="append",
        default=[],
        required=required,
        type=Path,
        metavar="DIR",
        help=f"{meaning}; may be given several times",
    )


def add_rooms(parser: Any, meaning: str) -> None:
    """Add --rooms."""
    parser.add_argument("--rooms", type=Path, metavar="DIR", help=meaning)


def add_jobs(parser: Any) -> None:
    """Add --jobs."""
    parser.add_argument(
        "--jobs", type=positive, default=1, metavar="N", help="number of processes (default: %(default)s)"
    )


def add_seed(parser: Any, meaning: str) -> None:
    """Add --seed."""
    parser.add_argument("--seed", type=_seed, default=SEED, help=f"{meaning} (default: %(default)s)")


def add_least_agreement(parser: Any) -> None:
    """Add --least-agreement."""
    parser.add_argument(
        "--least-agreement",
        type=share,
        default=LEAST_AGREEMENT,
        metavar="SHARE",
        help="smallest allowed share of equal labels (default: %(default)s)",
    )


def positive(text: str) -> int:
    """Parse a whole number above 0."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"got {text}, wanted 1 or more")
    return number


def share(text: str) -> float:
    """Parse a number from 0 to 1."""
    number = float(text)
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"got {text}, wanted 0 to 1")
    return number


def name_of(suffix: str) -> Callable[[str], Path]:
    """The type of an argument that names an output file.

    The name may omit the suffix and may contain dots, but it must not have the suffix of another kind of file.
    """

    def path(text: str) -> Path:
        if Path(text).suffix.lower() in _FILES - {suffix}:
            raise argparse.ArgumentTypeError(f"got {text}, wanted a name that ends in {suffix}")
        return Path(text)

    return path


def converted(text: str) -> str:
    """The type of an argument that names a model file, a shipped model or a folder of models."""
    if Path(text).suffix.lower() in (".keras", ".h5"):
        raise argparse.ArgumentTypeError(f"got {text}, a Keras model, wanted a .tflite file: convert it first")
    return text


def check_writable(path: Path, *, folder: bool = False) -> None:
    """Check that a file or a folder can be written, before an hour of work rather than after it.

    Raises:
        CorpusError: its folder does not exist or is not writable, or a folder is where a file is wanted, or the
            reverse.
    """
    if not path.parent.is_dir():
        raise CorpusError(f"cannot write {path}: there is no folder {path.parent}")
    if path.is_dir() and not folder:
        raise CorpusError(f"cannot write {path}: it is a folder, wanted the name of a file")
    if path.exists() and not path.is_dir() and folder:
        raise CorpusError(f"cannot write {path}: it is a file, wanted the name of a folder")
    if not os.access(path if path.is_dir() else path.parent, os.W_OK):
        raise CorpusError(f"cannot write {path}: permission denied")


def _corpus(text: str) -> str:
    try:
        reader_and_path(text)
    except CorpusError as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix("--corpus: ")) from error
    return text


def _seed(text: str) -> int:
    number = int(text)
    if not 0 <= number < 1 << 32:
        raise argparse.ArgumentTypeError(f"got {text}, wanted 0 to {(1 << 32) - 1}")
    return number


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
