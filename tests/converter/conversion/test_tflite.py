"""Every dense Keras classifier is converted into a file with the same answers; other models are refused."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from emotion_edge_converter.conversion.keras_models import load_keras, probabilities
from emotion_edge_converter.conversion.model_file import embed
from emotion_edge_converter.conversion.tflite import convert
from emotion_edge_converter.errors import ConversionError
from emotion_edge_converter.settings import VARIANTS
from keras import layers

from emotion_edge.features.recipe import MfccRecipe
from emotion_edge.model.file import Model
from emotion_edge.model.interpreter import available, construct
from emotion_edge.model.recipe import ModelRecipe

N = 13
RECIPE = ModelRecipe(
    name="mine",
    labels=("a", "b", "c"),
    mfcc=MfccRecipe.preset("librosa", sample_rate_hz=16000, n_mfcc=N),
    temperature=1.5,
)


@pytest.fixture(scope="module")
def features():
    """Similar to mean MFCCs: the range of the first coefficient is a hundred times that of the last, far from zero."""
    random = np.random.default_rng(0)
    width = np.geomspace(80, 0.8, N)
    return (random.standard_normal((300, N)) * width - np.geomspace(400, 1, N)).astype(np.float32)


def adapted(features):
    normalisation = layers.Normalization()
    normalisation.adapt(features)
    return normalisation


def dense(units, **options):
    return layers.Dense(units, kernel_initializer=keras.initializers.GlorotUniform(seed=units), **options)


def batch_normalisation(features):
    layer = layers.BatchNormalization()
    layer.build((None, N))
    random = np.random.default_rng(1)
    layer.set_weights([random.uniform(0.5, 2, N), random.standard_normal(N), features.mean(0), features.var(0)])
    return layer


def rescaled_and_normalised(features):
    rescaling = layers.Rescaling(1 / 255)
    normalisation = layers.Normalization()
    normalisation.adapt(features / 255)
    return [rescaling, normalisation, dense(16, activation="relu"), dense(3, activation="softmax")]


MODELS = {
    "normalised": lambda x: [
        adapted(x),
        dense(16, activation="relu"),
        layers.Dropout(0.2),
        dense(3, activation="softmax"),
    ],
    "raw": lambda x: [
        layers.Dense(16, "relu", kernel_initializer=keras.initializers.RandomNormal(0, 0.01, seed=1)),
        dense(3, activation="softmax"),
    ],
    "one layer": lambda x: [adapted(x), dense(3, activation="softmax")],
    "no bias": lambda x: [
        adapted(x),
        dense(16, use_bias=False),
        layers.ReLU(),
        dense(3, use_bias=False, activation="softmax"),
    ],
    "logits": lambda x: [adapted(x), dense(16, activation="tanh"), dense(3)],
    "softmax layer": lambda x: [adapted(x), dense(16), layers.LeakyReLU(), dense(3), layers.Softmax()],
    "activation layer": lambda x: [
        adapted(x),
        dense(16),
        layers.Activation("relu"),
        dense(3),
        layers.Activation("softmax"),
    ],
    "batch normalisation first": lambda x: [
        batch_normalisation(x),
        dense(16, activation="relu"),
        dense(3, activation="softmax"),
    ],
    "batch normalisation within": lambda x: [
        adapted(x),
        dense(N),
        layers.BatchNormalization(),
        layers.ReLU(),
        dense(3, activation="softmax"),
    ],
    "rescaled": lambda x: [
        layers.Rescaling(1 / 100, 0.5),
        dense(16, activation="relu"),
        dense(3, activation="softmax"),
    ],
    "rescaled and normalised": lambda x: rescaled_and_normalised(x),
    "flattened": lambda x: [adapted(x), layers.Flatten(), dense(16), layers.ELU(), dense(3, activation="softmax")],
    "limited": lambda x: [adapted(x), layers.Activation("hard_tanh"), dense(3, activation="softmax")],
    "nested": lambda x: [
        keras.Sequential([keras.Input((N,)), adapted(x), dense(8, activation="relu")]),
        dense(3, activation="softmax"),
    ],
}


def build(name, features):
    return keras.Sequential([keras.Input((N,)), *MODELS[name](features)])


def small_probabilities(content, features, backend=None):
    model = Model.from_bytes(content)
    run, standardisation = construct(model, backend), model.recipe.standardisation
    mean, deviation = np.array([standardisation.mean, standardisation.deviation], np.float32)
    logits = np.array([run((row - mean) / deviation) for row in features], np.float64)
    likelihoods = np.exp(logits - logits.max(axis=1, keepdims=True))
    return likelihoods / likelihoods.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("name", MODELS)
def test_every_chain_of_dense_layers(name, features):
    model = build(name, features)
    full = probabilities(model, features)
    assert len(set(full.argmax(axis=1))) > 1, "a model that always gives the same answer proves nothing"
    np.testing.assert_allclose(
        small_probabilities(convert(model, RECIPE, features, "float32"), features), full, atol=1e-4
    )
    small = small_probabilities(convert(model, RECIPE, features, "int8"), features)
    assert (small.argmax(axis=1) == full.argmax(axis=1)).mean() >= 0.97
    np.testing.assert_allclose(small, full, atol=0.15)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_on_every_interpreter(variant, features):
    model = build("normalised", features)
    content = convert(model, RECIPE, features, variant)
    full = probabilities(model, features)
    interpreters = available(Model.from_bytes(content))
    assert interpreters
    for each in interpreters:
        small = small_probabilities(content, features, each.backend)
        np.testing.assert_allclose(small, full, atol=VARIANTS[variant])
        assert (small.argmax(axis=1) == full.argmax(axis=1)).mean() >= 0.97


def test_int8_files_are_much_smaller(features):
    model = keras.Sequential(
        [keras.Input((N,)), adapted(features), dense(256, activation="relu"), dense(3, activation="softmax")]
    )
    sizes = {variant: len(convert(model, RECIPE, features, variant)) for variant in VARIANTS}
    assert sizes["int8"] < 0.6 * sizes["float32"]
    assert sizes["float16"] < 0.8 * sizes["float32"]


def test_without_standardisation_int8_would_lose_the_high_coefficients(features):
    """The reason why it is not part of the graph: a model that uses only the last coefficient."""
    model = keras.Sequential([keras.Input((N,)), dense(3, activation="softmax")])
    kernel = np.zeros((N, 3), np.float32)
    kernel[-1] = [-4, 0, 4]
    model.layers[0].set_weights([kernel, np.array([-4, 0, 4], np.float32) * -features[:, -1].mean()])
    full = probabilities(model, features)
    small = small_probabilities(convert(model, RECIPE, features, "int8"), features)
    assert (small.argmax(axis=1) == full.argmax(axis=1)).mean() >= 0.97
    step = np.ptp(features) / 255  # the resolution of int8 in raw features
    assert step > features[:, -1].std()


def test_the_complete_recipe_is_embedded(features):
    recipe = Model.from_bytes(convert(build("raw", features), RECIPE, features)).recipe
    assert recipe.replace(standardisation=None) == RECIPE
    np.testing.assert_allclose(recipe.standardisation.mean, features.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(recipe.standardisation.deviation, features.std(axis=0), rtol=1e-5)


def test_an_existing_standardisation_is_kept(features):
    first = Model.from_bytes(convert(build("normalised", features), RECIPE, features)).recipe
    content = convert(build("normalised", features), first.replace(name="again"), 0.5 * features + 3)
    assert Model.from_bytes(content).recipe == first.replace(name="again")
    full = probabilities(build("normalised", features), 0.5 * features + 3)
    np.testing.assert_allclose(small_probabilities(content, 0.5 * features + 3), full, atol=0.15)


@pytest.mark.parametrize("name", ["raw", "normalised"])
def test_a_feature_that_never_changes(name, features):
    constant = features.copy()
    constant[:, 5] = 7
    model = build(name, constant)
    small = small_probabilities(convert(model, RECIPE, constant, "float32"), constant)
    np.testing.assert_allclose(small, probabilities(model, constant), atol=1e-4)
    int8 = small_probabilities(convert(model, RECIPE, constant, "int8"), constant)
    assert np.mean(int8.argmax(axis=1) == small.argmax(axis=1)) > 0.95  # its weight does not affect the others


def test_embedding_again_replaces_the_recipe(features):
    content = convert(build("raw", features), RECIPE, features)
    again = embed(content, RECIPE.replace(name="other"))
    assert Model.from_bytes(again).recipe.name == "other"
    assert embed(again, Model.from_bytes(content).recipe) == embed(content, Model.from_bytes(content).recipe)


def test_weights_are_aligned_as_the_schema_promises(features):
    content = convert(build("raw", features), RECIPE, features, "float32")
    model = schema.Model.GetRootAs(content, 0)
    starts = [
        model.Buffers(number)._tab.Vector(model.Buffers(number)._tab.Offset(4))
        for number in range(model.BuffersLength())
        if model.Buffers(number).DataLength()
    ]
    assert len(starts) >= 4
    assert all(start % 16 == 0 for start in starts)


def functional(features):
    entry = keras.Input((N,))
    left, right = dense(8, activation="relu")(entry), dense(8)(entry)
    return keras.Model(entry, dense(3, activation="softmax")(layers.Add()([left, right])))


def shared(features):
    entry, layer = keras.Input((N,)), dense(N, activation="tanh")
    return keras.Model(entry, dense(3, activation="softmax")(layer(layer(entry))))


def two_outputs(features):
    entry = keras.Input((N,))
    return keras.Model(entry, [dense(3)(entry), dense(3)(entry)])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (functional, "has a Add layer"),
        (shared, "not a plain chain of dense layers"),
        (two_outputs, "1 inputs and 2 outputs"),
        (
            lambda x: keras.Sequential([keras.Input((N,)), dense(3, activation="sigmoid")]),
            "ends in sigmoid, wanted a softmax",
        ),
        (
            lambda x: keras.Sequential([keras.Input((N,)), layers.Softmax()]),
            "no dense layer",
        ),
        (
            lambda x: keras.Sequential([keras.Input((N,)), layers.ReLU(), dense(3, activation="softmax")]),
            "ReLU layer before",
        ),
        (
            lambda x: keras.Sequential([keras.Input((N,)), dense(4, activation="softmax")]),
            "has 4 outputs, for 4 labels, but the recipe has 3 labels",
        ),
        (
            lambda x: keras.Sequential([keras.Input((20,)), dense(3, activation="softmax")]),
            "expects 20 features, but the recipe gives 13",
        ),
        (
            lambda x: keras.Sequential(
                [keras.Input((N, 1)), layers.Conv1D(4, 3), layers.Flatten(), dense(3, activation="softmax")]
            ),
            r"arrays of shape \(13, 1\), not a vector",
        ),
        (
            lambda x: keras.Sequential(
                [keras.Input((N,)), layers.Reshape((N, 1)), layers.LSTM(4), dense(3, activation="softmax")]
            ),
            "has a Reshape layer",
        ),
    ],
)
def test_a_model_that_is_not_a_dense_classifier_is_refused(make, message, features):
    with pytest.raises(ConversionError, match=message):
        convert(make(features), RECIPE, features)


def test_one_sigmoid_for_two_labels(features):
    model = keras.Sequential(
        [keras.Input((N,)), adapted(features), dense(8, activation="relu"), dense(1, activation="sigmoid")]
    )
    recipe = RECIPE.replace(labels=("no", "yes"))
    full = probabilities(model, features)
    np.testing.assert_array_equal(full[:, 1:], np.asarray(model(features)))
    np.testing.assert_allclose(
        small_probabilities(convert(model, recipe, features, "float32"), features), full, atol=1e-4
    )
    with pytest.raises(ConversionError, match="has 1 outputs, for 2 labels, but the recipe has 3 labels"):
        convert(model, RECIPE, features)


def test_a_model_without_an_input_shape(features):
    with pytest.raises(ConversionError, match=r"start it with keras\.Input"):
        convert(keras.Sequential([dense(3, activation="softmax")]), RECIPE, features)


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_saved_by_keras_3(tmp_path, features, suffix):
    model = build("normalised", features)
    model.save(tmp_path / f"model.{suffix}")
    loaded = load_keras(tmp_path / f"model.{suffix}")
    np.testing.assert_allclose(probabilities(loaded, features), probabilities(model, features), atol=1e-6)


def test_saved_by_keras_2(tmp_path, features):
    import tf_keras

    old = tf_keras.Sequential(
        [
            tf_keras.layers.InputLayer((N,)),
            tf_keras.layers.Dense(128, activation="relu"),
            tf_keras.layers.Dropout(0.5),
            tf_keras.layers.Dense(3, activation="softmax"),
        ]
    )
    old.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    old.save(tmp_path / "old.h5", save_format="h5")
    expected = old(features).numpy()
    small = small_probabilities(convert(load_keras(tmp_path / "old.h5"), RECIPE, features, "float32"), features)
    np.testing.assert_allclose(small, expected, atol=1e-4)


def test_a_file_that_is_not_a_keras_model(tmp_path):
    for name in ("text.keras", "text.h5", "text.txt"):
        (tmp_path / name).write_text("hello")
        with pytest.raises(ConversionError, match=f"{name} cannot be loaded as a Keras model: .+"):
            load_keras(tmp_path / name)
    with pytest.raises(ConversionError, match="no Keras model at"):
        load_keras(tmp_path / "missing.keras")
    with pytest.raises(ConversionError, match="SavedModel folder"):
        load_keras(tmp_path)
