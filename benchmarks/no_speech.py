"""Measures how often `classify` answers no speech: for speech, as recorded and disturbed, and for other sounds.

    python benchmarks/no_speech.py --gates FOLDS --rooms DIR --speech NAME=DIR ... --noise DIR ...

FOLDS contains fold-1.tflite to fold-5.tflite, which `emotion-edge-converter speech-gate --folds FOLDS ...` writes
from the same folders. Each recording is judged by the gate that learnt neither its speaker nor its noise. The gates
may have learnt the noises and rooms that disturb the speech. Prints shares and writes benchmarks/no_speech.json.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from emotion_edge_converter.features.speech_windows import N_FOLDS, noise_recordings, speech_recordings
from emotion_edge_converter.recordings import conditions
from tqdm import tqdm

from emotion_edge import EmotionClassifier
from emotion_edge.audio.files import read_blocks
from emotion_edge.model.network import Network
from emotion_edge.speech.gate import ClipSpeech

RATE = EmotionClassifier().sample_rate_hz
RECORDINGS = 150  # per corpus
CLIP_S = 5
LONGEST_S = 60  # of a noise recording
CONDITIONS = ("as recorded", "noise, 20 dB", "noise, 10 dB", "noise, 5 dB", "room", "telephone")


def is_speech(blocks, gate):
    """Whether the gate finds speech in a clip."""
    clip = ClipSpeech(RATE, gate)
    for block in blocks:
        clip.process(block)
    return clip.finish()


def rejected(specification, gates, disturbed):
    """The share of recordings of a corpus that is called no speech, in percent, by condition."""
    random = np.random.default_rng(0)
    verdicts = {name: [] for name in CONDITIONS}
    for recording in tqdm(speech_recordings(specification, RECORDINGS, random), desc=specification, disable=None):
        assert recording.file is not None
        blocks = list(read_blocks(recording.file, sample_rate_hz=RATE))
        for name, clip in disturbed.of(blocks, random):
            if name in verdicts:
                verdicts[name].append(is_speech(clip, gates[recording.fold]))
    return {name: round(100 * (1 - float(np.mean(each))), 1) for name, each in verdicts.items()}


def let_through(folder, gates):
    """The number of noise clips, at most 5 s each, and of those mistaken for speech, by class of noise."""
    clips = {}
    for recording in tqdm(noise_recordings(folder), desc=folder.name, disable=None):
        assert recording.file is not None
        samples = np.concatenate(list(read_blocks(recording.file, sample_rate_hz=RATE)))[: LONGEST_S * RATE]
        counts = clips.setdefault(recording.group, {"clips": 0, "taken for speech": 0})
        for first in range(0, max(1, len(samples) - CLIP_S * RATE + 1), CLIP_S * RATE):
            counts["clips"] += 1
            counts["taken for speech"] += is_speech([samples[first : first + CLIP_S * RATE]], gates[recording.fold])
    return clips


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gates", type=Path, required=True, metavar="FOLDS")
    parser.add_argument("--rooms", type=Path, required=True, metavar="DIR")
    parser.add_argument("--speech", nargs="+", required=True, metavar="NAME=DIR")
    parser.add_argument("--noise", nargs="+", type=Path, required=True, metavar="DIR")
    options = parser.parse_args()
    gates = [Network(options.gates / f"fold-{number + 1}.tflite") for number in range(N_FOLDS)]
    disturbed = conditions.read(RATE, options.noise, options.rooms)
    speech = {each.partition("=")[0]: rejected(each, gates, disturbed) for each in options.speech}
    speech["mean"] = {
        name: round(float(np.mean([shares[name] for shares in speech.values()])), 1) for name in CONDITIONS
    }
    noise = {name: counts for folder in options.noise for name, counts in let_through(folder, gates).items()}
    for name, shares in speech.items():
        print(f"{name:10}", *(f"{condition} {share:.1f} %  " for condition, share in shares.items()))
    for name, counts in noise.items():
        print(f"{name:25} {counts['taken for speech']:3} of {counts['clips']} taken for speech")
    result = {"speech called no speech, percent": speech, "other sounds": noise}
    (Path(__file__).parent / "no_speech.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
