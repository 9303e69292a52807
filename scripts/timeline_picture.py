"""Draws docs/timeline.png: the answers of the default model about a talk between synthesised voices, with pauses.

A synthesiser has no feelings: the picture shows what a timeline looks like, not that it is right. Needs espeak-ng (on
Debian: sudo apt install espeak-ng) and matplotlib.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import wave
from pathlib import Path

import numpy as np

from emotion_edge.cli.main import main

PICTURE = Path(__file__).parents[1] / "docs" / "timeline.png"

# Voice, pitch, words per minute, text, and the pause after it in seconds.
TALK = [
    ("en-gb", 50, 170, "Good morning. Shall we begin? There is a lot to talk about today.", 3.0),
    ("en-us+f3", 95, 170, "Oh, it is so nice to see you! I have been waiting for this all week long.", 0.8),
    ("en-us+m7", 10, 260, "The train was late again, and then the bus was late, but here we are at last!", 5.5),
    ("en-us+croak", 30, 110, "I lost my keys, and it rained all the way home.", 2.0),
    ("en-us+f3", 50, 120, "Did you look under the table? They are always under the table!", 4.0),
    ("en-us+croak", 10, 100, "No. They are gone. I do not know what to do now.", 7.0),
    ("en-gb", 50, 190, "Here they are, in the coat. Everything is where it should be.", 1.0),
    ("en-us+m7", 50, 270, "What a day! Let us have some tea, and then let us go through the list together.", 4.0),
    ("en-us+f3", 50, 150, "Leave that on the table, I told you! And close the door, please.", 0.8),
    ("en-gb", 40, 150, "Very well. That is all for today. Thank you, and good bye.", 2.5),
]


def write_talk(path: Path) -> None:
    """Write the talk as a mono WAV file, with very quiet noise in the pauses."""
    sounds, rate = [], 22050
    noise = np.random.default_rng(0)
    for voice, pitch, speed, text, pause_s in TALK:
        command = ["espeak-ng", "-v", voice, "-p", str(pitch), "-s", str(speed), "-w", str(path), text]
        subprocess.run(command, check=True)
        with wave.open(str(path), "rb") as spoken:
            rate = spoken.getframerate()
            sounds.append(np.frombuffer(spoken.readframes(spoken.getnframes()), "<i2"))
        sounds.append(noise.normal(0, 3, round(pause_s * rate)).astype("<i2"))
    with wave.open(str(path), "wb") as talk:
        talk.setparams((1, 2, rate, 0, "NONE", ""))
        talk.writeframes(np.concatenate(sounds).tobytes())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "talk.wav"
        write_talk(recording)
        sys.exit(main(["timeline", str(recording), "-o", str(PICTURE)]))
