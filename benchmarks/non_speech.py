"""Measures how often the live loop calls noise an emotion: events per hour of sounds in which nobody speaks.

    python benchmarks/non_speech.py --gates FOLDS NOISE...

NOISE are folders of recordings without speech. FOLDS contains fold-1.tflite to fold-5.tflite, which
`emotion-edge-converter speech-gate --folds FOLDS --noise NOISE ...` writes. Each recording is judged by the gate that
did not learn it, because the shipped gate has learnt all of them. Prints a table and writes
benchmarks/non_speech.json.
"""

import argparse
import json
from collections import Counter
from pathlib import Path

from emotion_edge_converter.features.speech_windows import N_FOLDS, noise_recordings
from tqdm import tqdm

import emotion_edge.classifier
from emotion_edge import EmotionClassifier, EmotionStream, ListenSettings
from emotion_edge.audio.files import open_sound

THRESHOLDS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


def entered_events(file, threshold, classifier):
    """The length of a recording in seconds, and its `enter` events."""
    with open_sound(file, block_s=0.5) as sound:
        stream = EmotionStream(sound.sample_rate_hz, classifier, settings=ListenSettings(speech_above=threshold))
        events = [event for block in sound.blocks for event in stream.process(block)] + stream.finish()
        return stream.heard_s, [event for event in events if event.kind == "enter"]


def verdicts(recordings, gates, threshold):
    """The verdicts that pass one threshold."""
    classifier, seconds, emotional, uncertain = EmotionClassifier(), 0.0, [], 0
    for recording in tqdm(recordings, desc=f"p > {threshold}", unit="file", disable=None, leave=False):
        vars(emotion_edge.classifier)["speech_gate"] = lambda gate=gates[recording.fold]: gate
        length_s, entered = entered_events(recording.file, threshold, classifier)
        seconds += length_s
        emotional += [f"{recording.group}, {recording.file.name}" for event in entered if event.status == "ok"]
        uncertain += sum(event.status == "uncertain" for event in entered)
    return {
        "speech_above": threshold,
        "hours": round(seconds / 3600, 3),
        "emotional_verdicts": len(emotional),
        "emotional_verdicts_per_hour": round(len(emotional) / seconds * 3600, 1),
        "uncertain_verdicts": uncertain,
        "of": dict(Counter(emotional)) if len(emotional) < 20 else {},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gates", type=Path, required=True, metavar="FOLDS")
    parser.add_argument("noise", nargs="+", type=Path, metavar="NOISE")
    options = parser.parse_args()
    gates = [EmotionClassifier(options.gates / f"fold-{number + 1}.tflite") for number in range(N_FOLDS)]
    recordings = [recording for folder in options.noise for recording in noise_recordings(folder)]
    results = [verdicts(recordings, gates, threshold) for threshold in THRESHOLDS]
    for result in results:
        print(
            f"speech above {result['speech_above']:4}: {result['emotional_verdicts']:3} emotional verdicts in "
            f"{result['hours']:.2f} h = {result['emotional_verdicts_per_hour']:5.1f} per hour, "
            f"{result['uncertain_verdicts']} uncertain  {', '.join(result['of'])}"
        )
    (Path(__file__).parent / "non_speech.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
