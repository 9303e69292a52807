"""A lamp that follows the mood: an RGB LED at the pins 17, 27 and 22: python examples/lamp.py [FILE]

On a Raspberry Pi: pip install gpiozero lgpio. Without one, GPIOZERO_PIN_FACTORY=mock GPIOZERO_MOCK_PIN_CLASS=mockpwmpin.
"""

import sys

from gpiozero import RGBLED

from emotion_edge import EmotionEdgeError, Event, Listener
from emotion_edge.live.sources import FileSource

COLOURS = {
    "happy": (1.0, 0.7, 0.0),
    "sad": (0.0, 0.2, 1.0),
    "angry": (1.0, 0.0, 0.0),
    "fear": (0.6, 0.0, 1.0),
    "neutral": (0.3, 0.3, 0.3),
}

lamp = RGBLED(red=17, green=27, blue=22)


def follow(event: Event) -> None:
    """Called with every event: a colour when a label is entered, dark when it is left or nothing is sure."""
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
