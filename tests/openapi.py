"""Check answers against the OpenAPI description that the server publishes."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import httpx
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from referencing import Registry
from referencing.jsonschema import DRAFT202012


@lru_cache
def checked_description(client: httpx.Client) -> dict[str, Any]:
    """The description; it must be valid OpenAPI."""
    description: dict[str, Any] = client.get("/openapi.json").json()
    validate(description)
    return description


def check_answer(client: httpx.Client, response: httpx.Response, path: str) -> None:
    """Check that the description of the path has this status, and that the JSON matches its schema."""
    description = checked_description(client)
    answers = description["paths"][path][response.request.method.lower()]["responses"]
    assert str(response.status_code) in answers, f"{path}: {response.status_code} {response.text}"
    answer = answers[str(response.status_code)]
    if "$ref" in answer:
        answer = description["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    schema = answer["content"]["application/json"]["schema"]
    resource = DRAFT202012.create_resource(description)
    whole = {"$ref": "urn:api" + schema["$ref"]}
    Draft202012Validator(whole, registry=Registry().with_resource("urn:api", resource)).validate(response.json())
