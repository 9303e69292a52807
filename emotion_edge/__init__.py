"""Speech emotion recognition for small devices.

Only what `emotion_edge` itself exports is stable. The modules below it are for reading and for contributors: they may move
or change with any release.
"""

__version__ = "0.1.0"


def _exports():
    """Name to module, from the stub that type checkers read, so that every name is written once."""
    with open(__file__.removesuffix("c") + "i", encoding="utf-8") as stub:
        imports = [line.split() for line in stub if line.startswith("from ")]
    return {name: module for _, module, _, name, *_ in imports}


_MODULES = _exports()
__all__ = [*_MODULES]


def __getattr__(name):
    """Import a name when it is first used: programs load what they need, and the command line sets numpy up first."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    globals()[name] = value = getattr(import_module(_MODULES[name], __name__), name)
    return value


def __dir__():
    return sorted({*globals(), *__all__})
