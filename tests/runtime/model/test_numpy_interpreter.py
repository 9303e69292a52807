"""The numpy interpreter gives the results of TFLite, exactly for int8."""

from __future__ import annotations

import ai_edge_litert.interpreter as litert
import numpy as np
import pytest
from ai_edge_litert.schema_py_generated import BuiltinOperator
from emotion_edge_converter.settings import VARIANTS

from emotion_edge import InterpreterError
from emotion_edge.model.file import load, shipped
from emotion_edge.model.graph import OPERATORS
from emotion_edge.model.numpy_interpreter import Interpreter
from emotion_edge.model.recipe import Standardisation

keras = pytest.importorskip("keras")
convert = pytest.importorskip("emotion_edge_converter.conversion.tflite").convert
layers = keras.layers

N, LABELS = 20, ("a", "b", "c", "d")
SHIPPED = load("tess-mlp")


def answers(interpreter, rows):
    interpreter.allocate_tensors()
    (entry,), (out,) = interpreter.get_input_details(), interpreter.get_output_details()
    results = []
    for row in rows:
        interpreter.set_tensor(entry["index"], row[np.newaxis])
        interpreter.invoke()
        results.append(interpreter.get_tensor(out["index"])[0].copy())
    return np.array(results)


def by_litert(content, rows):
    resolver = litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    return answers(litert.Interpreter(model_content=content, experimental_op_resolver_type=resolver), rows)


def by_numpy(content, rows):
    return answers(Interpreter(model_content=content), rows)


def rows_for(n_features, seed=0, n=500):
    random = np.random.default_rng(seed)
    rows = random.standard_normal((n, n_features)) * random.choice([0.01, 1, 3, 30], (n, 1))
    rows[0] = 0
    return rows.astype(np.float32)


def converted(variant, *hidden, standardisation=None):
    mfcc = type(SHIPPED.recipe.mfcc).preset("librosa", sample_rate_hz=16000, n_mfcc=N)
    recipe = SHIPPED.recipe.replace(labels=LABELS, mfcc=mfcc, standardisation=standardisation)
    model = keras.Sequential([keras.Input((N,)), *hidden, layers.Dense(len(LABELS), "softmax")])
    return convert(model, recipe, rows_for(N, seed=1, n=100), variant)


@pytest.mark.parametrize("name", shipped())
@pytest.mark.parametrize("scale", [0.1, 1, 3, 10])
def test_the_shipped_models(name, scale):
    """To the bit in int8. Heads on the encoder have float weights."""
    model = load(name)
    rows = scale * rows_for(model.recipe.n_features, n=500)
    ours, theirs = by_numpy(model.content, rows), by_litert(model.content, rows)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4 if model.recipe.encoder else 0)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("widths", [(), (2,), (64,), (256,), (31, 17)])
def test_every_variant_of_dense_models(variant, widths):
    keras.utils.set_random_seed(sum(widths))
    content = converted(variant, *(layers.Dense(width, "relu", bias_initializer="normal") for width in widths))
    rows = rows_for(N)
    expected = by_litert(content, rows)
    assert len(np.unique(expected)) > 10
    difference = np.abs(by_numpy(content, rows) - expected).max(axis=1) / (1 + np.abs(expected).max(axis=1))
    if variant == "int8":
        assert difference.max() == 0
    elif variant == "dynamic":  # a tie may be rounded the other way
        assert (difference > 1e-5).sum() <= 2
        assert difference.max() < 0.01
    else:
        assert difference.max() < 1e-5


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "elu", "leaky_relu", "relu6", "softmax"])
def test_other_activations_in_float(activation):
    content = converted("float32", layers.Dense(16, activation))
    rows = rows_for(N)
    np.testing.assert_allclose(by_numpy(content, rows), by_litert(content, rows), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("variant", ["int8", "float32"])
@pytest.mark.parametrize("activation", ["relu", "relu6", "hard_tanh"])
def test_limits_before_the_first_dense_layer(activation, variant):
    dense = layers.Dense(16, bias_initializer="normal")
    content = converted(variant, layers.Activation(activation), dense, standardisation=Standardisation.neutral(N))
    rows = rows_for(N)
    by_both = by_numpy(content, rows), by_litert(content, rows)
    if variant == "int8":
        np.testing.assert_array_equal(*by_both)
    else:
        np.testing.assert_allclose(*by_both, atol=1e-5, rtol=1e-5)


def test_batch_normalisation_inside_a_float_model():
    content = converted("float32", layers.Dense(16, "tanh"), layers.BatchNormalization(), layers.Activation("tanh"))
    rows = rows_for(N)
    np.testing.assert_allclose(by_numpy(content, rows), by_litert(content, rows), atol=1e-4, rtol=1e-4)


def test_an_unsupported_operator_is_named():
    with pytest.raises(InterpreterError, match="numpy lacks the TFLite operator TANH on int8"):
        by_numpy(converted("int8", layers.Dense(16, "tanh")), rows_for(N, n=1))
    with pytest.raises(InterpreterError, match="numpy lacks the TFLite operator LOG_SOFTMAX: known are ADD"):
        by_numpy(converted("float32", layers.Dense(16, "log_softmax")), rows_for(N, n=1))


def test_the_names_are_those_of_the_schema():
    for number, name in OPERATORS.items():
        assert getattr(BuiltinOperator, name) == number
