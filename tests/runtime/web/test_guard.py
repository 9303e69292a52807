"""Access control: tokens, host names and origins."""

from __future__ import annotations

import os
import subprocess
import sys

import httpx
import pytest
from servers import TOKEN, serving
from sounds import SPOKEN
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

OPEN = ["/", "/static/main.js", "/healthz", "/openapi.json"]
CLOSED = ["/api/models", "/metrics", "/v1/models/tess-mlp", "/nix"]
HELLO = SPOKEN[2].read_bytes()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    file = tmp_path_factory.mktemp("secret") / "token"
    file.write_text(f"{TOKEN}\n")
    with serving("--host", "0.0.0.0", "--token-file", file) as server:
        yield server


def get(server, path, **headers):
    return httpx.get(
        server.url.rstrip("/") + path, headers={k.replace("_", "-"): v for k, v in headers.items()}, trust_env=False
    )


def refusal(url, **options):
    """The status and the body of a handshake that is refused."""
    with pytest.raises(InvalidStatus) as refused, connect(url, **options):
        pass
    return refused.value.response.status_code, refused.value.response.body.decode()


def test_the_description_shows_what_needs_the_token(guarded):
    asked = get(guarded, "/openapi.json").json()["paths"]
    for path in ("/healthz", "/openapi.json", "/api/models", "/metrics"):
        assert ("401" in asked[path]["get"]["responses"]) == (get(guarded, path).status_code == 401)


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Basic {TOKEN}",
        TOKEN,
        "Bearer \xe9\xff",
        f"Bearer {TOKEN.upper()}",
    ],
)
def test_without_the_token_only_the_page_is_available(guarded, authorization):
    for path in CLOSED:
        response = get(guarded, path, authorization=authorization.encode("latin-1"))
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == "Bearer"
        assert "Authorization: Bearer TOKEN" in response.json()["error"]
    for path in OPEN:
        assert get(guarded, path, authorization=authorization.encode("latin-1")).status_code == 200
    assert httpx.post(guarded.url + "api/classify", content=HELLO, trust_env=False).status_code == 401
    assert httpx.post(guarded.url + "v1/models/tess-mlp:predict", content=b"{}", trust_env=False).status_code == 401


def test_with_the_token(guarded):
    for authorization in (f"Bearer {TOKEN}", f"bearer {TOKEN}"):
        for path, status in zip(CLOSED, (200, 200, 200, 404), strict=True):
            assert get(guarded, path, authorization=authorization).status_code == status
    assert get(guarded, f"/api/models?token={TOKEN}").status_code == 401  # addresses appear in logs


def test_the_live_socket_accepts_it_as_a_header_or_as_a_subprotocol(guarded):
    for options in (
        {"additional_headers": {"Authorization": f"Bearer {TOKEN}"}},
        {"subprotocols": ["emotion-edge.live", f"emotion-edge.token.{TOKEN}"]},
        {"subprotocols": [f"emotion-edge.token.{TOKEN}", "emotion-edge.live"]},
    ):
        with connect(guarded.live_url(), **options) as live:
            assert live.subprotocol == ("emotion-edge.live" if "subprotocols" in options else None)  # never the token
    assert refusal(guarded.live_url())[0] == 401
    assert refusal(guarded.live_url(), subprotocols=["emotion-edge.live", "emotion-edge.token.wrong"])[0] == 401
    assert refusal(guarded.live_url(f"rate=16000&token={TOKEN}"))[0] == 401


def test_other_host_names_are_refused_without_a_token(server):
    port = server.port
    for host in (f"localhost:{port}", f"127.0.0.1:{port}", "localhost", f"[::1]:{port}", f"LOCALHOST:{port}"):
        assert get(server, "/api/models", host=host).status_code == 200, host
    for host in (
        "evil.example",
        f"evil.example:{port}",
        f"localhost.evil.example:{port}",
        "",
        f"192.0.2.1:{port}",
        "[::1",
        "@",
    ):
        response = get(server, "/api/models", host=host)
        assert response.status_code == 403, host
        assert "--allow-host" in response.json()["error"]


def test_other_pages_are_refused(server):
    own = f"http://127.0.0.1:{server.port}"
    assert get(server, "/api/models", origin=own).status_code == 200
    for origin in (
        "https://evil.example",
        "null",
        f"http://127.0.0.1:{server.port + 1}",
        f"http://localhost:{server.port}",
        "http://127.0.0.1",
    ):
        assert get(server, "/api/models", origin=origin).status_code == 403, origin
        form = httpx.post(
            server.url + "api/classify", files={"file": HELLO}, headers={"origin": origin}, trust_env=False
        )
        assert form.status_code == 403
        status, why = refusal(server.live_url(), origin=origin)
        assert status == 403
        assert f"requests from pages of {origin} are not allowed" in why
    with connect(server.live_url(), origin=Origin(own)):
        pass


def test_names_can_be_allowed():
    with serving("--allow-host", "Emotion.example") as server:
        assert get(server, "/api/models", host="emotion.example").status_code == 200
        assert get(server, "/api/models", host="emotion.example", origin="https://emotion.example").status_code == 200
        assert get(server, "/api/models", host="localhost").status_code == 200
        assert get(server, "/api/models", host="evil.example").status_code == 403


def test_the_token_from_the_environment_and_any_name_with_it():
    with serving(EMOTION_EDGE_TOKEN=TOKEN) as server:
        assert get(server, "/api/models").status_code == 401
        for host in ("robot.local", "[::1", "", "a:b:c"):
            for path, status in (("/api/models", 200), ("/nix", 404)):
                assert get(server, path, host=host, authorization=f"Bearer {TOKEN}").status_code == status, host


@pytest.mark.parametrize(
    ("token", "sentence"),
    [
        (None, "other machines can reach the server, so it needs a token: use --token-file, or set EMOTION_EDGE_TOKEN"),
        ("short", "a token is 16 to 256 letters"),
        ("sixteen or more, but spaces", "a token is 16 to 256 letters"),
        ("", "a token is 16 to 256 letters"),
        ("a-token-on-a-line\nand-another-one", "a token is 16 to 256 letters"),
    ],
)
@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_it_does_not_start_without_a_token_if_others_can_reach_it(token, sentence, host, tmp_path):
    arguments = ["--host", host, "--port", "0"]
    if token is not None:
        (tmp_path / "token").write_text(token)
        arguments += ["--token-file", str(tmp_path / "token")]
    environment = {name: value for name, value in os.environ.items() if name != "EMOTION_EDGE_TOKEN"}
    done = subprocess.run(
        [sys.executable, "-m", "emotion_edge", "serve", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert sentence in done.stderr
    assert token is None or not token or token not in done.stderr


def test_a_missing_token_file(tmp_path):
    command = [sys.executable, "-m", "emotion_edge", "serve", "--token-file", tmp_path / "nix"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "cannot be read: No such file" in done.stderr
