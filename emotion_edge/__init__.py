"""Speech emotion recognition for small devices.

Only the names that `emotion_edge` itself exports are stable. The modules below it are for contributors and for reading:
any release may move or change them.
"""

__version__ = "0.1.0"


def _exports():
    """Map each public name to its module, read from the stub for type checkers so that each name is written once."""
    with open(__file__.removesuffix("c") + "i", encoding="utf-8") as stub:
        imports = [line.split() for line in stub if line.startswith("from ")]
    return {name: module for _, module, _, name, *_ in imports}


_MODULES = _exports()
__all__ = [*_MODULES]


def __getattr__(name):
    """Import a name on first use: programs load only what they need, and the command line can configure numpy first."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    globals()[name] = value = getattr(import_module(_MODULES[name], __name__), name)
    return value


def __dir__():
    return sorted({*globals(), *__all__})
