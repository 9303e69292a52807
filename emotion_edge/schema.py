"""Builds frozen dataclasses from JSON and checks them against their annotations.

No field may be missing, unknown or of the wrong type. The JSON may be hostile, and messages about it are printed on
terminals: they quote only a little of it, escaped.
"""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from .errors import ModelError

T = TypeVar("T")

_known_annotations: dict[type, dict[str, Any]] = {}
LARGEST_JSON: Final = 1 << 21
"""The largest JSON text that is read, in bytes; none of our files is larger."""

_quoted = reprlib.Repr()
_quoted.maxstring = _quoted.maxother = 60


def parse(text: str | bytes, whole: str) -> Any:
    """Parse a JSON text.

    Args:
        text: the text, at most `LARGEST_JSON` bytes.
        whole: the name of the text in messages, for example `the recipe`.

    Raises:
        ModelError: it is too long, is not JSON, or contains a name twice, so that it is unclear which value counts.
    """
    if len(text) > LARGEST_JSON:
        raise ModelError(f"{whole} has {len(text)} bytes, wanted at most {LARGEST_JSON}")
    try:
        return json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{whole} is not JSON: {error}") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        for name, _ in pairs:
            if name not in values:
                raise ValueError(f"{_quoted.repr(name)} appears twice")
            del values[name]
    return values


def check(holds: bool, name: str, got: object, wanted: str) -> None:
    """Unless the condition holds, raise a ModelError that states the value and what was wanted instead."""
    if not holds:
        raise ModelError(f"{name}: got {_quoted.repr(got)}, wanted {wanted}")


def check_types(instance: Any, where: str) -> None:
    """Check each field of a dataclass against its annotation. Any finite number except a bool counts as a float."""
    for name, kind in _annotations(type(instance)).items():
        value = getattr(instance, name)
        if not _fits(value, kind):
            check(False, where + name, value, _describe(kind))


def check_known(cls: type, names: Mapping[str, Any], where: str, whole: str = "recipe") -> None:
    """Refuse a name that is not a field of the dataclass: it is misspelt, or belongs to another program."""
    known = [entry.name for entry in fields(cls)]
    for name in names:
        if name not in known:
            shown = name if name.isidentifier() and len(name) < 60 else _quoted.repr(name)
            raise ModelError(f"{where}{shown} is not a field of a {whole}; known: {', '.join(known)}")


def from_object(cls: type[T], data: Any, where: str = "", whole: str = "recipe") -> T:
    """Build a dataclass, and the dataclasses inside it, from parsed JSON; lists become tuples.

    Args:
        cls: the dataclass.
        data: a JSON object with its fields.
        where: the path to the object in messages, for example `mfcc.`.
        whole: the name of the whole document in messages.

    Raises:
        ModelError: something is wrong; the message names the first problem.
    """
    check(isinstance(data, dict), where.rstrip(".") or f"the {whole}", data, "a JSON object")
    check_known(cls, data, where, whole)
    values = {}
    for entry in fields(cls):  # type: ignore[arg-type]
        if entry.name in data:
            kind = _annotations(cls)[entry.name]
            values[entry.name] = _convert(data[entry.name], kind, f"{where}{entry.name}.", whole)
        elif entry.default is MISSING and entry.default_factory is MISSING:
            raise ModelError(f"the {whole} lacks {where}{entry.name}")
    return cls(**values)


def _annotations(cls: type) -> dict[str, Any]:
    """The type hints of a class, cached: compiling them from text took most of the time to load a model."""
    if cls not in _known_annotations:
        _known_annotations[cls] = get_type_hints(cls)
    return _known_annotations[cls]


def _convert(value: Any, kind: Any, where: str, whole: str) -> Any:
    for option in _options(kind):
        if is_dataclass(option) and value is not None:
            return from_object(option, value, where, whole)  # type: ignore[arg-type]
    return tuple(value) if isinstance(value, list) else value


def _options(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _fits(value: Any, kind: Any) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and _finite(value)
    options = _options(kind)
    if len(options) > 1:
        return any(_fits(value, option) for option in options)
    origin = get_origin(kind)
    if origin is Literal:
        return isinstance(value, str) and value in get_args(kind)
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(item, get_args(kind)[0]) for item in value)
    if origin is Mapping:
        key, item = get_args(kind)
        return isinstance(value, Mapping) and all(_fits(k, key) and _fits(v, item) for k, v in value.items())
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind is str:  # it is printed: a line break or an escape sequence could imitate other output
        return isinstance(value, str) and value.isprintable()
    return isinstance(value, kind)


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer that no float can hold
        return False


def _describe(kind: Any) -> str:
    options = _options(kind)
    if len(options) > 1:
        return " or ".join(_describe(option) for option in options)
    if is_dataclass(kind):
        return "a JSON object"
    origin = get_origin(kind)
    if origin is Literal:
        return "one of " + ", ".join(get_args(kind))
    if origin is tuple:
        return f"a list, each item {_describe(get_args(kind)[0])}"
    if origin is Mapping:
        return f"an object, each value {_describe(get_args(kind)[1])}"
    names = {
        float: "a finite number",
        int: "a whole number",
        str: "a text without control characters",
        NoneType: "null",
    }
    return names.get(kind, getattr(kind, "__name__", str(kind)))
