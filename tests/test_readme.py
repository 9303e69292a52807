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

from emotion_edge import ListenSettings
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


def test_the_figures_for_unknown_speakers_match_the_evaluation():
    figures = json.loads((ROOT / "docs" / "five-emotions.evaluation.json").read_text())
    together, conditions = figures["together"], figures["conditions"]
    card, text = (" ".join(page.split()) for page in ((ROOT / "models" / "five-emotions.md").read_text(), README))
    left_out = figures["left_out"]["corpora"]
    for name, corpus in figures["corpora"].items():
        low, high = corpus["uar_interval"]
        uar = f"{corpus['uar']:.3f} | {low:.3f} to {high:.3f}"
        rest = f"{left_out[name]['uar']:.3f} |"
        row = re.escape(f"| {corpus['speakers']} | {uar} | {rest}")
        assert re.search(rf"\| {name}, \w+ {row}", text, re.IGNORECASE)
        ece = f"{corpus['expected_calibration_error']:.3f}"
        row = f"| {corpus['speakers']} | {corpus['recordings']} | {uar} | {ece} | {rest}"
        assert row in card
    half = next(each["accuracy"] for each in together["coverage"] if each["coverage"] == 0.5)
    means = f"{figures['mean_uar']:.3f} | | {figures['left_out']['mean_uar']:.3f} |"
    assert means in text
    for page in (card, text):
        assert f"{together['expected_calibration_error']:.3f}" in page
        assert f"is right in {half:.3f}" in page
        assert f"{together['sure']['accuracy']:.3f}" in page
    strange = figures["left_out"]["together"]
    strange_ece, strange_sure = f"{strange['expected_calibration_error']:.3f}", f"{strange['sure']['accuracy']:.3f}"
    assert f"({strange_ece}, and {strange_sure})" in text
    half = next(each["accuracy"] for each in strange["coverage"] if each["coverage"] == 0.5)
    sure = f"the {strange['sure']['share']:.3f} that are not `uncertain` in {strange_sure}"
    assert f"ECE {strange_ece}; the more confident half is right in {half:.3f}, {sure}" in card
    assert (
        f"{conditions['noise, 10 dB']['mean_uar']:.3f} at 10 dB, {conditions['room']['mean_uar']:.3f} in a room" in text
    )
    noise = ", ".join(f"{conditions[f'noise, {ratio} dB']['mean_uar']:.3f}" for ratio in (30, 20, 10, 5, 0))
    assert f"learnt from) | {noise} |" in card


def test_the_figures_of_eight_emotions_match_the_benchmark():
    figures = json.loads((ROOT / "benchmarks" / "eight_emotions.json").read_text())
    card, text = (" ".join(page.split()) for page in ((ROOT / "models" / "five-emotions.md").read_text(), README))
    assert f"UAR {figures['uar']:.3f}, accuracy {figures['accuracy']:.3f} (int8" in card
    assert f"RAVDESS, it recognises {figures['uar']:.3f} of those of actors" in text


def test_the_figures_of_voice_profiles_match_the_benchmark():
    ten, neutral = (
        next(row for row in json.loads((ROOT / "benchmarks" / "voice_profile.json").read_text()) if wanted(row))
        for wanted in (
            lambda row: (row["utterances"], row["of"]) == (10, "any emotion"),
            lambda row: row["of"] == "neutral",
        )
    )
    text = " ".join(README.split())
    least, neutral_least = (min(corpus["gain"] for corpus in row["corpora"].values()) for row in (ten, neutral))
    assert f"never heard by {ten['mean_gain']:.3f}, and by {least:.3f} in the worst corpus" in text
    assert f"ten neutral ones by {neutral['mean_gain']:.3f}, and by {neutral_least:.3f} in the worst corpus" in text
    assert f"ten utterances gave speakers {ten['mean_gain']:.3f} more" in text


def test_the_figures_of_the_live_loop_match_the_benchmarks():
    live = json.loads((ROOT / "benchmarks" / "live.json").read_text())
    stages = live["cpu_ms_per_s_of_sound"]
    costs = (
        stages["whole stream, speech without a pause"],
        stages["whole stream, quiet room"],
        live["listen_process"]["cpu_ms_per_s"],
        live["listen_on_a_microphone_cpu_ms_per_s"],
        stages["Silero VAD alone, for comparison"],
    )
    assert re.findall(r"\| (\d+\.\d) ms \| (\d\.\d) % \|", README) == [(f"{ms:.1f}", f"{ms / 10:.1f}") for ms in costs]
    process = live["listen_process"]
    assert f"printed {process['leave_s_after_end']['median']:.2f} s after" in README
    assert f"`enter` {process['enter_s_after_start']['median']:.1f} s after" in README
    default = ListenSettings().speech_above
    noise = {each["speech_above"]: each for each in json.loads((ROOT / "benchmarks" / "non_speech.json").read_text())}
    text = " ".join(README.split())
    assert f"{noise[default]['emotional_verdicts']} emotional verdicts, " in text
    assert f"{noise[default]['emotional_verdicts_per_hour']} an hour, where" in text
    assert f"it would be {noise[0.0]['emotional_verdicts_per_hour']:.0f} an hour" in text
    assert f"`--speech-above 0.9` leaves {noise[0.9]['emotional_verdicts_per_hour']} an hour" in text
    gate_card = " ".join((ROOT / "models" / "speech-gate.md").read_text().split())
    assert f"{noise[default]['emotional_verdicts_per_hour']} emotional verdicts per hour of the same" in gate_card


def test_the_figures_of_adapting_match_the_benchmark():
    rows = json.loads((ROOT / "benchmarks" / "adaptation.json").read_text())["five-emotions, without the corpus"]
    assert {row["corpus"] for row in rows} == {"emodb", "nemo", "ravdess"}
    for part in ("5 of each label", "10 of each label", "other sentences"):
        cells = [f"{row['before']:.2f} to {row['after']:.2f}" for row in rows if row["parts"] == part]
        assert f"| {' | '.join(cells)} |" in README
    text = " ".join(README.split())
    for row in rows[::3]:
        assert re.search(rf"\| {row['corpus']}, {row['speakers']} speakers \|", text, re.IGNORECASE)
        assert re.search(rf"{row['corpus']} {100 * row['refused_but_better']:.0f} %", text, re.IGNORECASE)
    assert f"were accepted in {100 * max(row['shuffled_accepted'] for row in rows):.0f} % of the cases at most" in text
    assert not any(row["accepted_but_worse"] for row in rows)


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
    live = " | ".join(f"{each:.1f} ms" for name, each in figures["live"]["all_stages"].items() if name != "ratio")
    for row in (
        f"first answer, CPU | {processes} | {fresh[today]['cpu_ms'] / 1000:.1f} s |",
        f"classify`, CPU | {first} | {second} |  |",
        f"Python process | {memory} |",
        f"installed | {whole} | {whole} | {installed[today]:.0f} MB |",
        f"numpy alone | {alone} | {alone} |",
        f"2 s, CPU | {' | '.join(f'{warm[name]:.1f} ms' for name in (*ours, today))} |",
        f"live speech, CPU | {live} |",
    ):
        assert row in README
    text = " ".join(README.split())
    floors = " and ".join(f"{warm[f'floor of {model}']:.1f} ms" for model in ("tess-mlp", "five-emotions"))
    gates = " and ".join(f"{warm[name] - warm[f'{name}, no gate']:.1f} ms" for name in ours)
    assert f"directly it takes {warm['librosa + Keras, model(x)']:.1f} ms" in text
    assert f"transform alone take {floors}" in text
    assert f"does not have, about {gates}" in text


def test_the_figures_of_archives_match_the_benchmark():
    flac, wav = (
        json.loads((ROOT / "benchmarks" / "throughput.json").read_text())[kind]["cpu_ratios"]["five-emotions"]
        for kind in ("as they are", "WAV")
    )
    text = " ".join(README.split())
    assert (
        f"{flac['librosa + Keras, predict() / it']:.0f} times as many files as librosa and Keras's `predict()`" in text
    )
    assert f"{flac['librosa + Keras, model(x) / it']:.1f} times as many as librosa and the network" in text
    assert f"{flac['it / reading, 16000 Hz']:.1f} times what reading FLAC alone takes" in text
    assert f"{wav['it / reading, 16000 Hz']:.1f} of WAV" in text


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
