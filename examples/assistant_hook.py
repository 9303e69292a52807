"""What an assistant may put before its prompt once it has a command as sound and as text:

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
    """How to answer. Nothing is made of an uncertain answer, nor of a neutral one."""
    if prediction.status != "ok" or prediction.label is None:
        return ""
    return MANNERS.get(prediction.label, "")


def prompt(prediction: Prediction, words: str) -> str:
    """What goes to the language model: a manner in which to answer, if there is one, and what was said."""
    return "\n".join(part for part in (manner(prediction), f"User: {words}") if part)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        print(prompt(EmotionClassifier().classify(sys.argv[1]), sys.argv[2]))
    except AudioError as error:
        sys.exit(str(error))
