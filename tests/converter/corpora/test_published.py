"""RAVDESS, EmoDB, nEMO and ASED: file names, duplicates and sums."""

from __future__ import annotations

import io
import logging
import os
from collections import Counter
from pathlib import Path

import pytest
from emotion_edge_converter.cli.main import main
from emotion_edge_converter.corpora import readers
from emotion_edge_converter.corpora.readers import EMOTIONS, READERS
from emotion_edge_converter.corpora.summary import summary
from emotion_edge_converter.errors import CorpusError
from sounds import tone, write

NEMO_TABLE = (
    "file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage\n"
    'WR0_anger_3.wav\tanger\tChodźmy w "tango.\tchodźmy w tango\t        WR0\tmale\t23\n'
    "EB0_fear_12.wav\tfear\tMój teść zawsze służy radą.\tmój teść zawsze służy radą\t        EB0\tfemale\t27\n"
)
EXAMPLES = {"ravdess": "03-01-01-01-01-01-01", "emodb": "03a01Fa", "nemo": "WR0_anger_3", "ased": "a5-03-01-02-50"}


def fill(folder, *names, content=None):
    """Write files that hold their own names, or all the same content."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content or name)


def rows(utterances):
    return [(utterance.speaker, utterance.word, utterance.emotion, utterance.sex) for utterance in utterances]


def test_ravdess(tmp_path):
    fill(tmp_path, *(f"Actor_09/03-01-0{emotion}-01-01-02-09.wav" for emotion in range(1, 9)))
    fill(tmp_path, "anywhere/03-01-05-02-02-01-24.FLAC")
    found = readers.read([f"ravdess={tmp_path}"])
    emotions = ["angry", "calm", "disgust", "fear", "happy", "neutral", "sad", "surprise"]
    assert rows(found) == [
        *(("09", "Kids are talking by the door", emotion, "male") for emotion in emotions),
        ("24", "Dogs are sitting by the door", "angry", "female"),
    ]
    assert {utterance.corpus for utterance in found} == {"ravdess"}
    by_number = {utterance.file.name[6:8]: utterance.emotion for utterance in found if utterance.speaker == "09"}
    numbered = ["neutral", "calm", "happy", "sad", "angry", "fear", "disgust", "surprise"]
    assert by_number == {f"0{number}": emotion for number, emotion in enumerate(numbered, 1)}


def test_emodb(tmp_path):
    fill(tmp_path, *(f"wav/03a01{letter}a.wav" for letter in "WLEAFTN"), "16B10tB.wav")
    found = readers.read([f"emodb={tmp_path}"])
    assert {(u.file.name[5], u.emotion) for u in found if u.speaker == "03"} == {
        ("W", "angry"),
        ("L", "boredom"),
        ("E", "disgust"),
        ("A", "fear"),
        ("F", "happy"),
        ("T", "sad"),
        ("N", "neutral"),
    }
    assert rows(found)[0] == ("03", "a01", "angry", "male")
    assert rows(found)[-1] == ("16", "b10", "sad", "female")


NEMO_NAMES = ("WR0_anger_3.wav", "EB0_surprised_3.wav", "EB0_sadness_12.wav", "EB0_happiness_90.wav")


@pytest.mark.parametrize("given", [".", "samples"])
def test_nemo_with_its_table_inside_or_above(tmp_path, given, caplog):
    fill(tmp_path / "samples", *NEMO_NAMES)
    (tmp_path / "data.tsv").write_text(NEMO_TABLE, encoding="utf-8")
    assert rows(readers.read([f"nemo={tmp_path / given}"])) == [
        ("EB0", "90", "happy", "female"),
        ("EB0", 'Chodźmy w "tango.', "surprise", "female"),
        ("EB0", "Mój teść zawsze służy radą.", "sad", "female"),
        ("WR0", 'Chodźmy w "tango.', "angry", "male"),
    ]
    assert not caplog.messages


def test_nemo_without_its_table(tmp_path, caplog):
    fill(tmp_path / "nemo" / "samples", *NEMO_NAMES)
    assert rows(readers.read([f"nemo={tmp_path / 'nemo'}"]))[-1] == ("WR0", "3", "angry", "")
    assert "has no data.tsv: the sentences' text and the speakers' sex are not known" in caplog.text


@pytest.mark.parametrize(
    "table", [b"a\tb\n1\t2\n", b"file_id\traw_text\tspeaker_id\tgender\nWR0_anger_3.wav\n", b"\xff"]
)
def test_nemo_with_another_table(tmp_path, table):
    fill(tmp_path, *NEMO_NAMES)
    (tmp_path / "data.tsv").write_bytes(table)
    with pytest.raises(CorpusError, match=r"data\.tsv cannot be read: wanted columns file_id, raw_text"):
        readers.read([f"nemo={tmp_path}"])


def test_ased(tmp_path, caplog):
    fill(
        tmp_path,
        "05Angry/a5-03-01-02-50.wav",
        "02Fearful/f2-02-01-02-25.wav",  # the name says male
        "02Fearful/f2-02-02-01-25.wav",
        "04Sad/S4-04-02-01-29.wav",
        "01Neutral/n1-01-01-01-48.wav",
        "03Happy/h3-07-02-02-02.wav",
    )
    assert rows(readers.read([f"ased={tmp_path}"])) == [
        ("02", "h3-07", "happy", "male"),
        ("25", "f2-02", "fear", "female"),
        ("25", "f2-02", "fear", "female"),
        ("29", "s4-04", "sad", "female"),
        ("48", "n1-01", "neutral", "female"),
        ("50", "a5-03", "angry", "male"),
    ]
    assert [message.split("/")[-1] for message in caplog.messages] == [
        "f2-02-01-02-25.wav says male, but speaker 25 is female: used female"
    ]


@pytest.mark.parametrize(
    ("corpus", "others"),
    [
        # the sound of a video; song; a ninth emotion; a third statement; a 25th actor; one number missing
        (
            "ravdess",
            "01-01-01-01-01-01-01 03-02-01-01-01-01-01 03-01-09-01-01-01-01 03-01-01-01-03-01-01 03-01-01-01-01-01-25 "
            "03-01-01-01-01-01",
        ),
        # an eleventh speaker; a text and an emotion that do not exist; no version
        ("emodb", "07a01Fa 03a03Fa 03a01Xa 03a01F"),
        ("nemo", "WR0_calm_3 WR_anger_3 WR0_anger_003 anger_3"),
        # letter and number contradict each other; an eighth sentence; a third sex; speakers 00 and 66
        ("ased", "a2-03-01-02-50 a5-08-01-02-50 a5-03-01-03-50 a5-03-01-02-00 a5-03-01-02-66"),
    ],
)
def test_a_warning_names_each_file_with_another_name(tmp_path, caplog, corpus, others):
    names = [f"{name}.wav" for name in others.split()]
    fill(tmp_path, *names, f"{EXAMPLES[corpus]}.wav", "notes.txt")
    (tmp_path / "data.tsv").write_text(NEMO_TABLE, encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        assert len(READERS[corpus](tmp_path)) == 1
    assert sorted(message.split("/")[-1].split(" ")[0] for message in caplog.messages) == sorted(names)
    assert all(" is not named " in message and message.endswith(": skipped") for message in caplog.messages)


@pytest.mark.parametrize("corpus", EXAMPLES)
def test_a_second_copy_of_the_folders_counts_once(tmp_path, caplog, corpus):
    fill(tmp_path, f"a/{EXAMPLES[corpus]}.wav", f"b/a/{EXAMPLES[corpus].swapcase()}.flac")
    (tmp_path / "data.tsv").write_text(NEMO_TABLE, encoding="utf-8")
    assert [utterance.file.parent.name for utterance in READERS[corpus](tmp_path)] == ["a"]
    assert len(caplog.messages) == 1
    assert "is a copy of" in caplog.text


def test_of_bit_identical_recordings_one_is_kept(tmp_path, caplog):
    takes = [f"Actor_07/03-01-03-01-02-0{take}-07.wav" for take in (1, 2)]
    fill(tmp_path, *takes, content="the same sound")
    fill(tmp_path, "Actor_07/03-01-03-01-01-01-07.wav", content="not at all the")  # of the same size
    found = READERS["ravdess"](tmp_path)
    assert [utterance.file.name[9:] for utterance in found] == ["01-01-01-07.wav", "01-02-01-07.wav"]
    (message,) = caplog.messages
    assert message == f"{tmp_path / takes[0]} is bit-identical to {tmp_path / takes[1]}: kept one"


@pytest.mark.parametrize("other", ["s4-03-01-02-50", "a5-03-01-02-51"])
def test_one_sound_under_two_labels_or_speakers_is_not_kept(tmp_path, caplog, other):
    fill(tmp_path, "a5-03-01-02-50.wav", f"{other}.wav", content="the same sound")
    fill(tmp_path, "a5-04-01-02-50.wav")
    assert [utterance.word for utterance in READERS["ased"](tmp_path)] == ["a5-04"]
    assert "kept none, because their names differ in speaker or emotion" in caplog.text


def test_files_of_different_sizes_are_not_opened(tmp_path, monkeypatch):
    fill(tmp_path, "a5-03-01-02-50.wav", content="short")
    fill(tmp_path, "a5-04-01-02-50.wav", content="longer")
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail(f"{self} was opened"))
    assert len(READERS["ased"](tmp_path)) == 2


def test_published_corpora_keep_five_emotions_by_default(tmp_path):
    fill(tmp_path, *(f"03-01-0{emotion}-01-01-01-01.wav" for emotion in range(1, 9)))
    kept, labels = readers.with_emotions(readers.read([f"ravdess={tmp_path}"]), None)
    assert (len(kept), labels) == (5, EMOTIONS)


def test_csv_with_and_without_sex(tmp_path):
    fill(tmp_path / "ravdess", "03-01-01-01-01-01-01.wav", "03-01-01-01-01-01-02.wav")
    utterances = readers.read([f"ravdess={tmp_path / 'ravdess'}"])
    text = io.StringIO()
    readers.write(utterances, text)
    table = tmp_path / "table.csv"
    table.write_text(text.getvalue())
    assert readers.read([f"csv={table}"]) == utterances
    table.write_text("\n".join(line.rpartition(",")[0] for line in text.getvalue().splitlines()))
    assert [(u.speaker, u.sex) for u in readers.read([f"csv={table}"])] == [("01", ""), ("02", "")]
    table.write_text(text.getvalue().replace(",female", ",f"))
    with pytest.raises(
        CorpusError, match=r"table\.csv, line 3 has the sex 'f': wanted female or male, or an empty cell"
    ):
        readers.read([f"csv={table}"])


def test_the_summary_of_corpora(tmp_path, capsys, caplog):
    for number, name in enumerate(("01-01-01-01-01", "03-01-01-01-01", "03-01-01-02-01", "02-01-01-01-02")):
        write(tmp_path / "ravdess" / f"03-01-{name}.wav", tone(100 + number, rate=8000, seconds=3), 8000)
    for number, name in enumerate(("bored/1.wav", "bored/anna/2.wav", "angry/anna/3.wav")):
        write(tmp_path / "own" / name, tone(200 + number, rate=8000, seconds=3), 8000)
    (tmp_path / "own" / "angry" / "broken.wav").write_text("no sound")
    arguments = ["metadata", "--summary", "--corpus", f"ravdess={tmp_path / 'ravdess'}"]
    assert main([*arguments, "--corpus", f"folders={tmp_path / 'own'}"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "corpus   files  speakers  female  male  unknown  minutes  angry  happy  neutral  bored  calm",
        "folders      4         1       0     0        1      0.1      2      0        0      2     0",
        "ravdess      4         2       1     1        0      0.2      0      2        1      0     1",
        "all          8         3       1     1        1      0.3      2      2        1      2     1",
    ]
    assert "broken.wav adds no minutes" in caplog.text
    assert main([*arguments, "-o", str(tmp_path / "table.txt")]) == 0
    assert capsys.readouterr().out == ""
    assert [line.split()[0] for line in (tmp_path / "table.txt").read_text().splitlines()] == ["corpus", "ravdess"]


REAL = {
    # files, counts of the five emotions; speakers, women; minutes; dropped copies, files with the wrong sex
    "ravdess": (1439, (192, 192, 191, 96, 192), 24, 12, 88.8, 1, 0),
    "emodb": (535, (127, 69, 71, 79, 62), 10, 5, 24.8, 0, 0),
    "nemo": (4481, (749, 736, 749, 809, 769), 9, 4, 184.4, 0, 0),
    "ased": (2470, (485, 510, 485, 521, 469), 65, 25, 126.1, 4, 5),
}


@pytest.mark.parametrize("corpus", REAL)
def test_the_real_ones(corpus, caplog):
    root = os.environ.get("EMOTION_EDGE_CORPORA")
    if not root:
        pytest.skip(f"EMOTION_EDGE_CORPORA is not set: it names the folder that holds {corpus}/")
    if not (Path(root) / corpus).is_dir():
        pytest.skip(f"EMOTION_EDGE_CORPORA is set, but {root} does not hold {corpus}/")
    files, labels, speakers, women, minutes, copies, wrong_sexes = REAL[corpus]
    utterances = readers.read([f"{corpus}={Path(root) / corpus}"])
    assert len(utterances) == files
    counts = Counter(utterance.emotion for utterance in utterances)
    assert tuple(counts[emotion] for emotion in EMOTIONS) == labels
    sexes = {utterance.speaker: utterance.sex for utterance in utterances}
    assert (len(sexes), Counter(sexes.values())) == (speakers, {"female": women, "male": speakers - women})
    assert len({(utterance.speaker, utterance.sex) for utterance in utterances}) == speakers
    assert all(utterance.word for utterance in utterances)
    assert len(caplog.messages) == copies + wrong_sexes
    assert sum("kept one" in message for message in caplog.messages) == copies
    assert float(summary(utterances).splitlines()[1].split()[6]) == minutes
