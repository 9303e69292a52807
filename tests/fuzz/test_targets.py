"""A short version of `campaign.py`: hostile input is used or refused, and nothing else happens."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given, settings

pytest.importorskip("resource")  # exists only on POSIX

from strategies import cases
from targets import TARGETS, accepts, limited

CASES = {"features": 20, "recipe": 60, "forged_model": 150}


@pytest.mark.parametrize("name", TARGETS)
def test_a_good_file_is_accepted(name):
    with limited():
        for seed in TARGETS[name].seeds():
            if name != "samples":  # it includes dtypes that are refused
                assert accepts(TARGETS[name].run, seed)


@pytest.mark.parametrize("name", TARGETS)
def test_a_bad_file_is_used_or_refused(name):
    logging.disable()

    @given(cases(name))
    @settings(max_examples=CASES.get(name, 300))
    def check(data):
        accepts(TARGETS[name].run, data)

    try:
        with limited():
            check()
    finally:
        logging.disable(logging.NOTSET)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda data: [0] * (1 << 40), None),
        (lambda data: int("x"), "invalid literal"),
    ],
)
def test_other_exceptions_are_findings(wrong, message):
    with limited(), pytest.raises((MemoryError, ValueError), match=message):
        accepts(wrong, b"")
