"""Receive bodies of requests in memory: no sound is ever written to disk."""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from python_multipart.exceptions import FormParserError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from .service import Service

_MOST_FIELDS: Final = 8
_FORM_OVERHEAD: Final = 1 << 16  # bytes that a form may be longer than the file in it


class Upload(io.BytesIO):
    """An uploaded file, with a name for messages."""

    name: Final = "the upload"


async def receive_body(request: Request, service: Service) -> bytes:
    """Receive the body of a request.

    Raises:
        HTTPException: 400, it is empty; 408, it arrived too slowly; 413, it is too long.
    """
    async with aclosing(_chunks(request, service.limits.upload_bytes, service.limits.upload_bytes)) as chunks:
        with service.receiving():
            body = b"".join([chunk async for chunk in chunks])
    if not body:
        raise HTTPException(400, "the body is empty")
    return body


async def receive_sound(request: Request, service: Service) -> Upload:
    """Receive the uploaded file: the first file of a multipart form, or the body itself.

    Raises:
        HTTPException: as in `receive_body`; 400, the form has no file or is damaged; 415, the body has another type.
    """
    kind = request.headers.get("content-type", "application/octet-stream").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return await _file_of_form(request, service)
    if kind == "application/octet-stream" or kind.startswith(("audio/", "video/")):  # a browser calls .ogg a video
        return Upload(await receive_body(request, service))
    raise HTTPException(
        415,
        f"got {kind}, wanted a file in a form (curl -F file=@hello.wav), or a file as the body with a type such as "
        "audio/wav or application/octet-stream (curl -H 'Content-Type: audio/wav' --data-binary @hello.wav)",
    )


async def _file_of_form(request: Request, service: Service) -> Upload:
    most = service.limits.upload_bytes + _FORM_OVERHEAD
    try:
        async with aclosing(_chunks(request, most, service.limits.upload_bytes)) as chunks:
            parser = MultiPartParser(request.headers, chunks, max_files=1, max_fields=_MOST_FIELDS)
            parser.spool_max_size = most + 1  # so that nothing is spooled to disk
            with service.receiving():
                form = await parser.parse()
    except MultiPartException as error:
        raise HTTPException(400, f"the form cannot be read: {error.message}") from error
    except FormParserError as error:  # its message contains bytes of the body
        raise HTTPException(400, "the form cannot be read: it is damaged") from error
    for value in form.values():
        if isinstance(value, UploadFile):
            content = await value.read()
            await form.close()
            if not content:
                raise HTTPException(400, "the file in the form is empty")
            return Upload(content)
    raise HTTPException(400, "there is no file in the form: send one, as with curl -F file=@hello.wav")


async def _chunks(request: Request, most: int, limit: int) -> AsyncGenerator[bytes, None]:
    """Yield the chunks of a body of at most `most` bytes; `limit` is the limit that the message names."""
    too_long = HTTPException(413, f"the body is too long: the limit is {limit / (1 << 20):g} MB")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most:
        raise too_long
    n_received = 0
    async with aclosing(request.stream()) as stream:
        async for chunk in stream:
            n_received += len(chunk)
            if n_received > most:
                raise too_long
            yield chunk
