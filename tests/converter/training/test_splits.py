"""Training and test sets."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from emotion_edge_converter.corpora.readers import Utterance
from emotion_edge_converter.errors import CorpusError
from emotion_edge_converter.evaluation.metrics import accuracy, confusion_matrix, label_numbers, uar
from emotion_edge_converter.training.splits import folds, random_split, speaker_splits


def utterances(n_each, speakers=("A", "B"), emotions=("happy", "sad", "fear")):
    return [
        Utterance(Path(f"{number}.wav"), speaker, str(number), emotion, "x")
        for speaker in speakers
        for emotion in emotions
        for number in range(n_each)
    ]


def test_a_third_of_each_emotion_is_tested():
    table = utterances(30)
    split = random_split(table)
    assert sorted([*split.train, *split.test]) == list(range(len(table)))
    assert Counter(table[row].emotion for row in split.test) == {"happy": 20, "sad": 20, "fear": 20}
    np.testing.assert_array_equal(random_split(table).test, split.test)
    assert list(random_split(table, seed=1).test) != list(split.test)


def test_a_tested_speaker_is_not_in_the_training_set():
    table = utterances(3)
    splits = speaker_splits(table)
    assert [split.name for split in splits] == ["B -> A", "A -> B"]
    for split in splits:
        trained, tested = ({table[row].speaker for row in rows} for rows in (split.train, split.test))
        assert not trained & tested
        assert len(split.train) + len(split.test) == len(table)


def test_more_than_two_speakers_leave_out_one():
    assert [split.name for split in speaker_splits(utterances(2, speakers=("A", "B", "C")))] == [
        "others -> A",
        "others -> B",
        "others -> C",
    ]


def test_recordings_of_unknown_speakers_are_not_used():
    table = utterances(2, speakers=("A", "B", ""))
    for split in speaker_splits(table):
        assert all(table[row].speaker for row in [*split.train, *split.test])


def test_namesakes_of_two_corpora_are_two_speakers():
    table = [replace(u, corpus=corpus) for corpus in ("x", "y") for u in utterances(2, speakers=("1",))]
    assert [(split.name, len(split.train)) for split in speaker_splits(table)] == [("y:1 -> x:1", 6), ("x:1 -> y:1", 6)]


def test_unknown_speakers_cannot_be_left_out():
    assert speaker_splits(utterances(3, speakers=("",))) == []
    assert speaker_splits(utterances(3, speakers=("A",))) == []


def test_too_few_recordings():
    with pytest.raises(CorpusError, match="only one recording of happy, sad, fear"):
        random_split(utterances(1, speakers=("A",)))
    with pytest.raises(CorpusError, match="too few"):
        random_split(utterances(2, speakers=("A",), emotions=tuple("abcdefgh"))[:4] + utterances(1, emotions=("z",)))


def test_figures_by_hand():
    labels = ("a", "b", "c")
    actual = label_numbers(["a", "a", "a", "b"], labels)
    predicted = label_numbers(["a", "a", "b", "b"], labels)
    matrix = confusion_matrix(actual, predicted, 3)
    assert matrix.tolist() == [[2, 1, 0], [0, 1, 0], [0, 0, 0]]
    assert accuracy(matrix) == 0.75
    assert uar(matrix) == pytest.approx((2 / 3 + 1) / 2)


def test_speaker_number_i_of_each_corpus_is_in_fold_i_modulo_5():
    names = {"b": "gfedcba", "a": "zy"}
    some = [Utterance(Path(), name, "", "sad", corpus) for corpus, own in names.items() for name in own]
    assert folds(some).tolist() == [1, 0, 4, 3, 2, 1, 0, 1, 0]
