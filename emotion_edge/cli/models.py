"""`emotion-edge models`: list the shipped models."""

from __future__ import annotations

import argparse
import json
from typing import Any

from ..model.encoder import encoder_file
from ..model.file import DEFAULT_MODEL, load, shipped


def register(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "models",
        help="list the shipped models",
        description="List the shipped models with their labels, size, licence and scores.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object per model")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the models."""
    for name, path in shipped().items():
        model = load(name)
        recipe, encoder = model.recipe, model.recipe.encoder
        entry = {
            "name": name,
            "labels": list(recipe.labels),
            "size_bytes": len(model.content),
            "encoder": encoder.name if encoder else None,
            "encoder_size_bytes": len(encoder_file(encoder, model.folder)) if encoder else 0,
            "licence": recipe.licence,
            "corpora": list(recipe.corpora),
            "protocol": recipe.protocol,
            "scores": dict(recipe.scores),
            "path": str(path),
        }
        print(json.dumps(entry) if options.json else _describe(entry))
    return 0


def _describe(entry: dict[str, Any]) -> str:
    default = "  (default)" if entry["name"] == DEFAULT_MODEL else ""
    lines = [
        f"{entry['name']}{default}",
        f"  labels    {', '.join(entry['labels'])}",
        f"  size      {entry['size_bytes'] / 1024:.1f} KiB",
        *_needed(entry["encoder"], entry["encoder_size_bytes"]),
        f"  licence   {entry['licence']}",
        f"  trained   {', '.join(entry['corpora'])}",
        f"  protocol  {entry['protocol']}",
    ]
    width = max(map(len, entry["scores"]), default=0)
    lines += [f"  score     {name:{width}}  {value:.4f}" for name, value in entry["scores"].items()]
    return "\n".join(lines)


def _needed(encoder: str | None, size_bytes: int) -> list[str]:
    """The line about the voice encoder of a model, if it has one."""
    if encoder is None:
        return []
    return [f"  needs     {encoder}, which several models share, {size_bytes / (1 << 20):.1f} MiB"]
