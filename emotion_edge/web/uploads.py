"""Bodies of requests, into memory and no further: no sound is ever written to a disk."""

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
_HEADERS_OF_PARTS: Final = 1 << 16  # what a form may be longer than the file in it


class Upload(io.BytesIO):
    """A file that was sent, with the name that messages call it by."""

    name: Final = "the upload"


async def receive_body(request: Request, service: Service) -> bytes:
    """The body of a request.

    Raises:
        HTTPException: 400, it is empty; 408, it came too slowly; 413, it is too long.
    """
    async with aclosing(_chunks(request, service.limits.upload_bytes, service.limits.upload_bytes)) as chunks:
        with service.arriving():
            body = b"".join([chunk async for chunk in chunks])
    if not body:
        raise HTTPException(400, "the body is empty")
    return body


async def receive_sound(request: Request, service: Service) -> Upload:
    """The file that a request brings: the first of a multipart form, or the body itself.

    Raises:
        HTTPException: as `receive_body`; 400, a form without a file, or broken; 415, a body of another type.
    """
    kind = request.headers.get("content-type", "application/octet-stream").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return await _file_of_form(request, service)
    if kind == "application/octet-stream" or kind.startswith(("audio/", "video/")):  # a browser calls .ogg a video
        return Upload(await receive_body(request, service))
    raise HTTPException(
        415,
        f"got {kind}, wanted a file in a form (curl -F file=@hello.wav), or as the body with the type audio/wav, "
        "application/octet-stream or the like (curl -H 'Content-Type: audio/wav' --data-binary @hello.wav)",
    )


async def _file_of_form(request: Request, service: Service) -> Upload:
    most = service.limits.upload_bytes + _HEADERS_OF_PARTS
    try:
        async with aclosing(_chunks(request, most, service.limits.upload_bytes)) as chunks:
            parser = MultiPartParser(request.headers, chunks, max_files=1, max_fields=_MOST_FIELDS)
            parser.spool_max_size = most + 1  # so that nothing is spooled to a disk
            with service.arriving():
                form = await parser.parse()
    except MultiPartException as error:
        raise HTTPException(400, f"the form cannot be read: {error.message}") from error
    except FormParserError as error:  # its message shows bytes of the body
        raise HTTPException(400, "the form cannot be read: it is broken") from error
    for value in form.values():
        if isinstance(value, UploadFile):
            content = await value.read()
            await form.close()
            if not content:
                raise HTTPException(400, "the file in the form is empty")
            return Upload(content)
    raise HTTPException(400, "there is no file in the form: send one, as curl -F file=@hello.wav does")


async def _chunks(request: Request, most: int, told: int) -> AsyncGenerator[bytes, None]:
    """The body in pieces, until it is too long; `told` is the limit that the message names."""
    too_long = HTTPException(413, f"the body is longer than {told / (1 << 20):g} MB, which is as long as one may be")
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
