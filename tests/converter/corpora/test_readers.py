"""Reading corpora into tables."""

from __future__ import annotations

import csv
import io
import logging

import pytest
from emotion_edge_converter.corpora import readers, tess
from emotion_edge_converter.corpora.readers import EMOTIONS
from emotion_edge_converter.errors import CorpusError


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def rows(utterances):
    return [(utterance.speaker, utterance.word, utterance.emotion) for utterance in utterances]


def test_tess_names_in_any_folders(tmp_path):
    touch(
        tmp_path,
        "OAF_angry/OAF_back_angry.wav",
        "YAF_pleasant_surprised/YAF_youth_ps.flac",
        "OAF_Pleasant_surprise/OAF_bar_pleasant_surprise.WAV",
        "YAF_fear/yaf_home_FEAR.flac",
        "OAF_neutral/OA_bite_neutral.wav",
        "OAF_neutral/read me.txt",
    )
    assert rows(readers.read([f"tess={tmp_path}"])) == [
        ("OAF", "back", "angry"),
        ("OAF", "bar", "surprise"),
        ("OAF", "bite", "neutral"),
        ("YAF", "home", "fear"),
        ("YAF", "youth", "surprise"),
    ]


def test_tess_warns_of_each_skipped_file(tmp_path, caplog):
    touch(
        tmp_path,
        "OAF_back_angry.wav",
        "XAF_back_angry.wav",
        "OAF_back_bored.wav",
        "song.wav",
        "again/OAF_back_angry.flac",
    )
    with caplog.at_level(logging.WARNING):
        found = tess.read(tmp_path)
    assert len(found) == 1
    assert sorted(message.split(str(tmp_path) + "/")[1].split(" ")[0] for message in caplog.messages) == [
        "OAF_back_bored.wav",
        "XAF_back_angry.wav",
        "again/OAF_back_angry.flac",
        "song.wav",
    ]
    assert sum("is not named speaker_word_emotion: skipped" in message for message in caplog.messages) == 3
    assert sum("is a copy of" in message for message in caplog.messages) == 1


def test_the_order_does_not_depend_on_the_folders(tmp_path):
    touch(tmp_path / "a", "z/OAF_back_angry.wav", "y/YAF_back_angry.wav", "x/OAF_bar_sad.wav")
    touch(tmp_path / "b", "OAF_back_angry.flac", "YAF_back_angry.flac", "OAF_bar_sad.flac")
    assert rows(readers.read([f"tess={tmp_path / 'a'}"])) == rows(readers.read([f"tess={tmp_path / 'b'}"]))


def test_folders_name_labels_and_those_below_them_speakers(tmp_path, caplog):
    touch(
        tmp_path, "calm/1.wav", "calm/anna/2.mp3", "Über froh/3.ogg", "loose.wav", "calm/.hidden.wav", "calm/notes.txt"
    )
    assert rows(readers.read([f"folders={tmp_path}"])) == [
        ("", "1", "calm"),
        ("", "3", "Über froh"),
        ("anna", "2", "calm"),
    ]
    assert "loose.wav is not in the folder of a label" in caplog.text


def test_a_table_is_written_and_read_again(tmp_path):
    touch(tmp_path / "tess", "OAF_back_angry.wav", "YAF_bar_sad.wav")
    utterances = readers.read([f"tess={tmp_path / 'tess'}"])
    text = io.StringIO()
    readers.write(utterances, text)
    assert next(csv.reader(io.StringIO(text.getvalue()))) == ["file", "speaker", "word", "emotion", "corpus", "sex"]
    (tmp_path / "table.csv").write_text(text.getvalue())
    assert readers.read([f"csv={tmp_path / 'table.csv'}"]) == utterances


def test_a_file_of_two_corpora_counts_once(tmp_path, caplog):
    touch(tmp_path / "tess", "OAF_back_angry.wav", "YAF_bar_sad.wav")
    found = readers.read([f"tess={tmp_path / 'tess'}", f"tess={tmp_path / 'tess' / '..' / 'tess'}"])
    assert len(found) == 2
    assert caplog.text.count("is given twice") == 2


def test_csv_from_a_spreadsheet(tmp_path):
    (tmp_path / "table.csv").write_text(
        "\ufefffile,speaker,word,emotion,corpus\r\na.wav,,,calm,mine\r\nb.wav,,,cross,mine\r\n"
    )
    found = readers.read([f"csv={tmp_path / 'table.csv'}"])
    assert rows(found) == [("", "", "calm"), ("", "", "cross")]
    assert readers.with_emotions(found, None)[1] == ("calm", "cross")


@pytest.mark.parametrize(
    ("specification", "message"),
    [
        ("tess", "got 'tess', wanted NAME=PATH"),
        ("iemocap=.", "no corpus 'iemocap': the known ones are tess, ravdess, .*, folders, csv"),
        ("tess=missing", "tess: no such folder or file: missing"),
        ("tess=.", "holds no recordings of this corpus"),
        ("csv=no.csv", "has no column file"),
        ("csv=bytes.csv", "cannot be read as CSV"),
        ("csv=short.csv", "short.csv, line 2 names no file"),
    ],
)
def test_corpora_that_cannot_be_read(tmp_path, monkeypatch, specification, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "no.csv").write_text("a,b\n1,2\n")
    (tmp_path / "short.csv").write_text("speaker,word,emotion,corpus,file\nA\n")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(CorpusError, match=message):
        readers.read([specification])


def test_the_five_emotions_or_the_requested_ones(tmp_path):
    touch(tmp_path / "tess", *(f"OAF_back_{emotion}.wav" for emotion in (*EMOTIONS, "disgust", "ps")))
    touch(tmp_path / "own", "calm/1.wav", "happy/2.wav")
    both = readers.read([f"tess={tmp_path / 'tess'}", f"folders={tmp_path / 'own'}"])
    assert readers.with_emotions(both, None)[1] == ("angry", "calm", "fear", "happy", "neutral", "sad")
    kept, labels = readers.with_emotions(both, ["disgust", "happy"])
    assert (len(kept), labels) == (3, ("disgust", "happy"))
    with pytest.raises(CorpusError, match="no recordings of bored: the corpora hold angry, calm, disgust"):
        readers.with_emotions(both, ["bored", "calm"])
    with pytest.raises(CorpusError, match="got the labels calm, wanted two or more"):
        readers.with_emotions(both, ["calm"])


def test_the_real_tess(tess):
    utterances = readers.read([f"tess={tess}"])
    assert len(utterances) == 2798
    assert {utterance.speaker for utterance in utterances} == {"OAF", "YAF"}
    kept, labels = readers.with_emotions(utterances, None)
    assert (len(kept), labels) == (1998, EMOTIONS)
