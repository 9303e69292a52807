"""`emotion-edge-converter evaluate`: measures a model on labelled recordings."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any, Final

from ..corpora import readers
from ..evaluation import answers, fold_models, profiles, scores
from ..files import write_text
from ..recordings import conditions
from .arguments import add_corpus, add_jobs, add_noise, add_rooms, check_writable, converted, name_of

_HEADER: Final = f"{'accuracy':>8} {'ECE':>6} {'sure':>6} {'right':>6}"


def register(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "evaluate",
        help="measure a model on labelled recordings",
        description="Measure a model on labelled recordings with the code that runs on the device: UAR with a "
        "confidence interval over speakers, accuracy, calibration and coverage, for each corpus and sex; over the "
        "telephone, in noise and in rooms; with a voice profile of the speaker. The figures are for new speakers if "
        "you give a folder of fold models, or a model that was trained on none of these speakers.",
    )
    parser.add_argument(
        "model",
        type=converted,
        metavar="MODEL.tflite|NAME|DIR",
        help='a model file, the name of a shipped model, or a folder with a folds.json: {"folds": [{"model": FILE, '
        '"speakers": {CORPUS: [SPEAKER, ...]}}, ...], "left_out": [{"model": FILE, "corpus": CORPUS}, ...]}. '
        "List for each model the speakers that it was not trained on",
    )
    add_corpus(parser)
    add_noise(parser, "a folder of noise recordings, in any layout: also measure in noise")
    add_rooms(parser, "a folder of impulse responses of rooms: also measure in rooms")
    add_jobs(parser)
    parser.add_argument(
        "-o", "--output", type=name_of(".json"), metavar="FILE.json", help="also write every figure to this file"
    )
    parser.add_argument(
        "--report", type=name_of(".html"), metavar="FILE.html", help="also write a report with pictures to this file"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Evaluate every recording under every condition, print tables, write the requested files."""
    for file in filter(None, (options.output, options.report)):
        check_writable(file)
    models = fold_models.load(options.model)
    utterances = readers.read(options.corpus)
    under = conditions.read(models.any.sample_rate_hz, options.noise, options.rooms)
    evaluation = answers.answer(models, utterances, under, jobs=options.jobs)
    as_recorded = evaluation.conditions[conditions.AS_RECORDED].utterances
    with_profiles = profiles.answer(models, as_recorded, evaluation.features)
    result = {
        "model": models.name,
        "folds": None if models.by_speaker is None else len(models.folds),
        "trained_on": list(dict.fromkeys(name for model in models.folds for name in model.recipe.corpora)),
        "noises": len(under.noises),
        "rooms": len(under.rooms),
        **scores.figures(evaluation, with_profiles),
    }
    print("\n\n".join(_tables(result)))
    written = {options.output: json.dumps(result, indent=1) + "\n"}
    if options.report is not None:
        from ..reports import evaluation as evaluation_report  # matplotlib takes a second

        written[options.report] = evaluation_report.html(result)
    for file, text in written.items():
        if file is not None:
            write_text(file, text)
            print(f"written: {file}", file=sys.stderr)
    return 0


def _tables(result: dict[str, Any]) -> Iterator[str]:
    """The tables for the terminal. What a stranger to all corpora can expect comes first."""
    known = "speakers left out of training" if result["folds"] else "UAR"
    if left_out := result["left_out"]:
        yield _by_corpus("corpus left out of training", left_out, left_out["together"])
        yield _uars("corpus left out, UAR", left_out["conditions"], left_out["corpora"])
    if result["profiles"]:
        yield _uars("with a voice profile, UAR", result["profiles"], result["corpora"])
        yield _confidences(result["profiles"])
    yield _by_corpus(known, result, result["together"])
    yield _uars(known if known == "UAR" else f"{known}, UAR", result["conditions"], result["corpora"])


def _by_corpus(title: str, figures: dict[str, Any], together: dict[str, Any]) -> str:
    corpora = figures["corpora"]
    lines = [f"{title}\n{'':12} {'files':>6} {'speakers':>8} {'UAR':>6} {'95 %':>14} {_HEADER}"]
    for name, corpus in corpora.items():
        lines.append(_line(name, corpus))
        lines += [_line(f"  {sex}", part) for sex, part in corpus.get("sex", {}).items()]
    all_corpora = {
        "recordings": sum(corpus["recordings"] for corpus in corpora.values()),
        "speakers": sum(corpus["speakers"] for corpus in corpora.values()),
        "uar": figures["mean_uar"],
        "uar_interval": (None, None),
    }
    return "\n".join([*lines, _line("together", all_corpora | together)])


def _uars(title: str, rows: dict[str, Any], corpora: Iterable[str]) -> str:
    """Table of UARs: one line per condition or kind of profile, one column per corpus."""
    names = list(corpora)
    widths = [max(6, len(name)) for name in (*names, "mean", "gain")]
    lines = [("", [*names, "mean"])]
    for name, row in rows.items():
        uars = [*(row["corpora"].get(corpus, {}).get("uar") for corpus in names), row["mean_uar"]]
        gain = [f"{row['gain']:+.3f}"] if "gain" in row else []
        lines.append((name, [*("" if uar is None else f"{uar:.3f}" for uar in uars), *gain]))
    if any("gain" in row for row in rows.values()):
        lines[0][1].append("gain")
    return "\n".join(
        [title]
        + [
            " ".join([f"{name:19}", *(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=False))])
            for name, cells in lines
        ]
    )


def _confidences(profiles: dict[str, Any]) -> str:
    """Table of calibration: one line per kind of profile."""
    lines = [f"with a voice profile, all corpora together\n{'':19} {_HEADER}"]
    return "\n".join([*lines, *(f"{name:19} {_confidence(row['together'])}" for name, row in profiles.items())])


def _line(name: str, figures: dict[str, Any]) -> str:
    low, high = figures["uar_interval"]
    interval = "" if low is None else f"{low:.3f} to {high:.3f}"
    counts = f"{name:12} {figures['recordings']:6} {figures['speakers']:8} {figures['uar']:6.3f} {interval:>14}"
    return f"{counts} {_confidence(figures)}"


def _confidence(figures: dict[str, Any]) -> str:
    sure = figures["sure"]
    right = "" if sure["accuracy"] is None else f"{sure['accuracy']:6.3f}"
    return f"{figures['accuracy']:8.3f} {figures['expected_calibration_error']:6.3f} {sure['share']:6.3f} {right}"
