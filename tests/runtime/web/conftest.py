"""A server that many tests share."""

from __future__ import annotations

import httpx
import pytest
from servers import serving


@pytest.fixture(scope="module")
def server():
    with serving() as running:
        yield running


@pytest.fixture(scope="module")
def client(server):
    with httpx.Client(base_url=server.url, timeout=30, trust_env=False) as connected:
        yield connected
