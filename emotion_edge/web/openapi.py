"""The API description, OpenAPI 3.1. It is written by hand, and the tests check every answer against it."""

from __future__ import annotations

from typing import Any, Final

from .. import __version__
from .service import Service

Json = dict[str, Any]

_ABOUT: Final = """Speech emotion recognition. No sound is stored or logged.

`GET /api/live?rate=HZ` with `Upgrade: websocket` is the live socket, which OpenAPI cannot describe. Send signed 16-bit
little-endian mono samples as binary messages, and the text `end` after the last one. The server answers with JSON:
events `{"type": "event", "event": "enter" | "hold" | "leave", "status", "label", "confidence", "probabilities",
"start_s", "end_s", "time", "model"}`; ten times per second of sound the status `{"type": "status", "heard_s",
"level_dbfs", "sound", "speech", "verdict", "probabilities"}`; and before it closes a stream because of an error
`{"type": "error", "error"}`. A browser cannot set headers, so it offers the subprotocols `emotion-edge.live` and
`emotion-edge.token.TOKEN`."""


def description(service: Service) -> Json:
    """The description of the API, with the models of this server."""
    names = list(service.models)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "emotion-edge",
            "version": __version__,
            "summary": "Speech emotion recognition",
            "description": _ABOUT,
        },
        "paths": {
            "/api/classify": {"post": _classify(names)},
            "/api/models": {"get": _get("models", "The models, and the limits for requests", _json("Models"))},
            "/healthz": {"get": _for_all(_get("health", "Health check", _json("Health")))},
            "/metrics": {"get": _get("metrics", "Counters for Prometheus", _text())},
            "/openapi.json": {"get": _for_all(_get("openapi", "This description", _content({"type": "object"})))},
            "/v1/models/{name}:predict": {"post": _predict([_name(names)])},
            "/v1/models/{name}/versions/{version}:predict": {"post": _predict([_name(names), _VERSION], "_version")},
            "/v1/models/{name}": {"get": _status([_name(names)])},
            "/v1/models/{name}/versions/{version}": {"get": _status([_name(names), _VERSION], "_version")},
        },
        "components": {"schemas": _SCHEMAS, "responses": _RESPONSES, "securitySchemes": {"token": _TOKEN}},
        "security": [{}, {"token": []}],
    }


def _classify(names: list[str]) -> Json:
    file = {"type": "string", "format": "binary"}
    form = {"type": "object", "properties": {"file": file}, "required": ["file"]}
    return {
        "operationId": "classify",
        "summary": "Classify the emotion of a recording",
        "description": "Send a WAV, FLAC, OGG, MP3 or AIFF file, or another format that libsndfile reads, with any "
        "sample rate and number of channels, in a form or as the body.",
        "parameters": [
            {"name": "model", "in": "query", "description": "the name of a model", "schema": {"enum": names}},
            {
                "name": "timeline",
                "in": "query",
                "description": "1: also classify windows over the recording",
                "schema": {"enum": ["0", "1", "false", "true"], "default": "0"},
            },
        ],
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {"schema": form},
                "audio/*": {"schema": file},
                "video/*": {"schema": file},
                "application/octet-stream": {"schema": file},
            },
        },
        "responses": {"200": _json("Answer"), **_errors(400, 401, 403, 404, 408, 413, 415, 422, 503)},
    }


def _predict(parameters: list[Json], suffix: str = "") -> Json:
    return {
        "operationId": f"predict{suffix}",
        "summary": "Probabilities for feature vectors, as in the REST API of TensorFlow Serving",
        "description": "Send feature vectors before standardisation. The probabilities are in the order of the labels.",
        "parameters": parameters,
        "requestBody": {"required": True, "content": {"application/json": {"schema": _ref("Vectors")}}},
        "responses": {"200": _json("Probabilities"), **_errors(400, 401, 403, 404, 408, 413, 503)},
    }


def _status(parameters: list[Json], suffix: str = "") -> Json:
    operation = _get(
        f"status{suffix}", "The status of a model, as in the REST API of TensorFlow Serving", _json("ModelStatus")
    )
    operation["parameters"] = parameters
    operation["responses"].update(_errors(404))
    return operation


def _get(operation: str, summary: str, answer: Json) -> Json:
    return {"operationId": operation, "summary": summary, "responses": {"200": answer, **_errors(401, 403)}}


def _for_all(operation: Json) -> Json:
    """The same operation, without a token."""
    responses = {status: each for status, each in operation["responses"].items() if status != "401"}
    return {**operation, "responses": responses, "security": []}


def _name(names: list[str]) -> Json:
    return {"name": "name", "in": "path", "required": True, "schema": {"enum": names}}


def _errors(*statuses: int) -> Json:
    return {str(status): {"$ref": f"#/components/responses/{status}"} for status in statuses}


def _ref(schema: str) -> Json:
    return {"$ref": f"#/components/schemas/{schema}"}


def _content(schema: Json) -> Json:
    return {"description": "The answer", "content": {"application/json": {"schema": schema}}}


def _json(schema: str) -> Json:
    return _content(_ref(schema))


def _text() -> Json:
    return {"description": "The answer", "content": {"text/plain": {"schema": {"type": "string"}}}}


def _object(**properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


_VERSION: Final = {"name": "version", "in": "path", "required": True, "schema": {"const": "1"}}
_TOKEN: Final = {"type": "http", "scheme": "bearer", "description": "required if the server was started with a token"}

_STRING: Final = {"type": "string"}
_NUMBER: Final = {"type": "number"}
_WHOLE: Final = {"type": "integer"}
_STRINGS: Final = {"type": "array", "items": _STRING}
_SHARE: Final = {"type": "number", "minimum": 0, "maximum": 1}
_SHARES: Final = {"type": "object", "additionalProperties": _SHARE}
_MATRIX: Final = {"type": "array", "items": {"type": "array", "items": _NUMBER}, "minItems": 1}

_PREDICTION: Final[Json] = {
    "status": {"enum": ["ok", "uncertain", "no_speech"]},
    "label": {"type": ["string", "null"], "description": "the most likely label; null without speech"},
    "confidence": _SHARE,
    "probabilities": {**_SHARES, "description": "of every label; empty without speech"},
    "start_s": _NUMBER,
    "end_s": _NUMBER,
    "model": _STRING,
}
_MODEL: Final = _object(
    name=_STRING,
    labels=_STRINGS,
    n_features=_WHOLE,
    sample_rate_hz=_WHOLE,
    window_s=_NUMBER,
    step_s=_NUMBER,
    uncertain_below=_SHARE,
    licence=_STRING,
    corpora=_STRINGS,
    protocol=_STRING,
    scores={"type": "object", "additionalProperties": _NUMBER},
)
_VERSION_STATUS: Final = _object(
    version=_STRING, state=_STRING, status=_object(error_code=_STRING, error_message=_STRING)
)

_SCHEMAS: Final[Json] = {
    "Window": _object(**_PREDICTION),
    "Answer": {
        **_object(**_PREDICTION, timeline={"type": "array", "items": _ref("Window")}),
        "required": list(_PREDICTION),
    },
    "Models": _object(
        default=_STRING,
        models={"type": "array", "items": _MODEL},
        limits=_object(upload_bytes=_WHOLE, sound_s=_NUMBER, timeout_s=_NUMBER, at_once=_WHOLE),
    ),
    "Health": _object(status={"const": "ok"}),
    "Vectors": {
        "type": "object",
        "description": "Either instances (a list of vectors) or inputs (all vectors as one tensor). A named tensor may "
        "have any name.",
        "properties": {
            "signature_name": {"enum": ["", "serving_default"]},
            "instances": {"type": "array", "minItems": 1},
            "inputs": {"type": ["array", "object"]},
        },
        "oneOf": [{"required": ["instances"]}, {"required": ["inputs"]}],
    },
    "Probabilities": {"oneOf": [_object(predictions=_MATRIX), _object(outputs=_MATRIX)]},
    "ModelStatus": _object(model_version_status={"type": "array", "items": _VERSION_STATUS}),
    "Error": _object(error={"type": "string", "description": "what was wrong, and what to do"}),
}

_WHY: Final = {
    400: "The request cannot be understood",
    401: "The token is missing or wrong",
    403: "The host name or the origin of the request is not allowed",
    404: "No such model",
    408: "The body did not arrive in time",
    413: "The upload, or the sound in it, is too long",
    415: "The body has a wrong type",
    422: "The file is not audio, damaged or empty",
    503: "Busy, or no answer in time: try again after Retry-After seconds",
}
_RESPONSES: Final[Json] = {
    str(status): {"description": why, "content": {"application/json": {"schema": _ref("Error")}}}
    for status, why in _WHY.items()
}
