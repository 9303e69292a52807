"""`emotion-edge classify`: print the emotion of each audio file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

from ..audio.files import Source
from ..batch.classify import CHUNKSIZE, FileResult, classify_many, file_results
from ..classifier import EmotionClassifier
from ..prediction import Prediction
from ..timelines import timeline
from .arguments import add_model, add_profile, add_windows, number
from .inputs import STDIN, Inputs, add_inputs
from .learning import Learning
from .output import Output, add_output, opened
from .progress import Progress
from .running import show_log


def register(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "classify",
        help="print the emotion of each audio file",
        description="Print the emotion of each audio file, one line per file. For a large archive, use: classify "
        "-r FOLDER --jobs 4 -o results.jsonl. If it is interrupted, run the same command again with --resume.",
    )
    add_inputs(parser)
    add_model(parser)
    add_profile(parser)
    add_output(parser)
    parser.add_argument(
        "-j",
        "--jobs",
        type=number(1, 1024, whole=True),
        default=1,
        metavar="N",
        help="number of processes that share the work (default: %(default)s); with more than one, answers come in the "
        "order in which they are ready",
    )
    parser.add_argument("-k", "--keep-order", action="store_true", help="keep the order of the files, also with --jobs")
    windows = parser.add_argument_group("windows")
    windows.add_argument(
        "--timeline",
        action="store_true",
        help="classify windows over each file instead of the whole file: one line per window",
    )
    add_windows(windows)
    parser.set_defaults(run=run, usage_error=parser.error)


def run(options: argparse.Namespace) -> int:
    """Classify all files. Return 1 if a file failed, now or in an earlier run, or if the profile was not saved."""
    _check(options)
    inputs = Inputs(options)
    on_terminal = options.output is None and sys.stdout.isatty()
    with Learning(options) as learning, Progress(shown=not on_terminal) as progress:
        classifier = EmotionClassifier(options.model, profile=learning.profile)
        with opened(options, classifier.recipe, progress) as output, _stop_reported(output, progress):
            progress.start(sum(1 for _ in inputs) if progress.visible and inputs.repeatable else None)
            with closing(_results(classifier, _new(inputs, output, progress), options)) as results:
                _write(results, output, progress, learning, several=options.timeline)
            output.finish()
    _report(options, inputs, progress)
    return 1 if progress.failed or progress.failed_before or learning.failed else 0


def _check(options: argparse.Namespace) -> None:
    """Report wrong combinations of options, which argparse does not detect."""
    wrong = [
        (not options.files and options.files_from is None, "the following arguments are required: FILE"),
        (options.null and options.files_from is None, "--null needs --files-from"),
        (options.resume and options.output is None, "--resume needs --output: the file to resume"),
        (
            options.json and options.output is not None,
            "--json is for standard output: with --output, the suffix of the file name chooses the format",
        ),
        (
            options.jobs > 1 and options.profile is not None,
            "--profile learns from one file after another: it cannot be used with --jobs",
        ),
        (
            options.jobs > 1 and STDIN in options.files,
            "sound from standard input needs a single process: it cannot be used with --jobs",
        ),
        (
            options.files_from == STDIN and STDIN in options.files,
            "standard input cannot be both sound and a list of files",
        ),
        (not options.timeline and (options.window or options.step), "--window and --step need --timeline"),
    ]
    for is_wrong, message in wrong:
        if is_wrong:
            options.usage_error(message)


def _new(inputs: Inputs, output: Output, progress: Progress) -> Iterator[str]:
    """The files that have no answer yet."""
    for path in inputs:
        if output.done is None:
            yield path
        elif path in output.done:
            progress.skip(failed=output.done.failed(path))
        else:
            output.done.add(path)
            yield path


def _results(
    classifier: EmotionClassifier, paths: Iterator[str], options: argparse.Namespace
) -> Generator[FileResult, None, None]:
    """Classify in this process, or in several. Closing the generator also ends the processes that it started."""
    windows = None
    if options.timeline:
        windows = {"window_s": options.window, "step_s": options.step}
    if options.jobs == 1:
        answers = partial(_learn_from, classifier) if windows is None else partial(_over_time, classifier, windows)
        for path in paths:
            yield from file_results(path, lambda path: answers(sys.stdin.buffer if path == STDIN else path))
        return
    from ..batch.processes import run_in_processes
    from ..batch.timelines import timeline_many

    many = classify_many if windows is None else partial(timeline_many, **windows)
    work = partial(many, model=options.model, keep_order=options.keep_order)
    yield from run_in_processes(
        work, paths, options.jobs, chunksize=CHUNKSIZE if windows is None else 1, start_log=_start_log
    )


def _start_log(level: int) -> None:
    """Start the log in a worker process."""
    show_log("emotion-edge", "emotion_edge", level)


def _over_time(classifier: EmotionClassifier, windows: dict[str, float | None], source: Source) -> Iterator[Prediction]:
    return timeline(source, classifier, **windows)


def _learn_from(classifier: EmotionClassifier, source: Source) -> list[Prediction]:
    return [classifier.classify(source, learn=True)]


def _write(
    results: Iterable[FileResult], output: Output, progress: Progress, learning: Learning, *, several: bool
) -> None:
    latest = None
    for result in results:
        output.write(result)
        learning.save_some()
        if not several or result.path != latest:  # otherwise it is one more window of the same file
            progress.count()
        if result.error is not None:
            progress.fail()
        latest = result.path


@contextmanager
def _stop_reported(output: Output, progress: Progress) -> Iterator[None]:
    try:
        yield
    except BaseException:
        if output.file is not None and progress.done:
            progress.print(
                f"stopped after {_files(progress.done)}: {output.file} holds the answers, --resume continues from there"
            )
        raise


def _report(options: argparse.Namespace, inputs: Inputs, progress: Progress) -> None:
    """Print a summary, and hints about files that were not classified."""
    if options.output is not None:
        before = f", {progress.skipped} already in it" if progress.skipped else ""
        before += f", of which {progress.failed_before} failed" if progress.failed_before else ""
        print(f"{_files(progress.done)}, {progress.failed} failed{before}: {options.output}", file=sys.stderr)
    if options.files and not (progress.done or progress.skipped):
        print("no audio files found", file=sys.stderr)
    if inputs.skipped_folder:
        print("add --recursive to classify all audio files in a folder and its subfolders", file=sys.stderr)
    if inputs.left_out:
        kinds = ", ".join(f"{n} {suffix or 'without a suffix'}" for suffix, n in inputs.left_out.most_common(5))
        print(f"skipped files without the suffix of an audio file: {kinds}", file=sys.stderr)


def _files(n: int) -> str:
    return f"{n} file" if n == 1 else f"{n} files"
