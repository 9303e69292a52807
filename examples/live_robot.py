"""A robot that listens, and answers when the tone of a voice changes: python examples/live_robot.py [FILE]"""

import sys

from emotion_edge import EmotionEdgeError, Event, FileSource, Listener

REPLIES = {
    "happy": "You sound cheerful!",
    "sad": "Shall I play something nice?",
    "angry": "I will give you some room.",
    "fear": "Is everything all right?",
    "neutral": "I am listening.",
}


def answer(event: Event) -> None:
    """Called with every event, in its own thread, so it may be slow."""
    if event.kind == "enter" and event.label is not None:  # None: somebody speaks, but the model is unsure
        print(REPLIES.get(event.label, "I see."), flush=True)
    elif event.kind == "leave":
        print(f"({event.label or 'uncertain'} for {event.end_s - event.start_s:.1f} s)", flush=True)


source = FileSource(sys.argv[1]) if len(sys.argv) > 1 else None  # None: the default microphone
try:
    listener = Listener(source=source, on_event=answer).start()
except EmotionEdgeError as error:
    sys.exit(str(error))
try:
    listener.wait()  # or anything else that the robot does
except KeyboardInterrupt:
    listener.stop()
