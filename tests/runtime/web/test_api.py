"""A real server classifies recordings as the library does, and answers anything else with an error in JSON."""

from __future__ import annotations

import io
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from openapi import check_answer, checked_description
from prometheus_client.parser import text_string_to_metric_families
from sounds import SPOKEN, spoken, tone, write

from emotion_edge import EmotionClassifier, timeline
from emotion_edge.model.file import shipped

pytestmark = pytest.mark.usefixtures("as_a_fresh_process")

HELLO = SPOKEN[2].read_bytes()
WAV = {"content-type": "audio/wav"}


def post(client, content, headers=WAV, **options):
    response = client.post("/api/classify", content=content, headers=headers, **options)
    check_answer(client, response, "/api/classify")
    return response


def encoded(samples, rate, **options):
    file = io.BytesIO()
    soundfile.write(file, samples, rate, **options)
    return file.getvalue()


@pytest.mark.parametrize("model", ["five-emotions", "tess-mlp"])
@pytest.mark.parametrize("path", SPOKEN, ids=lambda path: path.stem)
def test_the_same_answers_as_classify(client, path, model):
    expected = EmotionClassifier(model).classify(path).to_dict()
    as_body = post(client, path.read_bytes(), params={"model": model})
    assert as_body.json() == expected
    with path.open("rb") as file:
        in_form = client.post("/api/classify", files={"file": file}, params={"model": model})
    assert in_form.json() == expected


@pytest.mark.parametrize("format", ["WAV", "FLAC", "OGG", "MP3", "AIFF"])
def test_formats(client, format, tmp_path):
    sound = np.stack([spoken(2, rate=44100)] * 2, axis=1)
    path = write(tmp_path / f"clip.{format.lower()}", sound, 44100, format=format)
    for headers in (WAV, {"content-type": "application/octet-stream"}, {"content-type": "video/ogg"}, {}):
        response = post(client, path.read_bytes(), headers)
        assert response.json() == EmotionClassifier().classify(path).to_dict()


def test_the_timeline(client, tmp_path):
    path = write(tmp_path / "talk.wav", np.concatenate([spoken(1), np.zeros(66150), spoken(2)]), 22050)
    answer = post(client, path.read_bytes(), params={"timeline": "1"}).json()
    classifier = EmotionClassifier()
    assert answer.pop("timeline") == [window.to_dict() for window in timeline(path, classifier)]
    assert answer == classifier.classify(path).to_dict()
    assert "timeline" not in post(client, path.read_bytes(), params={"timeline": "0"}).json()


def test_silence_and_uncertainty(client):
    silence = post(client, encoded(np.zeros(16000), 16000, format="WAV"), params={"timeline": "true"}).json()
    assert (silence["status"], silence["label"], silence["probabilities"]) == ("no_speech", None, {})
    assert {window["status"] for window in silence["timeline"]} == {"no_speech"}
    assert "uncertain" in {post(client, path.read_bytes()).json()["status"] for path in SPOKEN}


def test_many_at_a_time(client):
    clips = [path.read_bytes() for path in SPOKEN] * 4
    alone = [post(client, clip).json() for clip in clips[: len(SPOKEN)]]
    with ThreadPoolExecutor(4) as pool:  # the limit of the server
        together = list(pool.map(lambda clip: post(client, clip).json(), clips))
    assert together == alone * 4


@pytest.mark.parametrize(
    ("content", "headers", "status", "sentence"),
    [
        (b"", WAV, 400, "the body is empty"),
        (b"hello", WAV, 422, "the upload is not audio that can be read"),
        (HELLO[:30], WAV, 422, "the upload"),
        (encoded(np.zeros(0), 16000, format="WAV"), WAV, 422, "the upload holds no samples"),
        (encoded(np.full(9, np.nan), 16000, format="WAV", subtype="FLOAT"), WAV, 422, "wanted finite numbers"),
        (HELLO, {"content-type": "application/json"}, 415, "got application/json, wanted a file in a form"),
        (HELLO, {"content-type": "application/x-www-form-urlencoded"}, 415, "--data-binary"),
        (HELLO, {"content-type": "multipart/form-data"}, 400, "the form cannot be read: Missing boundary"),
        (b"--y\r\nnonsense", {"content-type": "multipart/form-data; boundary=x"}, 400, "the form cannot be read: "),
        (b"--x--\r\n", {"content-type": "multipart/form-data; boundary=x"}, 400, "there is no file in the form"),
    ],
)
def test_bodies_that_are_not_recordings(client, content, headers, status, sentence):
    response = post(client, content, headers)
    assert response.status_code == status
    assert sentence in response.json()["error"]


def test_forms_without_a_file_or_with_too_much(client):
    def ask(**form):
        response = client.post("/api/classify", **form)
        check_answer(client, response, "/api/classify")
        return response.status_code, response.json()["error"]

    empty = {"file": ("a.wav", b"")}
    assert ask(files=empty) == (400, "the file in the form is empty")
    assert ask(files={"file": (None, "text")})[0] == 400
    assert ask(files=[("a", ("a", HELLO)), ("b", ("b", HELLO))])[0] == 400
    assert ask(files={"file": ("a", HELLO)}, data={str(n): "x" for n in range(50)})[0] == 400


def test_wrong_paths_methods_and_queries(client):
    for path, status, sentence in [
        ("/api", 404, "not found; /openapi.json lists all paths"),
        ("/static/nix.js", 404, "not found; /openapi.json lists all paths"),
        ("/static/../app.py", 404, "not found; /openapi.json lists all paths"),
        ("/static/%2e%2e/app.py", 404, "not found; /openapi.json lists all paths"),
        ("/api/classify", 405, "method not allowed"),
        ("/api/classify?model=nix", 405, "method not allowed"),
        ("/v1/models/nix", 404, "unknown model 'nix': wanted one of five-emotions, "),
        ("/api/live", 404, "not found; /openapi.json lists all paths"),
    ]:
        response = client.get(path)
        assert response.status_code == status, path
        assert sentence in response.json()["error"]
    assert client.get("/api/classify").headers["allow"] == "POST"
    assert post(client, HELLO, params={"model": "nix"}).status_code == 404
    assert post(client, HELLO, params={"timeline": "maybe"}).status_code == 400
    assert client.options("/api/classify").status_code == 405  # other origins are not allowed


@given(content=st.binary(min_size=1, max_size=2000))
@settings(max_examples=40)
@pytest.mark.slow
def test_no_bytes_break_it(client, content):
    assert post(client, content).status_code in (200, 422)
    assert post(client, content, {"content-type": "multipart/form-data; boundary=x"}).status_code == 400


@given(at=st.integers(0, 200), damage=st.binary(min_size=1, max_size=40))
@settings(max_examples=40)
@pytest.mark.slow
def test_no_damage_breaks_it(client, at, damage):
    assert post(client, HELLO[:at] + damage + HELLO[at + len(damage) :]).status_code in (200, 413, 422)


def test_models_and_health(client):
    response = client.get("/api/models")
    check_answer(client, response, "/api/models")
    offer = response.json()
    assert offer["default"] == "five-emotions"
    assert [model["name"] for model in offer["models"]] == [name for name in shipped() if name != "speech-gate"]
    assert offer["models"][0]["labels"] == list(EmotionClassifier().recipe.labels)
    assert offer["limits"]["sound_s"] == 600
    assert client.head("/api/models").status_code == 200
    health = client.get("/healthz")
    check_answer(client, health, "/healthz")
    assert health.json() == {"status": "ok"}


def test_every_path_is_described(client):
    from emotion_edge.web.app import create_app
    from emotion_edge.web.limits import Limits
    from emotion_edge.web.service import Service

    app = create_app(Service([EmotionClassifier()], Limits()))
    routes: list[Any] = app.routes
    paths = {route.path for route in routes if not route.path.startswith("/static")} - {"/", "/api/live"}
    assert set(checked_description(client)["paths"]) == paths
    assert "/api/live" in checked_description(client)["info"]["description"]


def test_metrics_count(client):
    def metrics():
        response = client.get("/metrics")
        assert response.headers["content-type"].startswith("text/plain; version=")
        samples = [s for family in text_string_to_metric_families(response.text) for s in family.samples]
        return {(sample.name, *sorted(sample.labels.values())): sample.value for sample in samples}

    before = metrics()
    post(client, HELLO)
    post(client, b"no sound")
    after = metrics()

    def more(*key):
        return after.get(key, 0) - before.get(key, 0)

    assert more("emotion_edge_responses_total", "200", "classify") == 1
    assert more("emotion_edge_responses_total", "422", "classify") == 1
    assert more("emotion_edge_responses_total", "200", "metrics") == 1
    status = EmotionClassifier().classify(SPOKEN[2]).status
    assert more("emotion_edge_answers_total", "five-emotions", status) == 1
    assert more("emotion_edge_sound_seconds_total", "recording") == pytest.approx(
        EmotionClassifier().classify(SPOKEN[2]).end_s
    )
    assert after["emotion_edge_requests_in_progress",] == 0


def test_headers_make_browsers_strict(client):
    for path in ("/", "/static/main.js", "/api/models", "/nix", "/healthz"):
        headers = client.get(path).headers
        assert "default-src 'none'; script-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == ("no-store" if path.startswith(("/api", "/nix")) else "no-cache")
        assert "server" not in headers
    assert client.get("/static/main.js").headers["content-type"].startswith("text/javascript")


def test_own_models(tmp_path):
    from servers import serving

    from emotion_edge.model.file import shipped

    path = tmp_path / "mine.tflite"
    path.write_bytes(shipped()["tess-mlp"].read_bytes())
    with serving("--model", path) as server:
        assert [model["name"] for model in httpx.get(server.url + "api/models").json()["models"]] == ["tess-mlp"]
        answer = httpx.post(server.url + "api/classify", content=HELLO, headers=WAV).json()
        assert answer == EmotionClassifier(path).classify(SPOKEN[2]).to_dict()


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["--model", "nix"], 1, "unknown model 'nix'"),
        (["--model", "tess-mlp", "--model", "tess-mlp"], 1, "not all different: tess-mlp, tess-mlp"),
        (["--port", "70000"], 2, "wanted a whole number, 0 to 65535"),
        (["--at-once", "0"], 2, "wanted a whole number, 1 to 1000"),
        (["--host", "192.0.2.1", "--token-file", "TOKEN"], 1, "cannot listen on 192.0.2.1"),
    ],
)
def test_mistakes_on_the_command_line(arguments, status, sentence, tmp_path):
    (tmp_path / "TOKEN").write_text("0123456789abcdef\n")
    done = subprocess.run(
        [sys.executable, "-m", "emotion_edge", "serve", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        check=False,
    )
    assert (done.returncode, done.stdout) == (status, "")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_without_the_extra_the_message_says_what_to_install():
    code = (
        "import sys; sys.modules['starlette'] = None; from emotion_edge.cli.main import main; sys.exit(main(['serve']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.endswith("pip install 'emotion-edge[web]'\n")
    assert len(done.stderr.splitlines()) == 1


def test_hum_is_not_speech_here_either(client):
    assert post(client, encoded(tone(100, rate=16000, seconds=3), 16000, format="WAV")).json()["status"] == "no_speech"
