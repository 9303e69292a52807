"""The first interpreter that works is used. All give the same results and print nothing."""

from __future__ import annotations

import subprocess
import sys
import types
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from emotion_edge import InterpreterError, ModelError
from emotion_edge.model import interpreter
from emotion_edge.model.file import Model, load
from emotion_edge.speech.gate import speech_gate

MODEL = load("tess-mlp")


def with_backends(monkeypatch, **modules):
    """Install only these fake backends, each a module; None for one that is not installed."""
    monkeypatch.setattr(interpreter, "BACKENDS", {name: f"fake_{name}" for name in modules})
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, f"fake_{name}", module)


def fake(error):
    """A backend whose Interpreter raises an error when it is constructed."""
    module: Any = types.ModuleType("fake")

    def construct(**_):
        raise error

    module.Interpreter = construct
    module.OpResolverType = types.SimpleNamespace(BUILTIN_WITHOUT_DEFAULT_DELEGATES=3)
    return module


def test_there_is_one_logit_per_label():
    logits = interpreter.construct(MODEL)(np.zeros(30, np.float32))
    assert logits.shape == (5,)
    assert logits.dtype == np.float32


def test_all_interpreters_agree():
    features = np.random.default_rng(0).standard_normal((50, 30)).astype(np.float32)
    answers = [[each(row) for row in features] for each in interpreter.available(MODEL)]
    assert len(answers) >= 2, "a TFLite package, and numpy"
    for other in answers[1:]:
        np.testing.assert_array_equal(other, answers[0])


def test_threads_can_share_one():
    features = np.random.default_rng(0).standard_normal((400, 30)).astype(np.float32)
    shared = interpreter.construct(MODEL)
    alone = [shared(row) for row in features]
    with ThreadPoolExecutor(8) as pool:
        np.testing.assert_array_equal(list(pool.map(shared, features)), alone)


def test_unknown_backend():
    with pytest.raises(
        InterpreterError, match="unknown interpreter 'onnx': known are ai-edge-litert, tflite-runtime, numpy"
    ):
        interpreter.construct(MODEL, "onnx")


def test_the_environment_selects_the_interpreter_unless_the_program_does(monkeypatch):
    monkeypatch.setenv("EMOTION_EDGE_INTERPRETER", "numpy")
    assert interpreter.construct(MODEL).backend == "numpy"
    assert speech_gate.__wrapped__()._interpreter.backend == "numpy"
    assert interpreter.construct(MODEL, "ai-edge-litert").backend == "ai-edge-litert"
    monkeypatch.setenv("EMOTION_EDGE_INTERPRETER", "onnx")
    with pytest.raises(InterpreterError, match=r"unknown interpreter 'onnx' \(EMOTION_EDGE_INTERPRETER\): known are"):
        interpreter.construct(MODEL)
    monkeypatch.setenv("EMOTION_EDGE_INTERPRETER", "")
    assert interpreter.construct(MODEL).backend == "ai-edge-litert"


def test_a_selected_interpreter_reports_what_it_does_not_support(monkeypatch):
    with_backends(monkeypatch, lacking=fake(InterpreterError("numpy lacks the TFLite operator LSTM")))
    with pytest.raises(InterpreterError, match=r"^numpy lacks the TFLite operator LSTM$"):
        interpreter.construct(MODEL, "lacking")


def test_if_an_interpreter_cannot_be_constructed_the_next_is_tried(monkeypatch):
    import ai_edge_litert.interpreter

    numpy_2 = fake(SystemError("initialization of _pywrap_tensorflow_interpreter_wrapper raised unreported exception"))
    with_backends(monkeypatch, missing=None, broken=numpy_2, works=ai_edge_litert.interpreter)
    assert interpreter.construct(MODEL).backend == "works"
    assert [each.backend for each in interpreter.available(MODEL)] == ["works"]


def test_if_no_interpreter_works_the_message_says_how_to_install_one(monkeypatch):
    with_backends(monkeypatch, missing=None, broken=fake(SystemError("bad numpy")))
    with pytest.raises(InterpreterError, match=r"missing is not installed.*broken does not work.*pip install"):
        interpreter.construct(MODEL)


def test_a_refused_model_is_a_model_error(monkeypatch):
    with_backends(monkeypatch, missing=None, old=fake(ValueError("Didn't find op for FULLY_CONNECTED version 12")))
    with pytest.raises(ModelError, match=r"old refuses the model: .* version 12"):
        interpreter.construct(MODEL)


def test_a_recipe_that_does_not_fit_its_model():
    recipe = MODEL.recipe.replace(labels=("a", "b"))
    with pytest.raises(ModelError, match="its recipe has 2 labels"):
        interpreter.construct(Model(MODEL.content, recipe))


def test_a_real_process_prints_nothing_on_stderr():
    code = (
        "import numpy; from emotion_edge import EmotionClassifier; "
        "print(EmotionClassifier().classify_samples(numpy.zeros(9), 16000))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("no speech\n", "")
