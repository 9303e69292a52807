"""The figures and commands in the README and the cards are correct."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from emotion_edge_converter.training.study import ORIGINAL
from places import ROOT

from emotion_edge.model.file import load, shipped

README = (ROOT / "README.md").read_text()


def blocks(language, text=README):
    """The fenced code blocks of one language; "" means a block without one."""
    return [
        code for name, code in re.findall(r"^```(.*)\n((?:(?!```).*\n)*)```$", text, re.MULTILINE) if name == language
    ]


def test_the_command_to_try_prints_what_the_readme_shows():
    command, expected = next(
        (block, after) for block, after in zip(blocks(""), blocks("")[1:], strict=False) if "classify examples" in block
    )
    arguments = shlex.split(command.split("&& .venv/bin/emotion-edge")[1])
    files = sorted(map(str, (ROOT / "examples" / "sounds").glob("*.wav")))
    assert arguments == ["classify", "examples/sounds/*.wav"]
    files = [str(Path(file).relative_to(ROOT)) for file in files]
    done = subprocess.run(
        [sys.executable, "-m", "emotion_edge", "classify", *files], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == expected


@pytest.mark.parametrize("page", ["README.md", "converter/README.md"])
def test_handwritten_recipes_are_accepted(page):
    from emotion_edge.model.recipe import ModelRecipe

    recipes = blocks("json", (ROOT / page).read_text())
    assert recipes
    for recipe in recipes:
        ModelRecipe.from_json(recipe)


def test_the_figures_match_the_model_and_the_study():
    scores = load("tess-mlp").recipe.scores
    study = json.loads((ROOT / "docs" / "study" / "study.json").read_text())
    (cell,) = [cell for cell in study["cells"] if (cell["architecture"], cell["n_mfcc"]) == ("mlp-128", 30)]
    assert {f"accuracy, {score['split']}": round(score["accuracy"], 4) for score in cell["scores"]} == scores
    first, *others = [f"{score['accuracy']:.3f}" for score in cell["scores"]]
    assert f"{first} on the random third, {' and '.join(others)} on the other actress" in " ".join(README.split())


def interval(corpus):
    low, high = corpus["uar_interval"]
    return f"{corpus['uar']:.3f} | {low:.3f} to {high:.3f} |"


def test_the_figures_for_strangers_match_the_evaluation():
    figures = json.loads((ROOT / "docs" / "five-emotions.evaluation.json").read_text())
    left_out, profiles = figures["left_out"], figures["profiles"]
    ten = profiles["10 of any emotion"]
    assert len(left_out["corpora"]) == 7
    for name, corpus in left_out["corpora"].items():
        known, with_ten = (each["corpora"][name]["uar"] for each in (figures, ten))
        row = f"| {corpus['speakers']} | {interval(corpus)} {with_ten:.3f} | {known:.3f} |"
        assert row in README, name
    assert f"| {left_out['mean_uar']:.3f} | | {ten['mean_uar']:.3f} | {figures['mean_uar']:.3f} |" in README
    text = " ".join(README.split())
    few = profiles["3 of any emotion"]["mean_uar"]
    assert f"three sentences lift the mean to {few:.3f}, ten to {ten['mean_uar']:.3f}" in text
    together, under = left_out["together"], left_out["conditions"]
    ece = f"(calibration error {together['expected_calibration_error']:.3f})"
    sure = together["sure"]
    assert (
        f"calls {1 - sure['share']:.3f} `uncertain`, and {sure['accuracy']:.3f} of its other answers are right" in text
    )
    assert ece in text
    noise, room, telephone = (f"{under[name]['mean_uar']:.3f}" for name in ("noise, 10 dB", "room", "telephone"))
    assert f"{noise} at 10 dB, {room} in a room, {telephone} over the telephone" in text


@pytest.mark.parametrize("name", ["five-emotions", "seven-emotions", "five-emotions-open"])
def test_the_tables_of_a_card_match_the_evaluation(name):
    figures = json.loads((ROOT / "docs" / f"{name}.evaluation.json").read_text())
    card = (ROOT / "models" / f"{name}.md").read_text()
    assert figures["profiles"]
    for part in filter(None, (figures, figures["left_out"])):
        for corpus in part["corpora"].values():
            sure = corpus["sure"]
            rest = f"{corpus['expected_calibration_error']:.3f} | {sure['share']:.3f} | {sure['accuracy']:.3f} |"
            assert f"| {corpus['speakers']} | {corpus['recordings']} | {interval(corpus)} {rest}" in card
    for kind, profile in figures["profiles"].items():
        assert re.search(
            rf"^\| {kind} \|.*\*\*{profile['mean_uar']:.3f}\*\* \| \{profile['gain']:+.3f} \|", card, re.MULTILINE
        )
    if name == "five-emotions":
        for condition, known in figures["conditions"].items():
            left_out = figures["left_out"]["conditions"][condition]["mean_uar"]
            assert f"| {condition} | {left_out:.3f} | {known['mean_uar']:.3f} |" in card


def test_the_figures_of_the_costs_match_the_benchmark():
    figures = json.loads((ROOT / "benchmarks" / "speed.json").read_text())
    fresh, warm, installed = figures["fresh"], figures["warm_ms"]["24414"], figures["installed_mb"]
    commands, ours, today = (
        ("the command, tess-mlp", "the command, five-emotions"),
        ("emotion-edge, tess-mlp", "emotion-edge, five-emotions"),
        "librosa + Keras",
    )
    processes = " | ".join(f"{fresh[name]['cpu_ms'] / 1000:.2f} s" for name in ours)
    first, second = (f"{fresh[name]['cpu_ms'] / 1000:.2f} s" for name in commands)
    memory = " | ".join(f"{fresh[name]['peak_mb']:.0f} MB" for name in (*commands, today))
    whole, alone = (f"{installed[name]:.0f} MB" for name in ("emotion-edge", "emotion-edge, numpy"))
    live, quiet = (
        " | ".join(f"{each:.1f} ms" for name, each in figures["live"][stage].items() if name != "ratio")
        for stage in ("all_stages", "quiet_room")
    )
    for row in (
        f"first answer, CPU | {processes} | {fresh[today]['cpu_ms'] / 1000:.1f} s |",
        f"classify`, CPU | {first} | {second} |  |",
        f"Python process | {memory} |",
        f"installed, plus 3 MB of models | {whole} | {whole} | {installed[today]:.0f} MB |",
        f"numpy alone | {alone} | {alone} |",
        f"2 s, CPU | {' | '.join(f'{warm[name]:.1f} ms' for name in (*ours, today))} |",
        f"live speech, CPU | {live} |",
        f"quiet room, CPU | {quiet} |",
    ):
        assert row in README
    text = " ".join(README.split())
    assert f"directly it takes {warm['librosa + Keras, model(x)']:.1f} ms" in text


def test_the_study_reaches_the_original_in_every_cell():
    study = json.loads((ROOT / "docs" / "study" / "study.json").read_text())
    names = list(dict.fromkeys(cell["architecture"] for cell in study["cells"]))
    assert len(study["cells"]) == 25
    for cell in study["cells"]:
        assert cell["scores"][0]["accuracy"] >= ORIGINAL[cell["n_mfcc"]][names.index(cell["architecture"])]


@pytest.mark.parametrize("name", sorted(shipped()))
def test_cards_have_the_figures_of_their_models(name):
    card = (ROOT / "models" / f"{name}.md").read_text()
    recipe = load(name).recipe
    for figure in [*(f"{score:.4f}" for score in recipe.scores.values()), str(shipped()[name].stat().st_size)]:
        assert figure in card
    assert ", ".join(recipe.labels) in card
    assert recipe.licence.split(",")[0] in card


def test_the_card_of_tess_mlp_has_the_figures_for_unknown_speakers():
    card = (ROOT / "models" / "tess-mlp.md").read_text()
    corpora = json.loads((ROOT / "docs" / "tess-mlp.evaluation.json").read_text())["corpora"]
    rows = re.findall(
        r"^\| (\w+) \(\w+\) \| (\d+) \| (\d+) \| (\S+) \| (\S+) to (\S+) \| (\S+) \|$", card, re.MULTILINE
    )
    assert len(rows) == len(corpora) - 1  # all but the corpus that it learnt from
    for name, *figures in rows:
        corpus = corpora[name.lower()]
        low, high = corpus["uar_interval"]
        numbers = (corpus["uar"], low, high, corpus["expected_calibration_error"])
        assert figures == [str(corpus["speakers"]), str(corpus["recordings"]), *(f"{number:.3f}" for number in numbers)]


def test_relative_links_lead_somewhere():
    for page in ROOT.glob("**/*.md"):
        if not {".venv", "build", "node_modules"} & set(page.parts):
            for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
                assert (page.parent / link).exists(), f"{page}: {link}"
