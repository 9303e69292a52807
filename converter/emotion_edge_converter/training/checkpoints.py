"""Marks the folder of a long run, so that the run can be interrupted and resumed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ..errors import CorpusError
from ..files import write_text

_FILE: Final = "run.json"


def claim(folder: Path, description: Mapping[str, Any]) -> None:
    """Mark a folder as belonging to the described run. If it already does, nothing changes.

    Args:
        folder: an existing folder.
        description: everything that the results depend on, as plain data.

    Raises:
        CorpusError: the folder belongs to another run.
    """
    file = folder / _FILE
    wanted = json.loads(json.dumps(description))
    if not file.exists():
        write_text(file, json.dumps(wanted, indent=1) + "\n")
        return
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        found = None
    if found != wanted:
        differs = [name for name in wanted if not isinstance(found, dict) or found.get(name) != wanted[name]]
        raise CorpusError(
            f"{folder} belongs to a run with another value of {', '.join(differs) or _FILE}: choose another folder or "
            "delete this one"
        )
