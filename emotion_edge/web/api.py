"""Endpoints: classify a recording, list the models, health check, metrics."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from anyio.to_thread import run_sync
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ..audio.files import read_blocks
from ..classifier import EmotionClassifier
from ..speech.windows import Windows
from ..timelines import answered
from .limits import Deadline, within
from .metrics import CONTENT_TYPE
from .service import Service, service_of
from .uploads import Upload, receive_sound


async def classify(request: Request) -> Response:
    """POST /api/classify."""
    service = service_of(request)
    classifier = service.model(request.query_params.get("model"))
    with_timeline = _is_set(request, "timeline")
    with service.requests.taken():
        upload = await receive_sound(request, service)
        work = partial(_answer, service, classifier, upload, with_timeline, service.deadline())
        return JSONResponse(await run_sync(work, abandon_on_cancel=True))


async def models(request: Request) -> Response:
    """GET /api/models."""
    return JSONResponse(service_of(request).describe())


async def health(_: Request) -> Response:
    """GET /healthz."""
    return JSONResponse({"status": "ok"})


async def metrics(request: Request) -> Response:
    """GET /metrics."""
    return Response(service_of(request).metrics.text(), media_type=CONTENT_TYPE)


def _answer(
    service: Service, classifier: EmotionClassifier, upload: Upload, with_timeline: bool, deadline: Deadline
) -> dict[str, Any]:
    """Compute the answer, ready for JSON. This runs in a worker thread."""
    start_s = time.perf_counter()
    rate = classifier.sample_rate_hz

    def blocks() -> Any:
        upload.seek(0)
        return within(read_blocks(upload, sample_rate_hz=rate), rate, service.limits.sound_s, deadline)

    prediction = classifier.predict(classifier.features(blocks(), check=deadline.check))
    answer = prediction.to_dict()
    if with_timeline:
        windows = answered(classifier, blocks(), Windows.of(classifier.recipe))
        answer["timeline"] = [window.to_dict() for window in windows]
    service.metrics.count_answer(prediction, time.perf_counter() - start_s)
    return answer


def _is_set(request: Request, name: str) -> bool:
    value = request.query_params.get(name, "0").lower()
    if value not in ("0", "1", "false", "true"):
        raise HTTPException(400, f"{name}: got {value!r}, wanted 1 or 0")
    return value in ("1", "true")
