"""The page in a real browser without a screen, with a file as its microphone: Chromium, if it is installed."""

from __future__ import annotations

import base64
import re
import shutil
from contextlib import contextmanager

import httpx
import numpy as np
import pytest
from own_labels import SHORT
from places import ROOT
from servers import TOKEN, serving, wait_for
from sounds import SPOKEN, spoken, write

from emotion_edge import EmotionClassifier, palette

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("as_a_fresh_process"),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: sudo apt install chromium"),
]

playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")

RECIPE = EmotionClassifier().recipe
LABELS = RECIPE.labels
HELLO_HIGH, HELLO_SLOW, HELLO = SPOKEN
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


@pytest.fixture(scope="module")
def microphone(tmp_path_factory):
    """The sound of the microphone, repeated: two sentences with pauses, about which tess-mlp is sure."""
    pause = np.zeros(48000, np.float32)
    sound = np.concatenate([pause, spoken(1, rate=48000), pause, spoken(2, rate=48000), pause])
    return write(tmp_path_factory.mktemp("microphone") / "talk.wav", sound, 48000)


@pytest.fixture(scope="module")
def chromium(microphone):
    options = [
        "--no-sandbox",  # for root in a container
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone}",
        "--autoplay-policy=no-user-gesture-required",
        "--host-resolver-rules=MAP robot.local 127.0.0.1",
    ]
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


@contextmanager
def opened(chromium, url, *, wait="#file[aria-disabled=false]", **options):
    """The page. It must not load anything from elsewhere, and no script may fail."""
    context = chromium.new_context(**options)
    page = context.new_page()
    page.set_default_timeout(20_000)
    errors, elsewhere = [], []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: message.type == "error" and errors.append(message.text))
    page.on("request", lambda request: request.url.startswith((url, "blob:")) or elsewhere.append(request.url))
    page.goto(url)
    page.wait_for_selector(wait)
    yield page
    context.close()
    assert elsewhere == []
    # The browser itself reports requests that the server refused or did not answer; the page has shown them.
    assert [
        error for error in errors if not error.startswith(("Failed to load resource", "WebSocket connection"))
    ] == []


@pytest.fixture
def page(chromium, server):
    with opened(chromium, server.url) as page:
        yield page


def choose(page, path):
    page.set_input_files("#file", path)
    page.wait_for_selector("#strip span")


def wait_for_answer(page):
    """Wait until the server has answered about the sound of the microphone."""
    page.wait_for_function("() => !['', 'Say something.'].includes(document.getElementById('sentence').textContent)")


def word(page):
    return page.inner_text("#word")


def bars(page):
    """The percentage of each label."""
    names, shares = (page.locator(f"#bars .{part}").all_inner_texts() for part in ("name", "percent"))
    return {name: None if share == "–" else int(share.split()[0]) for name, share in zip(names, shares, strict=True)}


def has_no_faults(page):
    """Check that axe-core finds no fault in names, roles, contrast and structure."""
    page.wait_for_timeout(300)  # transitions
    found = axe.Axe().run(page).response["violations"]
    assert [(fault["id"], [node["html"] for node in fault["nodes"]]) for fault in found] == []


@pytest.mark.parametrize("path", SPOKEN, ids=lambda path: path.stem)
def test_a_file_is_classified(page, path):
    choose(page, path)
    expected = EmotionClassifier().classify(path)
    assert word(page) == ("uncertain" if expected.status == "uncertain" else expected.label)
    assert bars(page) == {label: round(100 * share) for label, share in expected.probabilities.items()}
    assert page.inner_text("#about") == f"{path.name} · {expected.end_s:.1f} s"
    assert f"{round(100 * expected.confidence)} %" in page.inner_text("#sentence")
    announced = page.locator("#spoken").text_content()
    assert announced.startswith(f"{word(page)}. ")
    assert path.name in announced


def test_a_file_is_dropped(page):
    content = base64.b64encode(HELLO.read_bytes()).decode()
    page.evaluate(
        """content => {
            const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
            const files = new DataTransfer();
            files.items.add(new File([bytes], "dropped.wav"));
            for (const type of ["dragover", "drop"]) document.body.dispatchEvent(
                new DragEvent(type, { dataTransfer: files, bubbles: true, cancelable: true }));
        }""",
        content,
    )
    page.wait_for_selector("#strip span")
    assert page.inner_text("#about").startswith("dropped.wav")
    assert word(page) == EmotionClassifier().classify(HELLO).label


def test_silence_and_uncertainty_are_shown(page, tmp_path):
    choose(page, write(tmp_path / "silence.wav", np.zeros(48000), 16000))
    assert word(page) == "no speech"
    assert set(bars(page).values()) == {None}
    assert page.locator("#strip span").all_inner_texts() == ["no speech"]
    answers = {path: EmotionClassifier().classify(path) for path in SPOKEN}
    path, expected = next((path, answer) for path, answer in answers.items() if answer.status == "uncertain")
    choose(page, path)
    assert word(page) == "uncertain"
    sentence = f"Most likely {expected.label}, at {100 * expected.confidence:.0f} %: not sure enough for an answer."
    assert page.inner_text("#sentence") == sentence
    assert "uncertain" in page.locator("#strip span").all_inner_texts()
    assert page.locator("#bars .best").count() == 0


def test_the_timeline_and_playback(page, tmp_path):
    talk = np.concatenate([np.zeros(66150), spoken(1), np.zeros(66150), spoken(2)])
    choose(page, write(tmp_path / "talk.wav", talk, 22050))
    answers = page.locator("#strip span").all_inner_texts()
    assert answers[0] == "no speech"
    assert "neutral" in answers
    whole = bars(page)
    page.click("summary")
    rows = page.locator("#table tr").all_inner_texts()
    assert rows[0].split("\t")[:3] == ["0.0", str(RECIPE.window_s), "no speech"]
    assert (
        len(rows)
        == httpx.post(
            page.url + "api/classify?timeline=1",
            content=(tmp_path / "talk.wav").read_bytes(),
            headers={"content-type": "audio/wav"},
        ).text.count('"start_s"')
        - 1
    )
    page.focus("#seek")
    for _ in range(20):
        page.keyboard.press("ArrowRight")  # to 1 s
    assert re.fullmatch("0:01 of 0:12, no speech", page.get_attribute("#seek", "aria-valuetext"))
    assert set(bars(page).values()) == {None}
    assert "around 0:01" in page.inner_text("#bars-title")
    page.focus("#play")
    page.keyboard.press("Space")
    page.wait_for_selector("#play[aria-label=Pause]")
    page.wait_for_function("() => document.getElementById('audio').currentTime > 1.2")
    page.keyboard.press("Space")
    page.wait_for_selector("#play[aria-label=Play]")
    page.focus("#seek")
    page.keyboard.press("Home")
    page.wait_for_function("() => document.getElementById('playhead').hidden")
    assert bars(page) == whole


def test_the_waveform_has_the_colours_of_the_answer(page):
    choose(page, HELLO)
    painted = page.evaluate(
        """() => {
            const canvas = document.getElementById("canvas");
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            const seen = {};
            for (let i = 0; i < data.length; i += 4) if (data[i + 3] === 255) {
                const colour = data.slice(i, i + 3).join(); seen[colour] = (seen[colour] || 0) + 1;
            }
            return Object.entries(seen).sort((a, b) => b[1] - a[1])[0][0];
        }"""
    )
    bar = page.locator("#bars li", has_text="neutral").locator(".fill")
    assert bar.evaluate("bar => getComputedStyle(bar).backgroundColor") == f"rgb({painted.replace(',', ', ')})"
    strip = page.locator("#strip span")
    assert strip.evaluate("bar => getComputedStyle(bar).backgroundColor") == f"rgb({painted.replace(',', ', ')})"


def test_a_file_that_is_not_audio_is_reported(page, tmp_path):
    notes = tmp_path / "notes.wav"
    notes.write_text("not a sound")
    page.set_input_files("#file", notes)
    page.wait_for_selector("#problem:not([hidden])")
    assert page.inner_text("#problem") == "notes.wav is not audio that can be read: Format not recognised"
    assert page.is_hidden("#result")
    choose(page, HELLO)  # and the page still works
    assert page.is_hidden("#problem")


def test_a_format_that_only_the_browser_or_only_the_server_can_decode(page, tmp_path):
    recorded = page.evaluate(  # WebM, which phones and browsers record, but libsndfile does not read
        """async () => {
            const recorder = new MediaRecorder(await navigator.mediaDevices.getUserMedia({ audio: true }));
            const chunks = [];
            recorder.ondataavailable = ({ data }) => chunks.push(data);
            const stopped = new Promise((resolve) => (recorder.onstop = resolve));
            recorder.start();
            await new Promise((resolve) => setTimeout(resolve, 4000));
            recorder.stop();
            await stopped;
            const bytes = new Uint8Array(await new Blob(chunks).arrayBuffer());
            return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
        }"""
    )
    webm = tmp_path / "phone.webm"
    webm.write_bytes(base64.b64decode(recorded))
    answered = httpx.post(page.url + "api/classify", files={"file": webm.read_bytes()})
    assert answered.status_code == 422  # otherwise this test is useless
    choose(page, webm)
    assert word(page) in (*LABELS, "uncertain")
    aiff = write(tmp_path / "old.aiff", spoken(2), 22050)
    choose(page, aiff)
    assert word(page) == EmotionClassifier().classify(aiff).label
    assert "cannot draw or play" in page.inner_text("#picture-note")
    assert page.is_hidden("#play")


def test_a_recording_from_the_microphone(page, server):
    page.click("#record")
    page.wait_for_function("() => document.getElementById('word').textContent >= '0:05'")
    assert page.inner_text("#record") == "Stop"
    assert page.get_attribute("#live", "aria-disabled") == page.get_attribute("#file", "aria-disabled") == "true"
    page.click("#record")
    page.wait_for_selector("#strip span")
    assert word(page) in (*LABELS, "uncertain")
    assert re.fullmatch(r"Your recording · [5-9]\.\d s", page.inner_text("#about"))
    assert page.inner_text("#record") == "Record"
    assert page.get_attribute("#live", "aria-disabled") == "false"
    page.click("#play")
    page.wait_for_function("() => document.getElementById('audio').currentTime > 0.3")


def test_listening_live(page, server):
    page.evaluate(
        """() => {
            window.seen = [];
            new MutationObserver(() => window.seen.push({
                word: document.getElementById("word").textContent,
                best: document.querySelector("#bars .best .name")?.textContent,
                spoken: document.getElementById("spoken").textContent,
            })).observe(document.getElementById("spoken"), { childList: true });
        }"""
    )
    page.select_option("#model", "tess-mlp")  # it is sure about this voice
    page.click("#live")
    page.wait_for_function("labels => window.seen.some(({ word }) => labels.includes(word))", arg=list(LABELS))
    page.wait_for_function("() => document.getElementById('word').textContent === 'no speech'")
    wait_for(server, "emotion_edge_live_streams_in_progress", 1)
    page.click("#live")
    assert page.inner_text("#live") == "Listen live"
    wait_for(server, "emotion_edge_live_streams_in_progress", 0)
    assert page.is_hidden("#problem")
    seen = page.evaluate("window.seen")
    words = [moment["word"] for moment in seen[:-1]]  # the last is the end
    first = next(i for i, word in enumerate(words) if word in LABELS)
    assert words[:first] in (["no speech", "speech"], ["speech"])  # depends on where the sound started
    assert "no speech" in words[first:]
    for moment in seen[:-1]:  # the bar, the word and the announcement agree
        assert moment["spoken"] == moment["word"]
        assert moment["best"] == (moment["word"] if moment["word"] in LABELS else None)


def test_models_are_chosen(page):
    page.select_option("#model", "tess-mlp")
    assert page.inner_text("#model-about").startswith("tess-mlp distinguishes angry, ")
    choose(page, HELLO_HIGH)
    assert word(page) == EmotionClassifier("tess-mlp").classify(HELLO_HIGH).label


def test_without_https_it_explains_why_there_is_no_microphone(chromium, server):
    with (
        serving(EMOTION_EDGE_TOKEN=TOKEN) as guarded,
        opened(chromium, f"http://robot.local:{guarded.port}/", wait="dialog[open]") as page,
    ):
        page.fill("#token", TOKEN)
        page.keyboard.press("Enter")
        page.wait_for_selector("#file[aria-disabled=false]")
        assert page.get_attribute("#live", "aria-disabled") == page.get_attribute("#record", "aria-disabled") == "true"
        assert "only on pages with HTTPS" in page.inner_text("#microphone-note")
        choose(page, HELLO)
        assert word(page) == "neutral"


def test_the_token_is_asked_for(chromium):
    with serving(EMOTION_EDGE_TOKEN=TOKEN) as guarded, opened(chromium, guarded.url, wait="dialog[open]") as page:
        has_no_faults(page)
        page.fill("#token", "wrong" * 5)
        page.click("dialog .button")
        page.wait_for_selector("#ask-problem:not([hidden])")
        page.fill("#token", TOKEN)
        page.click("dialog .button")
        page.wait_for_selector("#file[aria-disabled=false]")
        choose(page, HELLO)
        assert word(page) == "neutral"
        page.click("#live")
        wait_for_answer(page)
        page.click("#live")
        assert page.is_hidden("#problem")
        page.reload()
        page.wait_for_selector("#file[aria-disabled=false]")  # the page remembers the token
        assert TOKEN not in page.content()


def test_a_server_that_is_stopped_or_busy(chromium):
    with serving("--at-once", 1) as server, opened(chromium, server.url) as page:
        with opened(chromium, server.url) as other:
            other.click("#live")
            wait_for_answer(other)
            page.click("#live")
            page.wait_for_selector("#problem:not([hidden])")
            assert "busy" in page.inner_text("#problem")
            assert page.inner_text("#live") == "Listen live"
        page.click("#live")
        wait_for_answer(page)
        server.stop()
        page.wait_for_selector("#problem:not([hidden])")
        page.set_input_files("#file", HELLO)
        page.wait_for_function("() => document.getElementById('problem').textContent.includes('cannot be reached')")


def test_uploads_that_are_too_long_are_not_started(chromium):
    with serving("--max-megabytes", 0.05) as server, opened(chromium, server.url) as page:
        page.set_input_files("#file", HELLO)
        page.wait_for_selector("#problem:not([hidden])")
        assert page.inner_text("#problem") == "hello.wav has 0.1 MB; this server accepts at most 0.1 MB."


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible(chromium, server, scheme, tmp_path):
    with opened(chromium, server.url, color_scheme=scheme) as page:
        has_no_faults(page)
        for path in (HELLO, HELLO_HIGH, write(tmp_path / "silence.wav", np.zeros(16000), 16000)):
            choose(page, path)
            page.evaluate("document.getElementById('details').open = true")
            has_no_faults(page)
        page.click("#live")
        wait_for_answer(page)
        has_no_faults(page)
        page.click("#live")
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (background == "rgb(16, 18, 20)") == (scheme == "dark")


def test_by_keyboard_alone(page):
    # Registered before any key is pressed: otherwise the browser may open its own dialog first.
    page.on("filechooser", lambda chooser: chooser.set_files(HELLO))
    focused = []
    for _ in range(5):
        page.keyboard.press("Tab")
        focused.append(page.evaluate("document.activeElement.id"))
    assert focused[:4] == ["model", "file", "record", "live"]
    page.focus("#file")
    page.keyboard.press("Enter")
    page.wait_for_selector("#strip span")
    outline = page.locator("label[for=file]").evaluate("label => getComputedStyle(label).outlineStyle")
    assert outline == "solid"  # the focus is visible


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_it_fits(chromium, server, width):
    options = (
        PHONE | {"viewport": {"width": width, "height": 844}}
        if width < 700
        else {"viewport": {"width": width, "height": 800}}
    )
    with opened(chromium, server.url, **options) as page:
        for path in (None, HELLO_SLOW, HELLO_HIGH):
            if path is not None:
                choose(page, path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            for button in page.locator("button:visible, label.button:visible, select:visible").all():
                assert button.bounding_box()["height"] >= 32


def test_all_files_are_present_and_small():
    static = ROOT / "emotion_edge" / "web" / "static"
    sizes = {path.name: path.stat().st_size for path in static.iterdir()}
    assert sum(sizes.values()) < 100_000
    for script in static.glob("*.js"):
        for imported in re.findall(r'from "\./(.+?)"', script.read_text()):
            assert imported in {*sizes, "palette.js"}
        assert not re.findall(r"https?://(?!www\.w3\.org)", script.read_text())


def show_labels(page, labels):
    """Show the answers of a model with these labels, one window each, and return {label: its colour and pattern}."""
    return page.evaluate(
        """async (labels) => {
            const { setLabels, lookOfLabel } = await import("/static/labels.js");
            const { makeBars, showBars } = await import("/static/answer.js");
            const { Timeline } = await import("/static/timeline.js");
            setLabels(labels);
            makeBars(labels);
            const probabilities = Object.fromEntries(labels.map((label) => [label, 1 / labels.length]));
            const windows = labels.map((label, i) => (
                { status: "ok", label, confidence: 1 / labels.length, probabilities, start_s: i, end_s: i + 1 }));
            for (const id of ["result", "picture", "probabilities"]) document.getElementById(id).hidden = false;
            showBars(windows[0], "Probabilities");
            new Timeline(windows, labels.length).show();
            return Object.fromEntries(labels.map((label) => [label, lookOfLabel(label)]));
        }""",
        list(labels),
    )


def test_your_own_labels_look_different(page):
    labels = [*SHORT, "sad", "constructor"]
    looks = show_labels(page, labels)
    assert {label: (look["colour"], look.get("pattern")) for label, look in looks.items()} == palette.looks(labels)
    computed = """all => all.map((each) => {
        const style = getComputedStyle(each);
        return [style.backgroundColor, style.backgroundImage].join();
    })"""
    strip, fills = (page.locator(where).evaluate_all(computed) for where in ("#strip span", "#bars .fill"))
    assert strip == fills
    assert len(set(strip)) == len(labels)
    has_no_faults(page)


@pytest.mark.parametrize("width", [320, 1280])
def test_long_labels_fit(chromium, server, width):
    with opened(chromium, server.url, viewport={"width": width, "height": 800}) as page:
        show_labels(page, ["W" * 100, "many words " * 9, "calm"])
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        bars = page.locator("#bars").bounding_box()
        for part in page.locator("#bars :is(.track, .percent)").all():
            box = part.bounding_box()
            assert bars["x"] <= box["x"] < box["x"] + box["width"] <= bars["x"] + bars["width"] + 1
        tracks = [part.bounding_box() for part in page.locator("#bars .track").all()]
        assert len({(box["x"], box["width"]) for box in tracks}) == 1, "shares cannot be compared"
