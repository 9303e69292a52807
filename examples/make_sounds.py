"""Makes the sounds in examples/sounds with espeak-ng: one sentence with different prosody, and a silence.

A synthesiser has no feelings, and no model of this project was trained on one. The sounds show that everything runs,
not that an answer is right. Needs espeak-ng (on Debian: sudo apt install espeak-ng).
"""

import subprocess
import wave
from pathlib import Path

SENTENCE = "Hello, it is so nice to see you"
VOICES = {
    "hello": ["-v", "en-gb", "-p", "80", "-s", "220"],
    "hello-high": ["-v", "en-us+f3", "-p", "65", "-s", "180"],
    "hello-slow": ["-v", "en-us", "-p", "20", "-s", "100"],
}


def main() -> None:
    """Write the files."""
    folder = Path(__file__).parent / "sounds"
    folder.mkdir(exist_ok=True)
    for name, prosody in VOICES.items():
        subprocess.run(["espeak-ng", *prosody, "-w", folder / f"{name}.wav", SENTENCE], check=True)
    with wave.open(str(folder / "silence.wav"), "wb") as silence:
        silence.setparams((1, 2, 16000, 0, "NONE", ""))
        silence.writeframes(bytes(2 * 16000))


if __name__ == "__main__":
    main()
