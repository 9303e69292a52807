"""Runs a model with the first TFLite interpreter that works on this machine, or with numpy if there is none."""

from __future__ import annotations

import importlib
import logging
import os
import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import EmotionEdgeError, InterpreterError, ModelError
from .file import Model

BACKENDS: Final = {
    "ai-edge-litert": "ai_edge_litert.interpreter",
    "tflite-runtime": "tflite_runtime.interpreter",
    "numpy": "emotion_edge.model.numpy_interpreter",
}
"""Package to the module that contains its `Interpreter`, in the order in which they are tried."""

VARIABLE: Final = "EMOTION_EDGE_INTERPRETER"
"""The environment variable that selects the interpreter for all models of a process, unless the program selects one."""

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Interpreter:
    """Runs one model with one backend. Several threads may share it.

    Raises:
        InterpreterError: the backend is not installed, or does not work on this machine.
        ModelError: the backend refuses the model, or the model does not fit its recipe.
    """

    def __init__(self, model: Model, backend: str) -> None:
        self.backend: Final = backend
        self._lock = threading.Lock()
        self._interpreter, self._input, self._output = open_backend(model.content, backend)
        self(np.zeros(model.recipe.n_features, np.float32))  # a model that fails should fail at once

    def __call__(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Compute the logits, float32, shape (n_labels,), for a feature vector of shape (n_features,)."""
        batch = np.ascontiguousarray(features, np.float32)[np.newaxis]
        with self._lock:  # set, invoke and get use shared memory
            try:
                self._interpreter.set_tensor(self._input, batch)
                self._interpreter.invoke()
                logits = np.asarray(self._interpreter.get_tensor(self._output)[0])
            except (ValueError, RuntimeError) as error:
                raise ModelError(f"{self.backend} cannot run the model: {error}") from error
        if not np.isfinite(logits).all():
            raise ModelError(f"the model returns {logits}, wanted finite numbers: its weights are damaged")
        return logits


def construct(model: Model, backend: str | None = None) -> Interpreter:
    """Construct an interpreter for a model.

    It is the one in the argument or in EMOTION_EDGE_INTERPRETER, otherwise the first that works. An installed package
    may not work: tflite-runtime with numpy 2 can be imported but then fails. So each one is constructed to find out.

    Raises:
        InterpreterError: no interpreter works on this machine, or the selected one does not.
        ModelError: an interpreter works, but not with this model.
    """
    return chosen(lambda name: Interpreter(model, name), backend)


def chosen(make: Callable[[str], T], backend: str | None = None) -> T:
    """Return the result of `make` for the selected interpreter, otherwise for the first that works.

    Raises:
        InterpreterError: no interpreter works on this machine, or the selected one does not.
        ModelError: an interpreter works, but not with this file.
    """
    origin = "" if backend else f" ({VARIABLE})"
    backend = backend or os.environ.get(VARIABLE)
    if backend and backend not in BACKENDS:
        raise InterpreterError(f"unknown interpreter {backend!r}{origin}: known are {', '.join(BACKENDS)}")
    failures: list[Exception] = []
    for name in [backend] if backend else BACKENDS:
        try:
            return make(name)
        except (InterpreterError, ModelError) as error:
            _log.debug("%s", error)
            failures.append(error)
    if backend:
        raise failures[0]
    refused = [error for error in failures if isinstance(error, ModelError)]
    if refused:
        raise refused[0]
    raise InterpreterError(
        "no TFLite interpreter works on this machine: "
        + "; ".join(map(str, failures))
        + ". Install one: pip install ai-edge-litert, or on 32-bit ARM: pip install tflite-runtime 'numpy<2'"
    )


def available(model: Model) -> list[Interpreter]:
    """Construct every interpreter that works on this machine for a model, in the order of BACKENDS."""
    found = []
    for name in BACKENDS:
        try:
            found.append(Interpreter(model, name))
        except InterpreterError as error:
            _log.debug("%s", error)
    return found


def open_backend(content: bytes, backend: str, *, quick: bool = False) -> tuple[Any, int, int]:
    """Construct the backend's interpreter, and return it with the numbers of its input and output.

    Args:
        content: the content of the file.
        backend: the name of the interpreter.
        quick: whether to use LiteRT's default delegate. It makes a large network eight times faster, and prints a line
            to stderr. It does not make small networks faster.

    Raises:
        InterpreterError: the backend is not installed, or does not work on this machine.
        ModelError: the backend refuses the file.
    """
    try:
        module = importlib.import_module(BACKENDS[backend])
        options = {} if quick else _quiet(module)
    except ImportError as error:
        raise InterpreterError(f"{backend} is not installed ({error})") from error
    except Exception as error:
        raise InterpreterError(f"{backend} cannot be imported ({error})") from error
    try:
        interpreter = module.Interpreter(model_content=content, num_threads=1, **options)
        interpreter.allocate_tensors()
        (entry,), (out,) = interpreter.get_input_details(), interpreter.get_output_details()
        return interpreter, entry["index"], out["index"]
    except EmotionEdgeError:
        raise
    except (ValueError, RuntimeError) as error:
        raise ModelError(f"{backend} refuses the model: {error}") from error
    except Exception as error:
        raise InterpreterError(f"{backend} does not work here ({error})") from error


def _quiet(module: Any) -> dict[str, Any]:
    """Without its default delegates, LiteRT does not print to stderr, and such small models are not slower."""
    resolvers = getattr(module, "OpResolverType", None)
    return {"experimental_op_resolver_type": resolvers.BUILTIN_WITHOUT_DEFAULT_DELEGATES} if resolvers else {}
