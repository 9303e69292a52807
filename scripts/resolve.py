"""Checks that the package index has wheels of everything the runtime requires, for every system that makers use.

    python scripts/resolve.py

Run it by hand or every night, because the index changes even when this repository does not. tests/test_wheel.py checks,
without a network, that the right requirements are chosen.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from packaging.metadata import Metadata
from packaging.requirements import Requirement
from packaging.tags import mac_platforms

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Target:
    """A system to install on.

    Attributes:
        system, machine: the values of `sys.platform` and `platform.machine()` on it.
        tags: platform tags of the wheels that pip accepts there, best first.
        pythons: its versions of Python.
        from_apt: packages that are already installed from apt.
    """

    system: str
    machine: str
    tags: tuple[str, ...]
    pythons: tuple[str, ...]
    from_apt: tuple[str, ...] = ()


def glibc(minor: int, machine: str) -> tuple[str, ...]:
    """Platform tags that a Linux with glibc 2.`minor` accepts, newest first."""
    return (*(f"manylinux_2_{n}_{machine}" for n in range(minor, 4, -1)), f"manylinux2014_{machine}")


TARGETS = {
    "Linux, x86-64": Target("linux", "x86_64", glibc(28, "x86_64"), ("3.10", "3.11", "3.12", "3.13", "3.14")),
    "Raspberry Pi OS Bookworm, 64 bit": Target("linux", "aarch64", glibc(36, "aarch64"), ("3.11",)),
    "Raspberry Pi OS Trixie, 64 bit": Target("linux", "aarch64", glibc(41, "aarch64"), ("3.13",)),
    "Raspberry Pi OS Bookworm, 32 bit": Target("linux", "armv7l", glibc(36, "armv7l"), ("3.11",), ("numpy",)),
    "Raspberry Pi OS Trixie, 32 bit": Target("linux", "armv7l", glibc(41, "armv7l"), ("3.13",), ("numpy",)),
    "macOS 14, Apple": Target("darwin", "arm64", tuple(mac_platforms((14, 0), "arm64")), ("3.10", "3.12", "3.14")),
    "macOS 14, Intel": Target("darwin", "x86_64", tuple(mac_platforms((14, 0), "x86_64")), ("3.10", "3.12", "3.14")),
    "Windows, x86-64": Target("win32", "AMD64", ("win_amd64",), ("3.10", "3.12", "3.14")),
    "Windows, ARM": Target("win32", "ARM64", ("win_arm64",), ("3.12", "3.14")),
}


def main() -> int:
    """Resolve the requirements for every target; returns 1 if one fails."""
    requirements = _required()
    failed = False
    for name, target in TARGETS.items():
        for python in target.pythons:
            found = _resolve(_wanted(requirements, target, python), target, python)
            failed = failed or found is None
            print(f"{name}, Python {python}: {found or 'FAILED'}", flush=True)
    return 1 if failed else 0


def _required() -> list[Requirement]:
    """The requirements of the wheel, with markers."""
    with tempfile.TemporaryDirectory() as folder:
        build: list[str | Path] = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT]
        subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as content:
            (name,) = [name for name in content.namelist() if name.endswith(".dist-info/METADATA")]
            return Metadata.from_email(content.read(name), validate=True).requires_dist or []


def _wanted(requirements: Iterable[Requirement], target: Target, python: str) -> list[str]:
    """The requirements of one target, without markers, because pip would evaluate them for this machine."""
    place = {"sys_platform": target.system, "platform_machine": target.machine, "python_version": python, "extra": ""}
    chosen = [each for each in requirements if each.marker is None or each.marker.evaluate(place)]
    return [f"{each.name}{each.specifier}" for each in chosen if each.name not in target.from_apt]


def _resolve(wanted: list[str], target: Target, python: str) -> str | None:
    """Names and versions of the packages that pip would install; None if it cannot."""
    if not wanted:
        return "nothing except the packages from apt"
    pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--dry-run"]
    pip += ["--ignore-installed", "--only-binary", ":all:", "--implementation", "cp", "--python-version", python]
    pip += [word for tag in target.tags for word in ("--platform", tag)]
    pip += ["--no-deps"] if target.from_apt else []
    done = subprocess.run(
        [*pip, "--target", "unused", "--report", "-", *wanted], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        return None
    packages = [each["metadata"] for each in json.loads(done.stdout)["install"]]
    return ", ".join(sorted(f"{each['name']} {each['version']}" for each in packages))


if __name__ == "__main__":
    sys.exit(main())
