"""A robot that reacts to the tone of a voice: python examples/robot.py FILE..."""

import sys

from emotion_edge import AudioError, EmotionClassifier

REPLIES = {
    "happy": "You sound cheerful!",
    "sad": "Shall I play something nice?",
    "angry": "I will give you some room.",
    "fear": "Is everything all right?",
    "neutral": "I am listening.",
}

classifier = EmotionClassifier()
for path in sys.argv[1:]:
    try:
        prediction = classifier.classify(path)
    except AudioError as error:
        sys.exit(str(error))
    if prediction.status == "ok" and prediction.label is not None:
        print(f"{path}: {REPLIES[prediction.label]}")
    else:  # no speech, or the model is unsure: a robot that waits is better than one that guesses
        print(f"{path}: ({prediction})")
