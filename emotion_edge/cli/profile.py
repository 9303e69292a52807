"""`emotion-edge profile`: what is known of a voice, and forgetting it."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from ..errors import ModelError, ProfileError
from ..model.file import load
from ..profile import SUFFIX, VoiceProfile, folder, paths


def register(commands: Any) -> None:
    """Add the command and its own commands to the parser."""
    parser = commands.add_parser(
        "profile",
        help="show or reset what was learnt of a voice",
        description="Show or reset the voice profiles that listen --profile and classify --profile make.",
    )
    actions = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    show = actions.add_parser("show", help="say what a profile has heard, and how strongly it acts")
    show.add_argument("name", nargs="?", metavar="NAME|FILE.json", help="all of them, if it is left out")
    show.add_argument("--model", metavar="FILE", help="the model that it was made with, if that is not a shipped one")
    show.add_argument("--json", action="store_true", help="one JSON object a line")
    show.set_defaults(run=run_show)
    reset = actions.add_parser("reset", help="delete a profile: the next use begins anew")
    reset.add_argument("name", metavar="NAME|FILE.json")
    reset.set_defaults(run=run_reset)


def run_show(options: argparse.Namespace) -> int:
    """Print one, or all that can be read; 1 if some could not."""
    chosen = paths() if options.name is None else [VoiceProfile.path_of(options.name)]
    if not chosen:
        print(f"no voice profiles in {folder()}", file=sys.stderr)
    failed = False
    for path in chosen:
        try:
            entry = _entry(path, options.model)
        except ProfileError as error:
            failed = True
            print(f"emotion-edge: {error}", file=sys.stderr)
            continue
        print(json.dumps(entry) if options.json else _describe(entry), flush=True)
    return 1 if failed else 0


def run_reset(options: argparse.Namespace) -> int:
    """Delete one. By name it may be damaged; by path it must be one: the file might be something else."""
    path = VoiceProfile.path_of(options.name)
    if options.name.endswith(SUFFIX) or not path.exists():
        VoiceProfile.load(path)
    try:
        path.unlink()
    except OSError as error:
        raise ProfileError(f"the voice profile {path} cannot be deleted: {error.strerror or error}") from error
    print(f"deleted the voice profile {path}", file=sys.stderr)
    return 0


def _entry(path: Path, model: str | None) -> dict[str, Any]:
    profile = VoiceProfile.load(path)
    return {
        "name": path.stem,
        "utterances": profile.utterances,
        "seconds": profile.seconds,
        "model": profile.model,
        "share": _share(profile, model),
        "path": str(path),
    }


def _share(profile: VoiceProfile, model: str | None) -> float | None:
    """How strongly it acts; None where the model is not at hand, or has changed since."""
    try:
        recipe = load(model or profile.model).recipe
        profile.check_fits(recipe)
    except (ModelError, ProfileError):
        if model is not None:
            raise
        return None
    assert recipe.profile is not None
    return round(profile.share(recipe.profile), 4)


def _describe(entry: dict[str, Any]) -> str:
    unknown = "unknown: --model names its model, which is not here or has changed since"
    share = unknown if entry["share"] is None else f"{entry['share']:.0%} of the mean, more with each utterance"
    return (
        f"{entry['name']}\n"
        f"  heard     {_utterances(entry['utterances'])}, {entry['seconds']:.0f} s\n"
        f"  model     {entry['model']}\n"
        f"  acts by   {share}\n"
        f"  path      {entry['path']}"
    )


def _utterances(n: int) -> str:
    return f"{n} utterance" if n == 1 else f"{n} utterances"
