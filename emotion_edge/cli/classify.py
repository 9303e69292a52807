"""`emotion-edge classify`: files in, one answer a line out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

from ..audio.files import Source
from ..batch.classify import CHUNKSIZE, FileResult, classify_many, results_of
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
        help="say which emotion each file carries",
        description="Say which emotion each audio file carries, one line a file. Of an archive: "
        "classify -r FOLDER --jobs 4 -o results.jsonl, and the same with --resume after whatever stopped it.",
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
        help="processes that share the work (default: %(default)s); answers come as they are made",
    )
    parser.add_argument("-k", "--keep-order", action="store_true", help="nevertheless in the order of the files")
    windows = parser.add_argument_group("windows")
    windows.add_argument("--timeline", action="store_true", help="answer about windows of each file: a line a window")
    add_windows(windows)
    parser.set_defaults(run=run, usage_error=parser.error)


def run(options: argparse.Namespace) -> int:
    """Answer every file that can be answered; 1 if some could not, now or before, or the profile not be saved."""
    _check(options)
    inputs = Inputs(options)
    on_terminal = options.output is None and sys.stdout.isatty()
    with Learning(options) as learning, Progress(shown=not on_terminal) as progress:
        classifier = EmotionClassifier(options.model, profile=learning.profile)
        with opened(options, classifier.recipe, progress) as output, _stop_told(output, progress):
            progress.start(sum(1 for _ in inputs) if progress.visible and inputs.repeatable else None)
            with closing(_results(classifier, _new(inputs, output, progress), options)) as results:
                _take(results, output, progress, learning, several=options.timeline)
            output.finish()
    _tell(options, inputs, progress)
    return 1 if progress.failed or progress.failed_before or learning.failed else 0


def _check(options: argparse.Namespace) -> None:
    """Usage that argparse cannot know to be wrong."""
    wrong = [
        (not options.files and options.files_from is None, "the following arguments are required: FILE"),
        (options.null and options.files_from is None, "--null is about the list of --files-from"),
        (options.resume and options.output is None, "--resume goes on with the file of --output"),
        (options.json and options.output is not None, "--json is for standard output; --output goes by the suffix"),
        (options.jobs > 1 and options.profile is not None, "--profile learns from one file after another: no --jobs"),
        (options.jobs > 1 and STDIN in options.files, "sound from standard input is for one process: no --jobs"),
        (options.files_from == STDIN and STDIN in options.files, "standard input is either sound or a list of files"),
        (not options.timeline and (options.window or options.step), "--window and --step are about --timeline"),
    ]
    for is_wrong, message in wrong:
        if is_wrong:
            options.usage_error(message)


def _new(inputs: Inputs, output: Output, progress: Progress) -> Iterator[str]:
    """The files that are not answered yet."""
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
    """Here, or in processes; each is closed with everything that it started."""
    windows = None
    if options.timeline:
        windows = {"window_s": options.window, "step_s": options.step}
    if options.jobs == 1:
        answers = partial(_learn_from, classifier) if windows is None else partial(_over_time, classifier, windows)
        for path in paths:
            yield from results_of(path, lambda path: answers(sys.stdin.buffer if path == STDIN else path))
        return
    from ..batch.processes import shared
    from ..batch.timelines import timeline_many

    many = classify_many if windows is None else partial(timeline_many, **windows)
    work = partial(many, model=options.model, keep_order=options.keep_order)
    yield from shared(work, paths, options.jobs, chunksize=CHUNKSIZE if windows is None else 1, start_log=_start_log)


def _start_log(level: int) -> None:
    """In a worker."""
    show_log("emotion-edge", "emotion_edge", level)


def _over_time(classifier: EmotionClassifier, windows: dict[str, float | None], source: Source) -> Iterator[Prediction]:
    return timeline(source, classifier, **windows)


def _learn_from(classifier: EmotionClassifier, source: Source) -> list[Prediction]:
    return [classifier.classify(source, learn=True)]


def _take(
    results: Iterable[FileResult], output: Output, progress: Progress, learning: Learning, *, several: bool
) -> None:
    latest = None
    for result in results:
        output.write(result)
        learning.save_some()
        if not several or result.path != latest:  # else one more window of the same file
            progress.count()
        if result.error is not None:
            progress.fail()
        latest = result.path


@contextmanager
def _stop_told(output: Output, progress: Progress) -> Iterator[None]:
    try:
        yield
    except BaseException:
        if output.file is not None and progress.done:
            progress.say(f"stopped after {_files(progress.done)}: {output.file} has them, --resume goes on with it")
        raise


def _tell(options: argparse.Namespace, inputs: Inputs, progress: Progress) -> None:
    """What the lines do not say."""
    if options.output is not None:
        before = f", {progress.skipped} already in it" if progress.skipped else ""
        before += f", of which {progress.failed_before} failed" if progress.failed_before else ""
        print(f"{_files(progress.done)}, {progress.failed} failed{before}: {options.output}", file=sys.stderr)
    if options.files and not (progress.done or progress.skipped):
        print("there is no sound in what was named", file=sys.stderr)
    if inputs.passed_by:
        print("of a folder, --recursive takes all sound in it and in its folders", file=sys.stderr)
    if inputs.left_out:
        kinds = ", ".join(f"{n} {suffix or 'without a suffix'}" for suffix, n in inputs.left_out.most_common(5))
        print(f"left out in folders, for their names end in no sound that is read here: {kinds}", file=sys.stderr)


def _files(n: int) -> str:
    return f"{n} file" if n == 1 else f"{n} files"
