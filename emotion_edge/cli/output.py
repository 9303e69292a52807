"""Where answers about files go: lines on standard output, or a results file that survives a crash."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from ..batch.classify import FileResult
from ..batch.results import Csv, FinishedFiles, JsonLines, Results
from ..model.recipe import ModelRecipe
from ..speech.windows import Windows
from .progress import Progress
from .terminal import printable

_SUFFIXES = (".jsonl", ".csv", ".parquet")


def add_output(parser: Any) -> None:
    """Add --json, --output and --resume."""
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    parser.add_argument(
        "-o",
        "--output",
        type=_output_path,
        metavar="FILE",
        help="write a new results file instead of printing lines: .jsonl, .csv, or .parquet (needs pyarrow); each "
        "audio file is classified only once",
    )
    parser.add_argument(
        "--resume", action="store_true", help="continue a results file: skip the audio files that are already in it"
    )


def _output_path(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() not in _SUFFIXES:
        raise argparse.ArgumentTypeError(f"got {text}, wanted a name that ends in {', '.join(_SUFFIXES)}")
    return path


class Output(Protocol):
    """Writes results."""

    @property
    def done(self) -> FinishedFiles | None:
        """The files that already have an answer; None if there is no list of them."""
        ...

    @property
    def file(self) -> Path | None:
        """Where the results are on disk before `finish`; None if they are not on disk."""
        ...

    def write(self, result: FileResult) -> None:
        """Write a result."""
        ...

    def finish(self) -> None:
        """Complete the output after the last result."""
        ...


@contextmanager
def opened(options: argparse.Namespace, recipe: ModelRecipe, progress: Progress) -> Iterator[Output]:
    """The output that a command line asks for.

    Raises:
        ResultsError: the file already exists, or cannot be written or resumed.
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
    """JSON lines; or lines for people, with errors on stderr."""

    def __init__(self, options: argparse.Namespace, progress: Progress) -> None:
        self.done: FinishedFiles | None = None
        self.file: Path | None = None
        self._json: bool = options.json
        self._timeline: bool = options.timeline
        self._progress = progress

    def write(self, result: FileResult) -> None:
        if self._json:
            print(json.dumps(result.to_dict()), flush=True)
        elif result.prediction is None:
            self._progress.print(printable(f"emotion-edge: {result.error}"))
        else:
            prediction = result.prediction
            start = f"{prediction.start_s:.1f} to " if self._timeline else ""
            print(f"{prediction}  ({printable(result.path)}, {start}{prediction.end_s:.1f} s)", flush=True)

    def finish(self) -> None:
        pass
