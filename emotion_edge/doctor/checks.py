"""Checks whether everything that this package needs works. For each fault there is one command that fixes it."""

from __future__ import annotations

import json
import os
import platform
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from ..errors import ModelError
from ..model.encoder import encoder_file
from ..model.file import DEFAULT_MODEL, SPEECH_MODEL, Model, load, shipped, stored_checksum
from ..model.interpreter import BACKENDS, VARIABLE
from ..model.recipe import EncoderReference

CheckStatus: TypeAlias = Literal["ok", "unneeded", "warning", "error"]

SELF_TEST: Final = "self-test"
"""The check that shows whether this machine can classify."""
_FORMATS: Final = ("AIFF", "FLAC", "MP3", "OGG", "WAV")  # libsndfile reads two dozen; these are the common ones
_LARGEST_DIFFERENCE: Final = 0.05  # of a probability between interpreters, which round differently
_TIMEOUT_S: Final = 120.0  # of one probe; an old Pi takes seconds
_BITS: Final = 64 if sys.maxsize > 1 << 32 else 32
_LIBRARIES: Final = {"soundfile": ("libsndfile1", "libsndfile"), "sounddevice": ("libportaudio2", "portaudio")}
"""The system library of a Python package, by its name in apt and in brew."""
_DEBIAN_PACKAGES: Final = "/usr/lib/python3/dist-packages"
_LITERT_PLACES: Final = {("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"), ("win32", "AMD64")}

_Result: TypeAlias = Mapping[str, Any]
"""The result of a probe, or under `error` why it failed."""


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        check: the name of the check.
        status: `ok`; `unneeded`: missing, but nothing needs it; `warning`: something does not work without it;
            `error`: nothing can be classified.
        summary: a sentence for people.
        fix: the command that fixes the fault, if there is one.
        details: the same information for programs.
    """

    check: str
    status: CheckStatus
    summary: str
    fix: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


def examine() -> Iterator[Finding]:
    """Run all checks and yield each finding as soon as it is ready. The last one is `SELF_TEST`."""
    fixes = []
    for check in (_python, _models, _encoders, _interpreters, _soundfile, _soxr, _portaudio):
        for finding in check():
            if finding.status == "error" and finding.fix:
                fixes.append(finding.fix)
            yield finding
    yield _self_test(fixes)


def _python() -> Iterator[Finding]:
    libc = " ".join(platform.libc_ver())
    system = f"{platform.system()} {platform.machine()}"
    board = Path("/proc/device-tree/model")  # exists on a Raspberry Pi
    details: dict[str, Any] = {
        "version": platform.python_version(),
        "executable": sys.executable,
        "bits": _BITS,
        "system": platform.system(),
        "machine": platform.machine(),
        "libc": libc,
        "board": board.read_text(errors="replace").rstrip("\0\n") if board.is_file() else "",
    }
    parts = [f"{details['version']}, {_BITS} bit", system, libc, details["board"]]
    yield Finding("Python", "ok", ", ".join(filter(None, parts)), details=details)


def _models() -> Iterator[Finding]:
    for name in sorted({DEFAULT_MODEL, SPEECH_MODEL, *shipped()}):
        try:
            model = load(name)
        except ModelError as error:
            status: CheckStatus = "error" if name in (DEFAULT_MODEL, SPEECH_MODEL) else "warning"
            yield Finding("model", status, f"{name}: {error}", _reinstall(), {"name": name})
        else:
            yield _file(name, model.content, "model")


def _encoders() -> Iterator[Finding]:
    """The voice encoders that the shipped models need; a damaged model has been found before."""
    needing: dict[EncoderReference, list[Model]] = {}
    for name in shipped():
        with suppress(ModelError):
            model = load(name)
            if model.recipe.encoder is not None:
                needing.setdefault(model.recipe.encoder, []).append(model)
    for wanted, models in needing.items():
        try:
            content = encoder_file(wanted, models[0].folder)
        except ModelError as error:
            names = [model.recipe.name for model in models]
            status: CheckStatus = "error" if DEFAULT_MODEL in names else "warning"
            summary = f"{error}; without it, {', '.join(names)} cannot be used"
            yield Finding("encoder", status, summary, _reinstall(), {"name": wanted.name})
        else:
            yield _file(wanted.name, content, "encoder")


def _file(name: str, content: bytes, check: str) -> Finding:
    details = {"name": name, "size_bytes": len(content), "crc32": stored_checksum(content)}
    summary = f"{name}: {len(content) / 1024:.1f} KiB, checksum {details['crc32']} is correct"
    return Finding(check, "ok", summary, details=details)


def _reinstall() -> str:
    return _pip("install --force-reinstall --no-deps emotion-edge")


def _loads(name: str) -> bool:
    """Whether a model can be loaded, with the voice encoder that it needs."""
    try:
        model = load(name)
        if model.recipe.encoder is not None:
            encoder_file(model.recipe.encoder, model.folder)
    except ModelError:
        return False
    return True


def _interpreters() -> Iterator[Finding]:
    named = os.environ.get(VARIABLE)
    if named and named not in BACKENDS:
        summary = f"{VARIABLE}: got {named!r}, wanted one of {', '.join(BACKENDS)}"
        yield Finding("interpreter", "error", summary, f"unset {VARIABLE}")
    model = next(filter(_loads, (DEFAULT_MODEL, *shipped())), None)
    if model is None:  # the interpreters are not at fault
        return
    probed = {name: _probe("interpreter", name, model) for name in BACKENDS}
    working = [name for name, found in probed.items() if "error" not in found]
    in_use = named or next(iter(working), None)
    for name, found in probed.items():
        details = {"name": name, **found}
        if name in working:
            use = ", in use" if name == in_use else ""
            times = f"loads in {_time(found['construct_s'])}, a second of speech takes {_time(found['answer_s'])}"
            summary = f"{name} {found['version']}{use}: {times}"
            yield Finding("interpreter", "ok", summary, details=details)
        else:
            status, fix = _severity_and_fix(name, found, working, named)
            reason = _reason(found, BACKENDS[name].split(".")[0])
            hint = "; models that have more than dense layers need it" if status == "warning" else ""
            yield Finding("interpreter", status, f"{name}: {reason}{hint}", fix, details)


def _severity_and_fix(
    name: str, found: _Result, working: list[str], named: str | None
) -> tuple[CheckStatus, str | None]:
    """Return how bad it is that an interpreter does not work, and the command that fixes it."""
    if name == named:
        return "error", f"unset {VARIABLE}"
    if found.get("crashed") and not named:  # it crashes every program that tries it first
        return "error", _pip(f"uninstall {name}")
    here = tflite_package(sys.platform, platform.machine(), sys.version_info[:2], is_64_bit=_BITS == 64)
    if name != here or set(working) & {"ai-edge-litert", "tflite-runtime"}:
        return "unneeded", None
    status: CheckStatus = "warning" if working else "error"
    if name == "tflite-runtime":
        return status, _pip(f"install {name} {_quoted('numpy<2')}")
    again = "" if _is_missing(found, "ai_edge_litert") else "--force-reinstall "
    return status, _pip(f"install {again}{name}")


def tflite_package(system: str, machine: str, python: tuple[int, int], *, is_64_bit: bool) -> str | None:
    """Return the TFLite package that has wheels for a machine, or None. The markers in pyproject.toml agree with this.

    Args:
        system: as from `sys.platform`.
        machine: as from `platform.machine()`: the machine type of the kernel. A 64-bit kernel also runs 32-bit Python.
        python: the version of Python.
        is_64_bit: whether Python is 64-bit.
    """
    if is_64_bit:
        return "ai-edge-litert" if (system, machine) in _LITERT_PLACES else None
    is_arm = system == "linux" and machine in ("armv7l", "armv8l", "aarch64")
    return "tflite-runtime" if is_arm and python < (3, 12) else None


def _soundfile() -> Iterator[Finding]:
    found = _probe("soundfile")
    if "error" in found:
        summary = f"{_reason(found, 'soundfile')}; only WAV can be read"
        yield Finding("soundfile", "warning", summary, _library_fix("soundfile", found), found)
        return
    lacking = [each for each in _FORMATS if each not in found["formats"]]
    formats = ", ".join(each for each in _FORMATS if each in found["formats"])
    summary = f"{found['version']} with libsndfile {found['libsndfile']} reads {formats}"
    if lacking:
        summary += f"; not {', '.join(lacking)}"
        yield Finding("soundfile", "warning", summary, _pip("install --upgrade soundfile"), found)
    else:
        yield Finding("soundfile", "ok", summary, details=found)


def _soxr() -> Iterator[Finding]:
    found = _probe("soxr")
    if "error" in found:
        summary = f"{_reason(found, 'soxr')}; only recordings at the sample rate of the model can be used"
        yield Finding("soxr", "warning", summary, _library_fix("soxr", found), found)
    else:
        yield Finding("soxr", "ok", found["version"], details=found)


def _portaudio() -> Iterator[Finding]:
    found = _probe("portaudio")
    if "error" in found:
        summary = f"{_reason(found, 'sounddevice')}; microphones cannot be used"
        yield Finding("PortAudio", "warning", summary, _library_fix("sounddevice", found), found)
        return
    library = found["portaudio"].removeprefix("PortAudio ").split(",")[0]
    summary = f"{library}, through sounddevice {found['version']}"
    yield Finding("PortAudio", "ok", summary, details={key: found[key] for key in ("version", "portaudio")})
    for device in found["devices"]:
        default = ", the default" if device["default"] else ""
        channels = f"{device['channels']} channel{'s' if device['channels'] > 1 else ''}"
        summary = f"{device['number']} «{device['name']}»: {channels}, {device['sample_rate_hz']} Hz{default}"
        yield Finding("microphone", "ok", summary, details=device)
    if not found["devices"]:
        yield _no_microphone()


def _no_microphone() -> Finding:
    if any(not os.access(device, os.R_OK | os.W_OK) for device in Path("/dev/snd").glob("pcm*c")):
        summary = "there is one, but you have no permission to use it: run the command, then log in again"
        return Finding("microphone", "warning", summary, "sudo usermod -aG audio $USER")
    return Finding("microphone", "warning", "none is connected: plug one in")


def _self_test(fixes: list[str]) -> Finding:
    fix = fixes[0] if fixes else _pip("install --force-reinstall emotion-edge")
    found = _probe(SELF_TEST)
    if "error" in found:
        return Finding(SELF_TEST, "error", found["error"], fix)
    answer = f"{found['label']} {found['confidence']:.2f}" if found["label"] else found["status"]
    wrong = ""
    if found["status"] == "no_speech":
        wrong = "no speech was found in it"
    elif found["difference"] > _LARGEST_DIFFERENCE:
        wrong = f"got {answer}, and with numpy, probabilities differ by {found['difference']:.2f}"
    if wrong:
        summary = f"a recording of five vowels: {wrong}: a library computes wrong results"
        return Finding(SELF_TEST, "error", summary, fix, found)
    summary = f"{answer}, and numpy agrees; {found['end_s']:.1f} s of sound in {_time(found['elapsed_s'])}"
    return Finding(SELF_TEST, "ok", summary, details=found)


def _probe(*arguments: str) -> dict[str, Any]:
    """Run a probe in a separate process and return its result, or under `error` why it failed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run(
            [sys.executable, "-m", f"{__package__}.probes", *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        return {"error": f"no result within {_TIMEOUT_S:.0f} s", "crashed": True}
    if done.returncode < 0:
        return {"error": f"it crashes ({signal.Signals(-done.returncode).name})", "crashed": True}
    try:
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        return {"error": f"it makes Python exit with status {done.returncode} ({last})", "crashed": True}
    return found


def _is_missing(found: _Result, module: str) -> bool:
    return found.get("missing_module") == module


def _reason(found: _Result, module: str) -> str:
    """Return why a module cannot be used."""
    if _is_missing(found, module):
        return "not installed"
    return str(found["error"])


def _library_fix(package: str, found: _Result) -> str | None:
    """Return the command that installs a package, or the system library that it needs."""
    if _is_missing(found, package):
        return _from_apt(package) or _pip(f"install {package}")
    library = _LIBRARIES.get(package)
    if library is None or found.get("missing_module") or found.get("crashed"):
        return _pip(f"install --force-reinstall {package}")
    if shutil.which("apt"):
        return f"sudo apt install {library[0]}"
    return f"brew install {library[1]}" if shutil.which("brew") else None


def _from_apt(package: str) -> str | None:
    """Return the apt command for 32-bit ARM, where PyPI has no cffi. It needs a Python that uses Debian's packages."""
    if _BITS == 64 or _DEBIAN_PACKAGES not in sys.path:
        return None
    with_pip = f"sudo apt install python3-cffi libportaudio2 && {_pip('install sounddevice')}"
    return {"soundfile": "sudo apt install python3-soundfile", "sounddevice": with_pip}.get(package)


def _pip(arguments: str) -> str:
    """Return a pip command for the current environment."""
    pip = shutil.which("pip")
    if pip is not None and Path(pip).parent == Path(sys.executable).parent:
        return f"pip {arguments}"
    return f"{_quoted(sys.executable)} -m pip {arguments}"


def _quoted(word: str) -> str:
    if os.name == "nt":
        return f'"{word}"'
    return shlex.quote(word)


def _time(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{1000 * seconds:.{0 if seconds >= 0.01 else 2}f} ms"
