"""`emotion-edge profile`: show or delete what was learnt about a voice."""

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
        help="show or delete voice profiles",
        description="Show or delete the voice profiles that listen --profile and classify --profile create.",
    )
    actions = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    show = actions.add_parser(
        "show",
        help="show how much speech a profile has learnt from, and how strong its effect is",
        description="Show how much speech a voice profile has learnt from, and how strong its effect is.",
    )
    show.add_argument("name", nargs="?", metavar="NAME|FILE.json", help="a profile (default: all profiles)")
    show.add_argument(
        "--model", metavar="FILE", help="the model that it was created with, unless that is a shipped one"
    )
    show.add_argument("--json", action="store_true", help="print one JSON object per profile")
    show.set_defaults(run=run_show)
    reset = actions.add_parser(
        "reset",
        help="delete a profile: its next use starts a new one",
        description="Delete a voice profile. The next use of its name starts a new one.",
    )
    reset.add_argument("name", metavar="NAME|FILE.json", help="the profile to delete")
    reset.set_defaults(run=run_reset)


def run_show(options: argparse.Namespace) -> int:
    """Print one profile, or all; return 1 if one could not be read."""
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
    """Delete a profile. By name, it may be damaged; by path, it must be valid: the file might be something else."""
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
    """The strength of its effect; None if the model is not available or has changed since."""
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
    unknown = "unknown: its model was not found or has changed; name it with --model"
    share = unknown if entry["share"] is None else f"{entry['share']:.0%} of the mean, more with each utterance"
    return (
        f"{entry['name']}\n"
        f"  speech    {_utterances(entry['utterances'])}, {entry['seconds']:.0f} s\n"
        f"  model     {entry['model']}\n"
        f"  strength  {share}\n"
        f"  path      {entry['path']}"
    )


def _utterances(n: int) -> str:
    return f"{n} utterance" if n == 1 else f"{n} utterances"
