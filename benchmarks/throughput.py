"""Measures how fast an archive is classified, compared with librosa and Keras, and with only reading the files.

    pip install . -r benchmarks/requirements.txt && python benchmarks/throughput.py [FOLDER] [--files N] [--rounds N]

FOLDER contains recordings; the default is TESS under EMOTION_EDGE_CORPORA. They are measured in their own format, and
as WAV copies. Prints a table and writes benchmarks/throughput.json. Everything has one thread and has loaded its
models before, except for the command, which is a whole process with its start. A machine may be noisy, so all take
turns, each figure is the median of the rounds, and CPU time is more reliable than elapsed time.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import lru_cache, partial
from multiprocessing import get_context
from operator import truediv
from pathlib import Path
from statistics import median

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}

import peers
import soundfile

HERE = Path(__file__).parent
SUFFIXES = (".wav", ".flac")


def reading(files, rate, *, keep_memory=False):
    """What every method must do: decode and resample, with one call each of soundfile and soxr."""
    import numpy as np
    import soundfile
    import soxr

    if keep_memory:
        np.empty(1 << 22, np.uint8)  # see emotion_edge/features/mfcc.py
    for file in files:
        samples, own_rate = soundfile.read(file, dtype="float32")
        soxr.resample(samples, own_rate, rate)


def ours(files, model):
    """emotion-edge, in a program that has loaded the model."""
    return [None if each.prediction is None else each.prediction.label for each in classified(model)(files)]


@lru_cache
def classified(model):
    from emotion_edge.batch.classify import file_results
    from emotion_edge.classifier import EmotionClassifier

    classifier = EmotionClassifier(model)
    return lambda files: [
        result for file in files for result in file_results(file, lambda path: [classifier.classify(path)])
    ]


def librosa_and_keras(files, directly):
    """The method of the study, one file at a time."""
    answer = librosa_keras(directly=directly)
    return [answer(file) for file in files]


librosa_keras = lru_cache(peers.librosa_keras)


def librosa_and_keras_at_once(files, _):
    """The method of the study, with one call of the network for all files."""
    import numpy as np

    logits = np.asarray(network()(np.stack([peers.averaged_mfcc(file) for file in files])))
    return [peers.LABELS[best] for best in logits.argmax(axis=1)]


network = lru_cache(peers.network)


def librosa_and_voice_keras(files, _):
    """The network of five-emotions, one file at a time."""
    answer = librosa_voice_keras()
    return [answer(file) for file in files]


librosa_voice_keras = lru_cache(peers.librosa_voice_keras)


def librosa_and_voice_keras_at_once(files, at_once):
    """The network of five-emotions, with one call of it for many files, which are padded with silence."""
    import numpy as np

    encoder, head = voice_networks()
    rows = []
    for first in range(0, len(files), at_once):
        decibels = [peers.log_mel(file) for file in files[first : first + at_once]]
        padded = np.full((len(decibels), max(map(len, decibels)), 80), -0.7, np.float32)  # the quietest that there is
        for row, each in zip(padded, decibels, strict=True):
            row[: len(each)] = peers.as_input(each)
        rows += [peers.pooled(*each) for each in zip(np.asarray(encoder(padded)), decibels, strict=True)]
    return [peers.LABELS[best] for best in np.asarray(head(np.stack(rows))).argmax(axis=1)]


voice_networks = lru_cache(peers.voice_networks)


# Name to function, argument, and stride: one of how many files is used. Slow methods get fewer files.
CONTENDERS = {
    "reading, 22050 Hz": (reading, 22050, 4),
    "reading, 16000 Hz": (reading, 16000, 4),
    "reading, 22050 Hz, memory kept": (partial(reading, keep_memory=True), 22050, 4),
    "reading, 16000 Hz, memory kept": (partial(reading, keep_memory=True), 16000, 4),
    "librosa + Keras, predict()": (librosa_and_keras, False, 16),
    "librosa + Keras, model(x)": (librosa_and_keras, True, 8),
    "librosa + Keras, one call for all": (librosa_and_keras_at_once, None, 8),
    "librosa + Keras, five-emotions, model(x)": (librosa_and_voice_keras, None, 16),
    "librosa + Keras, five-emotions, one call for 64": (librosa_and_voice_keras_at_once, 64, 8),
    "emotion-edge, tess-mlp": (ours, "tess-mlp", 4),
    "emotion-edge, five-emotions": (ours, "five-emotions", 4),
}
RATES_HZ = {"tess-mlp": 22050, "five-emotions": 16000}


def quiet():
    """Silence TensorFlow, which ignores its own settings; failures come back as exceptions."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def timed(work, files, argument):
    """Runs in its own process: answers, CPU time and elapsed time."""
    cpu_s, began = time.process_time(), time.perf_counter()
    answers = work(files, argument)
    return answers, time.process_time() - cpu_s, time.perf_counter() - began


def command(files, model, jobs, folder):
    """`emotion-edge classify` from start to end: CPU time of all its processes, and elapsed time."""
    listed, out = folder / "list", folder / "out.jsonl"
    listed.write_text("\n".join(files))
    out.unlink(missing_ok=True)
    words = ["-m", "emotion_edge", "classify", "--model", model, "--jobs", jobs, "--files-from", listed, "-o", out]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, *map(str, words)], check=True, stderr=subprocess.DEVNULL)
    took_s, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert out.read_text().count("\n") == len(files)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, took_s


def measure(files, rounds, folder, mean_s, *, quick):
    """The times of all, as medians of the rounds, and ratios within rounds; `quick` leaves out the slowest."""
    contenders = {name: each for name, each in CONTENDERS.items() if not (quick and "predict" in name)}
    cpu_ms, took_ms, labels = {}, {}, {}

    def note(name, n, cpu_s, took_s):
        cpu_ms.setdefault(name, []).append(1000 * cpu_s / n)
        took_ms.setdefault(name, []).append(1000 * took_s / n)

    with ExitStack() as stack:
        processes = {
            name: stack.enter_context(ProcessPoolExecutor(1, get_context("spawn"), quiet)) for name in contenders
        }
        for name, (work, argument, _) in contenders.items():
            processes[name].submit(timed, work, files[:20], argument).result()  # imports, models, caches
        for _ in range(rounds):
            for name, (work, argument, stride) in contenders.items():
                some = files[::stride]
                answers, cpu_s, took_s = processes[name].submit(timed, work, some, argument).result()
                note(name, len(some), cpu_s, took_s)
                labels[name] = dict(zip(some, answers or (), strict=False))
            for model in RATES_HZ:
                for jobs in (1, 2):
                    note(f"classify --jobs {jobs}, {model}", len(files), *command(files, model, jobs, folder))
    return {
        "ways": {name: figures(median(cpu_ms[name]), median(took_ms[name]), mean_s) for name in cpu_ms},
        "cpu_ratios": {model: ratios(model, rate_hz, cpu_ms) for model, rate_hz in RATES_HZ.items()},
        "agreement": {
            model: agreement(labels[f"emotion-edge, {model}"], labels[f"librosa + Keras, {peer}"])
            for model, peer in (("tess-mlp", "model(x)"), ("five-emotions", "five-emotions, one call for 64"))
        },
    }


def figures(cpu_ms, took_ms, mean_s):
    return {
        "cpu_ms_per_file": round(cpu_ms, 3),
        "files_per_s": round(1000 / took_ms),
        "hours_of_sound_per_hour": round(1000 / took_ms * mean_s),
        "hours_of_sound_per_cpu_hour": round(1000 / cpu_ms * mean_s),
    }


def ratios(model, rate_hz, cpu_ms):
    """Ratios to reading alone, and of each peer to emotion-edge; each ratio is within one round."""
    own = cpu_ms[f"emotion-edge, {model}"]
    readings = [name for name in cpu_ms if f"reading, {rate_hz}" in name]
    others = [name for name in RATES_HZ if name != model]
    peers = [name for name in cpu_ms if "librosa" in name and not any(each in name for each in others)]
    pairs = {f"it / {name}": (own, cpu_ms[name]) for name in readings}
    pairs |= {f"{name} / it": (cpu_ms[name], own) for name in peers}
    return {name: round(median(map(truediv, *each)), 2) for name, each in pairs.items()}


def agreement(answers, peers):
    """The share of files with the same answer of both, among those in which speech is found."""
    same = [answers[file] == label for file, label in peers.items() if answers[file] is not None]
    return {"files": len(peers), "no speech": len(peers) - len(same), "same": round(sum(same) / max(1, len(same)), 4)}


def as_wav(files, folder):
    """Copies with 16 bits, the format that is cheapest to decode."""
    copies = []
    for number, file in enumerate(files):
        samples, rate = soundfile.read(file, dtype="int16")
        copies.append(str(folder / f"{number}.wav"))
        soundfile.write(copies[-1], samples, rate)
    return copies


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    corpora = os.environ.get("EMOTION_EDGE_CORPORA")
    parser.add_argument("folder", nargs="?", type=Path, default=corpora and Path(corpora, "tess"))
    parser.add_argument("--files", type=int, default=3000, help="the largest number of recordings to use")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if options.folder is None:
        parser.error("got no FOLDER: name a folder of recordings, or set EMOTION_EDGE_CORPORA")
    found = sorted(str(path) for path in options.folder.rglob("*") if path.suffix in SUFFIXES)
    files = found[:: -(-len(found) // options.files) or 1]
    mean_s = sum(info.frames / info.samplerate for info in map(soundfile.info, files)) / len(files)
    result = {
        "machine": f"{platform.machine()}, Python {platform.python_version()}, {os.cpu_count()} cores",
        "recordings": {"folder": options.folder.name, "files": len(files), "mean_s": round(mean_s, 2)},
    }
    with tempfile.TemporaryDirectory() as folder:
        result["as they are"] = measure(files, options.rounds, Path(folder), mean_s, quick=False)
        result["WAV"] = measure(as_wav(files, Path(folder)), options.rounds, Path(folder), mean_s, quick=True)
    show(result)
    (HERE / "throughput.json").write_text(json.dumps(result, indent=1) + "\n")


def show(result):
    print(result["machine"], result["recordings"])
    for kind in ("as they are", "WAV"):
        print(f"\n{'':48} {'':>11} {'':>9} {'hours of sound':>16}")
        print(f"{kind:48} {'CPU ms/file':>11} {'files/s':>9} {'per hour':>9} {'per hour of CPU':>16}")
        for name, those in result[kind]["ways"].items():
            print("{:48} {:11.2f} {:9} {:9} {:16}".format(name, *those.values()))
        for model, those in result[kind]["cpu_ratios"].items():
            for name, ratio in those.items():
                print(f"CPU, {model + ':':16} {name:52} {ratio:6.2f}")


if __name__ == "__main__":
    main()
