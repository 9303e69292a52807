"""The REST API of TensorFlow Serving for feature vectors, so that existing clients continue to work.

The input is a batch of feature vectors before standardisation, shape (n, n_features). The output is the calibrated
probabilities, shape (n, n_labels), in the order of the labels of the model.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any, Final, NoReturn

import numpy as np
from anyio.to_thread import run_sync
from numpy.typing import NDArray
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ..classifier import EmotionClassifier
from .limits import Deadline
from .service import Service, service_of
from .uploads import receive_body

_VERSION: Final = "1"  # model files have no versions
_SIGNATURES: Final = ("", "serving_default")
_ANSWER_KEYS: Final = {"instances": "predictions", "inputs": "outputs"}


async def predict(request: Request) -> Response:
    """POST /v1/models/{name}:predict."""
    service = service_of(request)
    classifier = _model(request, service)
    with service.requests.taken():
        body = await receive_body(request, service)
        return JSONResponse(
            await run_sync(partial(_predict, service, classifier, body, service.deadline()), abandon_on_cancel=True)
        )


async def status(request: Request) -> Response:
    """GET /v1/models/{name}."""
    _model(request, service_of(request))
    available = {"version": _VERSION, "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    return JSONResponse({"model_version_status": [available]})


def _model(request: Request, service: Service) -> EmotionClassifier:
    classifier = service.model(request.path_params["name"])
    version = request.path_params.get("version", _VERSION)
    if version != _VERSION:
        raise HTTPException(404, f"no version {version} of {classifier.recipe.name}: wanted {_VERSION}")
    return classifier


def _predict(service: Service, classifier: EmotionClassifier, body: bytes, deadline: Deadline) -> dict[str, Any]:
    """Compute the answer, ready for JSON. This runs in a worker thread."""
    key, value = _parsed(body)
    answers = []
    for vector in _vectors(key, value, classifier.recipe.n_features):
        deadline.check()
        answers.append(classifier.probabilities(vector).tolist())
    service.metrics.vectors.labels(classifier.recipe.name).inc(len(answers))
    return {_ANSWER_KEYS[key]: answers}


def _parsed(body: bytes) -> tuple[str, Any]:
    """The key `instances` or `inputs`, and its value."""
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        _refuse(f"the body is not JSON: {error}")
    if not isinstance(request, dict):
        _refuse(f"got a JSON {type(request).__name__}, wanted an object with instances or inputs")
    signature = request.get("signature_name", "")
    if signature not in _SIGNATURES:
        _refuse(f"signature_name: got {signature!r}, wanted {_SIGNATURES[-1]!r}, or none")
    keys = [key for key in _ANSWER_KEYS if key in request]
    if len(keys) != 1:
        _refuse(f"got {' and '.join(keys) or 'neither'}, wanted one of instances and inputs")
    return keys[0], request[keys[0]]


def _vectors(key: str, value: Any, n_features: int) -> NDArray[Any]:
    """The vectors, shape (n, n_features). A tensor may have any name, and additional last axes of length 1."""
    if key == "inputs" and isinstance(value, dict):
        value = _only_tensor(value)
    elif isinstance(value, list):
        value = [_only_tensor(row) if isinstance(row, dict) else row for row in value]
    wanted = f"wanted numbers of shape (n, {n_features}), n at least 1"
    try:
        array = np.array(value)
    except ValueError:  # rows of different lengths
        _refuse(f"{key}: the rows differ in length, {wanted}")
    if array.dtype.kind not in "iuf":
        _refuse(f"{key}: not all values are numbers, {wanted}")
    while array.ndim > 2 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim != 2 or array.shape[1] != n_features or not len(array):
        _refuse(f"{key}: got shape {array.shape}, {wanted}")
    with np.errstate(over="ignore"):  # a value that overflows becomes infinite, which is refused below
        vectors = array.astype(np.float32)
    if not np.isfinite(vectors).all():
        _refuse(f"{key}: not all values are finite as float32, {wanted}")
    return vectors


def _only_tensor(named: dict[str, Any]) -> Any:
    if len(named) != 1:
        _refuse(f"got {len(named)} named tensors, wanted 1")
    return next(iter(named.values()))


def _refuse(sentence: str) -> NoReturn:
    raise HTTPException(400, sentence)
