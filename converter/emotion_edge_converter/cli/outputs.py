"""What the commands that train a model write and print."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .arguments import check_writable


def output_files(name: str, *endings: str) -> dict[str, Path]:
    """Ending to the file NAME.ENDING.

    Raises:
        CorpusError: one of them cannot be written.
    """
    files = {ending: Path(f"{name}.{ending}") for ending in endings}
    for file in files.values():
        check_writable(file)
    return files


def print_scores(scores: Mapping[str, float]) -> None:
    """One line a figure."""
    for name, value in scores.items():
        print(f"{name}  {value:.4f}")
