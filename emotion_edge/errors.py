"""What can go wrong, in words for the person who has to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final


class EmotionEdgeError(Exception):
    """The base of every error that this package raises on purpose."""


class AudioError(EmotionEdgeError):
    """The sound cannot be used: missing, damaged, empty, not audio, or not finite numbers."""


class ModelError(EmotionEdgeError):
    """The model file or its recipe cannot be used: missing, damaged, from a newer format, or inconsistent."""


class ProfileError(EmotionEdgeError):
    """The voice profile cannot be used: missing, damaged, of another model, or not to be written."""


class MicrophoneError(EmotionEdgeError):
    """There is no microphone, it cannot be opened, or it went away."""


class MqttError(EmotionEdgeError):
    """The MQTT broker cannot be used as it was asked for: its address, a password, a certificate, or a missing package."""


class InterpreterError(EmotionEdgeError):
    """No TFLite interpreter can be constructed on this machine."""


class SettingsError(EmotionEdgeError, ValueError):
    """A setting is out of its range, or contradicts another."""


class ServerError(EmotionEdgeError):
    """The web server cannot start: a package is missing, the address is taken, or nothing would protect it."""


class BatchError(EmotionEdgeError):
    """A batch cannot go on: whoever did the work is gone.

    Attributes:
        paths: the files that had been handed out and have no answer. What has one was yielded before.
    """

    def __init__(self, message: str, paths: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.paths: Final = tuple(paths)


class ResultsError(EmotionEdgeError):
    """The file of results cannot be written, gone on with, or made at all; what is in it stays."""
