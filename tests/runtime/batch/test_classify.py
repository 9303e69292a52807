"""Classification of many files with any executor."""

from __future__ import annotations

import itertools
import os
import pickle
import signal
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from sounds import spoken, write

from emotion_edge import AudioError, BatchError, EmotionClassifier, FileResult, ModelError, classify_many
from models import write_constant

pytestmark = pytest.mark.usefixtures("as_a_fresh_process")


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Paths of sentences, an empty file and a missing file."""
    folder = tmp_path_factory.mktemp("clips")
    paths = [str(write(folder / f"{n}.wav", spoken(n % 3)[: 8000 + 1000 * n], 22050)) for n in range(12)]
    (folder / "empty.wav").touch()
    return [*paths[:5], str(folder / "empty.wav"), *paths[5:], str(folder / "missing.wav")]


@pytest.fixture(scope="module")
def expected(clips):
    classifier = EmotionClassifier()

    def result(path):
        try:
            return FileResult(path, classifier.classify(path), None)
        except AudioError as error:
            return FileResult(path, None, str(error))

    return [result(path) for path in clips]


@pytest.fixture(scope="module", params=["here", "threads", "processes"])
def executor(request):
    if request.param == "here":
        yield None
        return
    pool = ThreadPoolExecutor(2) if request.param == "threads" else ProcessPoolExecutor(2, get_context("spawn"))
    with pool:
        yield pool


@pytest.mark.parametrize(("chunksize", "buffersize"), [(1, 1), (1, 5), (3, 2), (100, 1)])
def test_every_executor_gives_the_same_results(executor, clips, expected, chunksize, buffersize):
    sizes = {"chunksize": chunksize, "buffersize": buffersize}
    results = classify_many(iter(clips), executor=executor, **sizes)
    assert sorted(results, key=lambda result: clips.index(result.path)) == expected
    assert list(classify_many(clips, executor=executor, keep_order=True, **sizes)) == expected


def test_a_file_given_twice_has_two_results(clips, expected):
    assert list(classify_many([clips[0], clips[0]])) == [expected[0]] * 2


def test_results_as_plain_data(clips, expected):
    good, bad = expected[0], expected[5]
    assert good.to_dict() == {"path": clips[0], **good.prediction.to_dict()}
    assert bad.to_dict() == {"path": clips[5], "error": f"{clips[5]} is empty (0 bytes)"}
    assert pickle.loads(pickle.dumps(expected)) == expected


def test_a_single_path_and_a_wrong_executor_are_refused(clips):
    """A string is iterable: each letter of a single path would be a missing file."""
    for wrong in (clips[0], os.fsencode(clips[0]), Path(clips[0])):
        with pytest.raises(TypeError, match=r"paths: got .*0\.wav.*, wanted a list of paths: try \["):
            classify_many(wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"executor: got 3, wanted a concurrent\.futures\.Executor, or None"):
        classify_many(clips, executor=3)  # type: ignore[arg-type]


def test_the_number_of_submitted_tasks_is_limited(clips):
    read = []
    endless = (read.append(path) or path for path in itertools.cycle(clips))
    with ThreadPoolExecutor(2) as pool:
        results: Any = classify_many(endless, executor=pool, chunksize=3, buffersize=4)
        for n_results in range(1, 50):
            next(results)
            assert len(read) - n_results < 3 * 4
        results.close()


def test_a_killed_worker():
    """The finished results are yielded, and the error has the paths of the others."""
    read = []
    endless = (read.append(path) or path for path in map("missing-{}.wav".format, itertools.count()))
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        results: Any = classify_many(endless, executor=pool, chunksize=2, buffersize=6)
        answered = [next(results).path for _ in range(20)]
        os.kill(next(iter(pool._processes)), signal.SIGKILL)
        with pytest.raises(BatchError, match=r"a worker was lost .* have no result") as caught:
            answered.extend(result.path for result in results)
    assert sorted(answered + list(caught.value.paths)) == sorted(read)
    assert caught.value.paths


def test_an_executor_that_was_shut_down(clips):
    pool = ThreadPoolExecutor(1)
    results = classify_many(clips, executor=pool, chunksize=1, buffersize=2)
    answered = [next(results).path]
    pool.shutdown()
    with pytest.raises(BatchError, match="cannot schedule new futures after shutdown") as caught:
        answered.extend(result.path for result in results)
    submitted = [*answered, *caught.value.paths]  # two or three: that depends on how fast the thread was
    assert len(submitted) >= 2
    assert sorted(submitted) == sorted(clips[: len(submitted)])


def test_a_model_that_cannot_be_used_is_reported_at_once(executor, clips):
    with pytest.raises(ModelError, match="unknown model 'nonsense'"):
        list(classify_many(clips, model="nonsense", executor=executor))


def test_an_unexpected_error_is_a_result(clips, monkeypatch):
    def classify(self, path):
        if path == clips[1]:
            raise MemoryError("too long")
        return original(self, path)

    original = EmotionClassifier.classify
    monkeypatch.setattr(EmotionClassifier, "classify", classify)
    first, second, third = classify_many(clips[:3])
    assert first.error is third.error is None
    assert second == FileResult(clips[1], None, f"{clips[1]}: MemoryError: too long")


def test_workers_load_a_model_file_again_when_it_has_changed(clips, tmp_path):
    with ThreadPoolExecutor(1) as pool:
        for label in ("angry", "happy"):
            model = write_constant(tmp_path / "model.tflite", label)
            (result,) = classify_many(clips[:1], model=model, executor=pool)
            assert result.prediction.label == label


@pytest.mark.parametrize("sizes", [{"chunksize": 0}, {"buffersize": 0}])
def test_sizes_below_one_are_refused(clips, sizes):
    with pytest.raises(ValueError, match="wanted 1 or more"):
        classify_many(clips, **sizes)
