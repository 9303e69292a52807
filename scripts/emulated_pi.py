"""Installs the wheel on emulated Raspberry Pis, and checks that it answers the example sounds as this machine does.

    python scripts/emulated_pi.py EMULATOR [TARGET ...]

Run it by hand or every night, not with every change: it needs root, a network and some minutes. EMULATOR, or the
environment variable EMOTION_EDGE_PI, is a program that emulates a Pi's userland in a folder, for example a chroot under
qemu:

    EMULATOR make DIR ARCH SUITE [PACKAGE,...]
        make a Debian system for arm64 or armhf, bookworm or trixie, with Python and these packages
    EMULATOR run DIR COMMAND...
        run a command inside; files are in DIR/work
    EMULATOR off DIR
        unmount everything that make has mounted; the folder stays

Without either, it prints that nothing was tested, and exits with 0.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import soundfile

from emotion_edge.audio.files import read_blocks
from emotion_edge.model.file import DEFAULT_MODEL, load

ROOT = Path(__file__).parents[1]
_WORK = "work"  # the folder for files, in the root of the emulated system
TOLERANCE = 0.02  # of a probability: a feature that is rounded differently moves an int8 input by one step


@dataclass(frozen=True)
class Target:
    """A system, and how to install there according to the README.

    Attributes:
        arch, suite: Debian's names of architecture and release.
        packages: packages to install with apt first.
        resamples: whether pip can install soxr.
    """

    arch: str
    suite: str
    packages: tuple[str, ...] = ()
    resamples: bool = True


TARGETS = {
    "arm64-bookworm": Target("arm64", "bookworm"),
    "arm64-trixie": Target("arm64", "trixie"),
    "armhf-bookworm": Target("armhf", "bookworm", packages=("python3-numpy",), resamples=False),
}


class Pi:
    """An emulated Pi in its own folder, which is removed at the end of the `with` block."""

    def __init__(self, emulator: str, target: Target, folder: Path) -> None:
        self._emulator = str(Path(emulator).resolve())
        self._target = target
        self._folder = folder

    def __enter__(self) -> Pi:
        target = self._target
        command: list[str | Path] = [
            self._emulator,
            "make",
            self._folder,
            target.arch,
            target.suite,
            ",".join(target.packages),
        ]
        try:
            subprocess.run(command, check=True)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run([self._emulator, "off", self._folder], check=False)
        mounted = [line for line in Path("/proc/mounts").read_text().splitlines() if f" {self._folder}/" in line]
        if mounted:  # removing the folder would remove the mounted files
            print(f"not removed, because something is still mounted there: {self._folder}", file=sys.stderr)
        else:
            shutil.rmtree(self._folder)

    def put(self, *paths: Path) -> None:
        """Copy files to the folder that `_inside` names."""
        for path in paths:
            shutil.copy(path, self._folder / _WORK)

    def run(self, *command: str, check: bool = True) -> str:
        """Run a command inside, and return its standard output."""
        done = subprocess.run(
            [self._emulator, "run", self._folder, *command], stdout=subprocess.PIPE, text=True, check=check
        )
        return done.stdout


def _inside(name: str) -> str:
    """The path of a file for programs that run inside."""
    return f"/{_WORK}/{name}"


def main() -> int:
    """Test every target; returns 1 if one gives different answers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("emulator", nargs="?", default=os.environ.get("EMOTION_EDGE_PI"), metavar="EMULATOR")
    parser.add_argument("targets", nargs="*", default=list(TARGETS), metavar="TARGET", help=", ".join(TARGETS))
    options = parser.parse_args()
    unknown = set(options.targets) - set(TARGETS)
    if unknown:
        parser.error(f"unknown target {', '.join(sorted(unknown))}: wanted one of {', '.join(TARGETS)}")
    if not options.emulator:
        print("no emulated Pi was tested: got neither EMULATOR nor EMOTION_EDGE_PI", file=sys.stderr)
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        wheel, clips = _wheel(Path(scratch)), _clips(Path(scratch))
        here = _answers([sys.executable, "-m", "emotion_edge"], clips)
        failed = [name for name in options.targets if not _test(name, options.emulator, wheel, clips, here)]
    print(f"failed: {', '.join(failed)}" if failed else "all give the same answers as this machine")
    return 1 if failed else 0


def _wheel(folder: Path) -> Path:
    build: list[str | Path] = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    (wheel,) = folder.glob("*.whl")
    return wheel


def _clips(folder: Path) -> list[Path]:
    """The example sounds, and copies at the model's own rate, which need no resampling."""
    rate = load(DEFAULT_MODEL).recipe.mfcc.sample_rate_hz
    clips = []
    for original in sorted((ROOT / "examples" / "sounds").glob("*.wav")):
        resampled = folder / f"{original.stem}-{rate}.wav"
        with soundfile.SoundFile(resampled, "w", rate, 1, subtype="PCM_16") as file:
            for block in read_blocks(original, sample_rate_hz=rate):
                file.write(block)
        clips += [original, resampled]
    return clips


def _answers(command: list[str], clips: list[Path]) -> dict[str, dict[str, Any]]:
    """Answers by name of the clip."""
    done = subprocess.run(
        [*command, "classify", "--json", *clips], stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT
    )
    return _by_name(done.stdout)


def _by_name(lines: str) -> dict[str, dict[str, Any]]:
    entries = map(json.loads, lines.splitlines())
    return {Path(entry.pop("path")).name: entry for entry in entries}


def _test(name: str, emulator: str, wheel: Path, clips: list[Path], here: dict[str, dict[str, Any]]) -> bool:
    target = TARGETS[name]
    print(f"== {name}", flush=True)
    with Pi(emulator, target, Path(tempfile.mkdtemp(prefix=f"{name}-")).resolve()) as pi:
        pi.put(wheel, *clips)
        site = ["--system-site-packages"] if target.packages else []
        pi.run("python3", "-m", "venv", *site, _inside("venv"))
        pi.run(_inside("venv/bin/pip"), "install", "--quiet", _inside(wheel.name))
        there = _by_name(
            pi.run(
                _inside("venv/bin/emotion-edge"),
                "classify",
                "--json",
                *(_inside(clip.name) for clip in clips),
                check=False,
            )
        )
        report = pi.run(_inside("venv/bin/emotion-edge"), "doctor", check=False)
        print(report, flush=True)
    same = [_same(clip.name, here[clip.name], there.get(clip.name, {}), target) for clip in clips]
    return all(same) and "It can classify" in report


def _same(clip: str, here: dict[str, Any], there: dict[str, Any], target: Target) -> bool:
    """Compare two answers to a clip and print the result. A Pi that cannot resample may report an error instead."""
    if "error" in there and not target.resamples:
        print(f"  {clip}: {there['error']}")
        return "pip install soxr" in there["error"]
    alike = (here["status"], here["label"]) == (there.get("status"), there.get("label"))
    labels = here["probabilities"]
    apart = max((abs(labels[label] - there["probabilities"][label]) for label in labels), default=0.0) if alike else 1.0
    print(f"  {clip}: {there.get('label') or there.get('status') or there}, probabilities {apart:.6f} apart")
    return alike and apart <= TOLERANCE


if __name__ == "__main__":
    sys.exit(main())
