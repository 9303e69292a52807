"""Fuzzes one target for a long time: python tests/fuzz/campaign.py TARGET --engine atheris --cases 100000.

Prints one JSON object with the number of cases. A finding ends the run with its traceback; its input is in --findings.
"""

from __future__ import annotations

import argparse
import atexit
import json
import logging
import os
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random


def main() -> None:
    """Fuzz the target in the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target")
    parser.add_argument("--engine", choices=["atheris", "hypothesis"], default="atheris")
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--findings", type=Path, default=Path("findings"))
    options = parser.parse_args()
    options.findings.mkdir(parents=True, exist_ok=True)
    logging.disable()
    {"atheris": with_atheris, "hypothesis": with_hypothesis}[options.engine](options)


def with_atheris(options: argparse.Namespace) -> None:
    """Fuzz guided by coverage. A third of the cases start from a good file; half of the changes know the format."""
    import atheris

    with atheris.instrument_imports(include=["emotion_edge"]):
        import targets
    target = targets.TARGETS[options.target]
    seeds = target.seeds()
    counted = _Counted(options, target.run)

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        random = Random(seed)
        if not data or not random.randrange(3):
            data = random.choice(seeds)
        changed = target.mutate(data, random) if random.randrange(2) else atheris.Mutate(data, len(data) + 64)
        return changed[:max_size]

    corpus = options.findings / f"corpus-{options.target}"
    corpus.mkdir(exist_ok=True)
    for number, seed in enumerate(seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    arguments = [f"-atheris_runs={options.cases}", f"-seed={options.seed}", "-max_len=65536", "-timeout=1000000"]
    arguments += ["-rss_limit_mb=0", "-print_final_stats=0", "-verbosity=0"]
    arguments += [f"-artifact_prefix={options.findings}/{options.target}-", str(corpus)]
    atheris.Setup([sys.argv[0], *arguments], counted, custom_mutator=mutate)
    with targets.limited():
        atheris.Fuzz()


def with_hypothesis(options: argparse.Namespace) -> None:
    """Fuzz with changed good files."""
    import hypothesis
    import targets
    from strategies import cases

    counted = _Counted(options, targets.TARGETS[options.target].run)
    settings = hypothesis.settings(
        max_examples=options.cases,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate],
    )

    @hypothesis.seed(options.seed)
    @settings
    @hypothesis.given(cases(options.target))
    def campaign(data: bytes) -> None:
        counted(data)

    with targets.limited():
        campaign()


class _Counted:
    """A target that counts accepted and refused cases, and prints the counts when the process ends."""

    def __init__(self, options: argparse.Namespace, run: Callable[[bytes], None]) -> None:
        from targets import accepts

        self._options, self._run, self._accepts = options, run, accepts
        self._counts: Counter[str] = Counter()
        self._began_s = time.process_time()
        atexit.register(self._report)

    def __call__(self, data: bytes) -> None:
        try:
            self._counts["accepted" if self._accepts(self._run, data) else "refused"] += 1
        except BaseException:
            self._counts["findings"] += 1
            (self._options.findings / f"{self._options.target}-finding-{os.getpid()}").write_bytes(data)
            raise

    def _report(self) -> None:
        report = {
            "target": self._options.target,
            "engine": self._options.engine,
            "cases": self._counts.total(),
            "accepted": self._counts["accepted"],
            "refused": self._counts["refused"],
            "findings": self._counts["findings"],
            "cpu_s": round(time.process_time() - self._began_s, 1),
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
        }
        print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
