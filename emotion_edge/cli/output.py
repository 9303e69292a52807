"""Where answers about files go: lines on standard output, or a file that outlives whatever happens."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from ..batch.classify import FileResult
from ..batch.results import Csv, Done, JsonLines, Results
from ..model.recipe import ModelRecipe
from ..speech.windows import Windows
from .progress import Progress
from .terminal import printable

_SUFFIXES = (".jsonl", ".csv", ".parquet")


def add_output(parser: Any) -> None:
    """--json, --output and --resume."""
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument(
        "-o",
        "--output",
        type=_output_path,
        metavar="FILE",
        help="write a new file of results in place of lines: .jsonl, .csv, or .parquet, which needs pyarrow; "
        "no file is in it twice",
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with such a file: what is in it is not asked again"
    )


def _output_path(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() not in _SUFFIXES:
        raise argparse.ArgumentTypeError(f"got {text}, wanted a name that ends in {', '.join(_SUFFIXES)}")
    return path


class Output(Protocol):
    """Takes results."""

    @property
    def done(self) -> Done | None:
        """The files that need no answer; None: nobody keeps a list."""
        ...

    @property
    def file(self) -> Path | None:
        """Where they are on the disk before they are finished; None: nowhere."""
        ...

    def write(self, result: FileResult) -> None:
        """Take one."""
        ...

    def finish(self) -> None:
        """That was all."""
        ...


@contextmanager
def opened(options: argparse.Namespace, recipe: ModelRecipe, progress: Progress) -> Iterator[Output]:
    """The output that a command line asks for.

    Raises:
        ResultsError: the file is there, or cannot be written or gone on with.
    """
    if options.output is None:
        yield _Lines(options, progress)
        return
    windows = Windows.of(recipe, options.window, options.step) if options.timeline else None
    results = _results(options.output, recipe, resume=options.resume, windows=windows)
    try:
        yield results
    finally:
        results.close()


def _results(path: Path, recipe: ModelRecipe, *, resume: bool, windows: Windows | None) -> Results:
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        from ..batch.parquet import ParquetResults

        return ParquetResults(path, recipe.labels, model=recipe.name, resume=resume, windows=windows)
    form = JsonLines() if suffix == ".jsonl" else Csv(recipe.labels)
    return Results(path, form, model=recipe.name, resume=resume, windows=windows)


class _Lines:
    """JSON lines, or lines for people and what is wrong on stderr."""

    def __init__(self, options: argparse.Namespace, progress: Progress) -> None:
        self.done: Done | None = None
        self.file: Path | None = None
        self._json: bool = options.json
        self._timeline: bool = options.timeline
        self._progress = progress

    def write(self, result: FileResult) -> None:
        if self._json:
            print(json.dumps(result.to_dict()), flush=True)
        elif result.prediction is None:
            self._progress.say(printable(f"emotion-edge: {result.error}"))
        else:
            prediction = result.prediction
            start = f"{prediction.start_s:.1f} to " if self._timeline else ""
            print(f"{prediction}  ({printable(result.path)}, {start}{prediction.end_s:.1f} s)", flush=True)

    def finish(self) -> None:
        pass
