"""Output files and scores of the commands that train a model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .arguments import check_writable


def output_files(name: str, *endings: str) -> dict[str, Path]:
    """Map each ending to the path NAME.ENDING.

    Raises:
        CorpusError: one of the files cannot be written.
    """
    files = {ending: Path(f"{name}.{ending}") for ending in endings}
    for file in files.values():
        check_writable(file)
    return files


def print_scores(scores: Mapping[str, float]) -> None:
    """Print one line per score."""
    for name, value in scores.items():
        print(f"{name}  {value:.4f}")
