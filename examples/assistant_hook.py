"""Adds the tone of a voice to the prompt of an assistant that has a command both as sound and as text:

python examples/assistant_hook.py FILE "turn the music down"
"""

import sys

from emotion_edge import AudioError, EmotionClassifier, Prediction

MANNERS = {
    "happy": "The user sounds cheerful: be light.",
    "sad": "The user sounds sad: be warm, and brief.",
    "angry": "The user sounds angry: be calm, say sorry once, do not joke.",
    "fear": "The user sounds afraid: be reassuring, and ask whether help is needed.",
}


def manner(prediction: Prediction) -> str:
    """How the assistant should answer; empty if the prediction is uncertain or neutral."""
    if prediction.status != "ok" or prediction.label is None:
        return ""
    return MANNERS.get(prediction.label, "")


def prompt(prediction: Prediction, words: str) -> str:
    """The prompt for the language model: how to answer, if known, and what the user said."""
    return "\n".join(line for line in (manner(prediction), f"User: {words}") if line)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        print(prompt(EmotionClassifier().classify(sys.argv[1]), sys.argv[2]))
    except AudioError as error:
        sys.exit(str(error))
