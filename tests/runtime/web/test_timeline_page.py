"""The page that `emotion-edge timeline` writes, opened from disk in a real browser: Chromium, if it is installed."""

from __future__ import annotations

import re
import shutil
from contextlib import contextmanager

import numpy as np
import pytest
from own_labels import SHORT, labelled
from sounds import spoken, write

from emotion_edge import EmotionClassifier
from emotion_edge.cli.main import main
from emotion_edge.timeline_files.sections import sections
from emotion_edge.timeline_files.writing import write as write_file
from emotion_edge.timelines import timeline

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: sudo apt install chromium"),
]

playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")

RATE = 16000
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    """Two sentences between pauses: the model is sure about the first, but not about the second."""
    pause = np.zeros(3 * RATE, np.float32)
    sound = np.concatenate([pause, spoken(1, rate=RATE), pause, spoken(0, rate=RATE), pause])
    return write(tmp_path_factory.mktemp("talk") / "talk.wav", sound, RATE)


@pytest.fixture(scope="module")
def parts(talk):
    return list(sections(timeline(talk)))


@pytest.fixture(scope="module")
def file(talk):
    out = talk.with_suffix(".html")
    assert main(["timeline", str(talk), "-o", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])  # for root in a container
        yield browser
        browser.close()


@contextmanager
def opened(chromium, file, **options):
    """The page. It must not request anything else, and no script may fail."""
    context = chromium.new_context(**options)
    page = context.new_page()
    errors, requested = [], []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text))
    page.on("request", lambda request: requested.append(request.url))
    page.goto(file.as_uri())
    yield page
    context.close()
    assert errors == []
    assert requested == [file.as_uri()]


def shown(page):
    """The answer, and the percentage of each label."""
    names, shares = (page.locator(f"#bars .{part}").all_inner_texts() for part in ("name", "percent"))
    return page.inner_text("#word"), dict(zip(names, shares, strict=True))


def expected(prediction):
    best = f"{prediction.label} {100 * prediction.confidence:.0f} %"
    shares = {label: f"{100 * share:.0f} %" for label, share in prediction.probabilities.items()}
    silent = dict.fromkeys(EmotionClassifier().recipe.labels, "–")
    return {
        "ok": (best, shares),
        "uncertain": (f"uncertain ({best})", shares),
        "no_speech": ("no speech", silent),
    }[prediction.status]


def test_the_pointer_chooses_a_moment(chromium, file, parts):
    with opened(chromium, file) as page:
        box = page.locator("#chart").bounding_box()
        for part in parts:
            share = (part.start_s + part.end_s) / 2 / parts[-1].end_s
            page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
            assert shown(page) == expected(part.prediction)
            marked = page.locator("#cursor").bounding_box()
            assert marked["x"] == pytest.approx(box["x"] + share * box["width"], abs=3)


def test_by_keyboard_and_screen_reader(chromium, file, parts):
    with opened(chromium, file) as page:
        page.keyboard.press("Tab")
        page.keyboard.press("Home")
        for part in parts[1:8]:
            page.keyboard.press("ArrowRight")
            assert shown(page) == expected(part.prediction)
            spoken_text = page.get_attribute(":focus", "aria-valuetext")
            assert re.fullmatch(rf"0:00:0\d(\.\d)?, {re.escape(expected(part.prediction)[0])}", spoken_text)
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        rows = [line.split("\t") for line in page.inner_text("table tbody").splitlines()]
        assert {words[2] for words in rows} >= {"no speech", "uncertain"}


def test_colours_and_gaps(chromium, file, parts):
    """At each moment there is a ribbon, a hatched one, or nothing."""
    with opened(chromium, file) as page:
        box = page.locator(".ribbons").bounding_box()
        for part in parts:
            x = box["x"] + (part.start_s + part.end_s) / 2 / parts[-1].end_s * box["width"]
            under = page.evaluate(
                """([x, y]) => document.elementsFromPoint(x, y).map(
                    (each) => each.getAttribute("fill") || each.className)""",
                [x, box["y"] + box["height"] / 2],
            )
            status = part.prediction.status
            assert any(str(each).startswith("var(--") for each in under) == (status != "no_speech")
            assert ("doubt" in under) == (status == "uncertain")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible(chromium, file, scheme):
    with opened(chromium, file, color_scheme=scheme) as page:
        page.evaluate("document.querySelector('details').open = true")
        found = axe.Axe().run(page).response["violations"]
        assert [(fault["id"], [node["html"] for node in fault["nodes"]]) for fault in found] == []
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (background == "rgb(16, 18, 20)") == (scheme == "dark")


def test_it_fits_on_a_phone(chromium, file):
    with opened(chromium, file, **PHONE) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.touchscreen.tap(200, 250)
        assert re.search(r"\d", page.inner_text("#when"))


def test_without_scripts_the_answers_are_readable(chromium, file):
    with opened(chromium, file, java_script_enabled=False) as page:
        assert "no speech" in page.inner_text("figcaption")
        assert page.locator("#bars .name").all_inner_texts() == list(reversed(EmotionClassifier().recipe.labels))
        assert page.locator("#moment").is_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_your_own_labels_look_different(chromium, monkeypatch, tmp_path, scheme):
    out = tmp_path / "own.html"
    write_file(labelled(monkeypatch, SHORT), out)
    looks = """all => all.map((each) => {
        const style = getComputedStyle(each);
        return [style.backgroundColor, style.backgroundImage].join();
    })"""
    with opened(chromium, out, color_scheme=scheme) as page:
        swatches = page.locator("#bars .swatch").evaluate_all(looks)
        assert len(set(swatches)) == len(swatches) == len(SHORT)
        named = dict(zip(page.locator("#bars .name").all_inner_texts(), swatches, strict=True))
        strip = page.locator(".strip .ok")
        for word, look in zip(strip.all_text_contents(), strip.evaluate_all(looks), strict=True):
            assert look == named[word]
        marks = page.locator(".ribbons .marks").evaluate_all(
            "all => all.map((each) => getComputedStyle(each).backgroundImage)"
        )
        assert {look.split("),", 1)[1].removesuffix(", none") for look in swatches} == set(marks)
        found = axe.Axe().run(page).response["violations"]
        assert [(fault["id"], [node["html"] for node in fault["nodes"]]) for fault in found] == []


def test_patterns_are_on_their_ribbons(chromium, monkeypatch, tmp_path):
    out = tmp_path / "own.html"
    write_file(labelled(monkeypatch, SHORT[:3]), out)
    with opened(chromium, out) as page:
        box = page.locator(".ribbons").bounding_box()
        for part in range(1, 40):
            for share in (0.02, 0.5, 0.98):
                fill, pattern = page.evaluate(
                    """([x, y]) => {
                        const under = document.elementsFromPoint(x, y);
                        return [under.find((each) => each.getAttribute("fill"))?.getAttribute("fill"),
                                under.find((each) => each.className === "marks")?.dataset.pattern];
                    }""",
                    [box["x"] + part / 40 * box["width"], box["y"] + share * box["height"]],
                )
                expected_pattern = {"var(--other-1)": "1", "var(--other-2)": "2", "var(--other-3)": "3", None: None}
                assert pattern == expected_pattern[fill]
