"""A folder in which long work can stop and go on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ..errors import CorpusError
from ..files import write_text

_FILE: Final = "run.json"


def claim(folder: Path, description: Mapping[str, Any]) -> None:
    """Make a folder that of the work that is described; one that is so already stays so.

    Args:
        folder: an existing one.
        description: all that decides how the work comes out, as plain data.

    Raises:
        CorpusError: the folder is that of other work.
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
            f"{folder} holds the work of another run, which differs in {', '.join(differs) or _FILE}: give another folder or "
            "delete this one"
        )
