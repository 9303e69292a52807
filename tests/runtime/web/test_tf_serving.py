"""Feature vectors in the format of TensorFlow Serving: the numbers of the model, and errors."""

from __future__ import annotations

import json

import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openapi import check_answer
from sounds import SPOKEN

from emotion_edge import EmotionClassifier
from emotion_edge.audio.files import read_blocks

PREDICT = "/v1/models/{name}:predict"


@pytest.fixture(scope="module", params=["tess-mlp", "five-emotions"])
def classifier(request):
    return EmotionClassifier(request.param)


@pytest.fixture(scope="module")
def vectors(classifier):
    """The feature vectors of the sentences, shape (3, n_features)."""
    rate = classifier.sample_rate_hz
    return np.array([classifier.features(read_blocks(path, sample_rate_hz=rate)).vector for path in SPOKEN])


def ask(client, name, body, path=PREDICT):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = client.post(path.format(name=name, version=1), content=content)
    check_answer(client, response, path)
    return response


def test_rows(client, classifier, vectors):
    expected = [classifier.probabilities(vector).tolist() for vector in vectors]
    answer = ask(client, classifier.recipe.name, {"instances": vectors.tolist()}).json()
    assert list(answer) == ["predictions"]
    np.testing.assert_allclose(answer["predictions"], expected, atol=1e-9)
    labels = [classifier.recipe.labels[np.argmax(row)] for row in answer["predictions"]]
    assert labels == [classifier.classify(path).label for path in SPOKEN]


def test_every_form(client, classifier, vectors):
    name, rows = classifier.recipe.name, vectors.tolist()
    predictions = ask(client, name, {"instances": rows}).json()["predictions"]
    for body in (
        {"instances": [{"dense_input": row} for row in rows]},
        {"instances": rows, "signature_name": "serving_default"},
        {"instances": vectors[..., np.newaxis].tolist()},  # as for a convolution
    ):
        assert ask(client, name, body).json() == {"predictions": predictions}
    for body in ({"inputs": rows}, {"inputs": {"any_name": rows}, "signature_name": ""}):
        assert ask(client, name, body).json() == {"outputs": predictions}
    versioned = ask(client, name, {"instances": rows}, "/v1/models/{name}/versions/{version}:predict")
    assert versioned.json() == {"predictions": predictions}


def test_the_status_of_a_model(client):
    for path, described in [
        ("/v1/models/tess-mlp", "/v1/models/{name}"),
        ("/v1/models/tess-mlp/versions/1", "/v1/models/{name}/versions/{version}"),
    ]:
        response = client.get(path)
        check_answer(client, response, described)
        (version,) = response.json()["model_version_status"]
        assert (version["version"], version["state"], version["status"]["error_code"]) == ("1", "AVAILABLE", "OK")
    for path in ("/v1/models/nix", "/v1/models/tess-mlp/versions/2", "/v1/models"):
        assert client.get(path).status_code == 404
        assert set(client.get(path).json()) == {"error"}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "the body is empty"),
        (b"{", "the body is not JSON"),
        (b"\xff\xfe\x00", "the body is not JSON"),
        (b"[" * 100_000, "the body is not JSON"),
        (b"[]", "got a JSON list, wanted an object with instances or inputs"),
        ({}, "got neither, wanted one of instances and inputs"),
        ({"instances": [[0] * 30], "inputs": [[0] * 30]}, "got instances and inputs, wanted one"),
        ({"instances": []}, "got shape (0,), wanted numbers of shape (n, 30)"),
        ({"instances": [[1, 2]]}, "got shape (1, 2), wanted numbers of shape (n, 30)"),
        ({"instances": [0] * 30}, "got shape (30,), wanted numbers of shape (n, 30)"),
        ({"instances": [[0] * 30, [0] * 29]}, "the rows differ in length"),
        ({"instances": [["a"] * 30]}, "not all values are numbers"),
        ({"instances": [[None] * 30]}, "not all values are numbers"),
        ({"instances": [[True] * 30]}, "not all values are numbers"),
        ({"instances": {"b64": "AAAA"}}, "not all values are numbers"),
        ({"instances": None}, "not all values are numbers"),
        (b'{"instances": [[' + b"NaN," * 29 + b"NaN]]}", "not all values are finite"),
        (b'{"instances": [[' + b"1e999," * 29 + b"1]]}", "not all values are finite"),
        ({"instances": [[1e300] * 30]}, "not all values are finite"),
        ({"instances": [[10**400] + [0] * 29]}, "not all values are numbers"),
        ({"instances": [{"a": [0] * 30, "b": [0] * 30}]}, "got 2 named tensors, wanted 1"),
        ({"instances": [{}]}, "got 0 named tensors"),
        ({"inputs": {}}, "got 0 named tensors"),
        ({"instances": [[0] * 30], "signature_name": "other"}, "signature_name: got 'other', wanted 'serving_default'"),
        ({"instances": [[0] * 30], "signature_name": 1}, "signature_name: got 1"),
        ({"instances": [[0] * 30], "signature_name": []}, "signature_name: got []"),
    ],
)
def test_wrong_requests(client, body, sentence):
    response = ask(client, "tess-mlp", body)
    assert response.status_code == 400
    assert list(response.json()) == ["error"]
    assert sentence in response.json()["error"]


def test_models_that_do_not_exist(client):
    assert ask(client, "nix", {"instances": [[0]]}).status_code == 404
    response = client.post("/v1/models/tess-mlp/versions/7:predict", json={"instances": [[0] * 30]})
    assert response.status_code == 404
    assert "no version 7 of tess-mlp: wanted 1" in response.json()["error"]
    assert client.get("/v1/models/tess-mlp:predict").status_code in (404, 405)
    assert client.post("/v1/models/tess-mlp:classify", json={}).status_code in (404, 405)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=20,
)


@given(value=json_values, key=st.sampled_from(["instances", "inputs"]))
@settings(max_examples=60)
@pytest.mark.slow
def test_no_json_breaks_it(client, value, key):
    assert ask(client, "tess-mlp", json.dumps({key: value}).encode()).status_code == 400


def test_a_client_of_the_original(client):
    """The dozen lines of a typical client of TensorFlow Serving."""
    payload = json.dumps({"signature_name": "serving_default", "instances": np.zeros((2, 30)).tolist()})
    response = httpx.post(
        f"{client.base_url}v1/models/tess-mlp:predict",
        content=payload,
        headers={"content-type": "application/json"},
        trust_env=False,
    )
    predictions = np.array(json.loads(response.text)["predictions"])
    assert predictions.shape == (2, 5)
    np.testing.assert_allclose(predictions.sum(axis=1), 1)
