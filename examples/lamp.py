"""A lamp that follows the mood, with an RGB LED at pins 17, 27 and 22: python examples/lamp.py [FILE]

On a Raspberry Pi: pip install gpiozero lgpio. On other machines set GPIOZERO_PIN_FACTORY=mock and
GPIOZERO_MOCK_PIN_CLASS=mockpwmpin.
"""

import sys

from gpiozero import RGBLED

from emotion_edge import EmotionEdgeError, Event, FileSource, Listener

COLOURS = {
    "happy": (1.0, 0.7, 0.0),
    "sad": (0.0, 0.2, 1.0),
    "angry": (1.0, 0.0, 0.0),
    "fear": (0.6, 0.0, 1.0),
    "neutral": (0.3, 0.3, 0.3),
}

lamp = RGBLED(red=17, green=27, blue=22)


def follow(event: Event) -> None:
    """Called with every event: shows a colour when a label is entered, dark when it is left or the model is unsure."""
    if event.kind == "enter" and event.label is not None:
        lamp.color = COLOURS.get(event.label, (1.0, 1.0, 1.0))
    elif event.kind != "hold":
        lamp.off()


source = FileSource(sys.argv[1]) if len(sys.argv) > 1 else None  # None: the default microphone
try:
    with Listener(source=source, on_event=follow) as listener:
        listener.wait()
except EmotionEdgeError as error:
    sys.exit(str(error))
except KeyboardInterrupt:
    pass
