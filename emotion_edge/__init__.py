"""Speech emotion recognition for small devices."""

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .batch import FileResult as FileResult
    from .batch import classify_many as classify_many
    from .classifier import EmotionClassifier as EmotionClassifier
    from .classifier import classify as classify
    from .errors import AudioError as AudioError
    from .errors import BatchError as BatchError
    from .errors import EmotionEdgeError as EmotionEdgeError
    from .errors import InterpreterError as InterpreterError
    from .errors import MicrophoneError as MicrophoneError
    from .errors import ModelError as ModelError
    from .errors import ProfileError as ProfileError
    from .errors import SettingsError as SettingsError
    from .events import Event as Event
    from .listener import Listener as Listener
    from .prediction import Prediction as Prediction
    from .profile import VoiceProfile as VoiceProfile
    from .settings import ListenSettings as ListenSettings
    from .stream import EmotionStream as EmotionStream
else:  # the same, each when it is first asked for: a program loads what it uses, and the command line sets numpy up before
    _PLACES = {
        "batch": ("FileResult", "classify_many"),
        "classifier": ("EmotionClassifier", "classify"),
        "errors": (
            "AudioError",
            "BatchError",
            "EmotionEdgeError",
            "InterpreterError",
            "MicrophoneError",
            "ModelError",
            "ProfileError",
            "SettingsError",
        ),
        "events": ("Event",),
        "listener": ("Listener",),
        "prediction": ("Prediction",),
        "profile": ("VoiceProfile",),
        "settings": ("ListenSettings",),
        "stream": ("EmotionStream",),
    }

    __all__ = [name for names in _PLACES.values() for name in names]

    def __getattr__(name):
        from importlib import import_module

        for module, names in _PLACES.items():
            if name in names:
                globals()[name] = value = getattr(import_module(f".{module}", __name__), name)
                return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__():
        return sorted({*globals(), *__all__})
