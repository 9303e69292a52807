"""Writes the report of an evaluation as one self-contained HTML file."""

from __future__ import annotations

from typing import Any

from ..recordings.conditions import NOISE
from . import evaluation_pictures as pictures
from . import pages


def html(result: dict[str, Any]) -> str:
    """The report: recalls with intervals, conditions, confusion matrices, calibration, coverage, and figures by sex.

    Args:
        result: the data that the evaluate command writes as JSON.
    """
    labels, corpora, conditions = result["labels"], result["corpora"], result["conditions"]
    kinds = {pictures.KNOWN: result["together"]}
    if result["left_out"]:
        kinds[pictures.LEFT_OUT] = result["left_out"]["together"]
    return pages.render(
        "evaluation.html",
        **result,
        chance=1 / len(labels),
        n_recordings=sum(corpus["recordings"] for corpus in corpora.values()),
        n_speakers=sum(corpus["speakers"] for corpus in corpora.values()),
        over_noise=pictures.over_noise(conditions, labels) if conditions.keys() >= set(NOISE.values()) else None,
        confusions={name: pictures.confusion(name, corpus, labels) for name, corpus in corpora.items()},
        reliability=pictures.reliability(kinds),
        coverage=pictures.coverage(kinds, labels),
    )
