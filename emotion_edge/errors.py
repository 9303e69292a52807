"""The errors of this package. Each message says what was found, what was expected, and how to fix it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final


class EmotionEdgeError(Exception):
    """The base class of all errors that this package raises on purpose.

    Examples:
        >>> from emotion_edge import EmotionEdgeError, classify
        >>> try:
        ...     classify("missing.wav")
        ... except EmotionEdgeError as error:
        ...     print(type(error).__name__, error, sep=": ")
        AudioError: missing.wav: no such file
    """


class AudioError(EmotionEdgeError):
    """The sound cannot be used: it is missing, damaged, empty, not audio, or has samples that are not finite.

    Examples:
        >>> from emotion_edge import AudioError, classify
        >>> try:
        ...     classify("missing.wav")
        ... except AudioError as error:
        ...     print(error)
        missing.wav: no such file
    """


class ModelError(EmotionEdgeError):
    """The model file or its recipe cannot be used: it is missing, damaged, inconsistent, or has a newer format.

    Examples:
        >>> from emotion_edge import EmotionClassifier, ModelError
        >>> try:
        ...     EmotionClassifier("mine.tflite")
        ... except ModelError as error:
        ...     print(error)  # doctest: +ELLIPSIS
        mine.tflite: no such file; the shipped models are five-emotions, ...
    """


class ProfileError(EmotionEdgeError):
    """The voice profile cannot be used: it is missing, damaged, made with another model, or cannot be written.

    Examples:
        >>> from emotion_edge import ProfileError, VoiceProfile
        >>> try:
        ...     VoiceProfile.load("anna.json")
        ... except ProfileError as error:
        ...     print(error)
        there is no voice profile anna.json
    """


class MicrophoneError(EmotionEdgeError):
    """There is no microphone, it cannot be opened, or it stopped delivering sound.

    Examples:
        >>> from emotion_edge import MicrophoneError, MicrophoneSource
        >>> try:
        ...     MicrophoneSource("no such device").open()
        ... except MicrophoneError as error:
        ...     print("cannot listen:", error)  # doctest: +ELLIPSIS
        cannot listen: ...
    """


class MqttError(EmotionEdgeError):
    """The MQTT broker cannot be used with these settings.

    The reason is its address, a password, a certificate, or a missing package.

    Examples:
        >>> from emotion_edge import MqttError
        >>> from emotion_edge.mqtt.broker import Broker
        >>> try:
        ...     Broker.parse("mqtt://broker.local:0")
        ... except MqttError as error:
        ...     print(error)
        the port of the MQTT broker: got 0, wanted 1 to 65535
    """


class InterpreterError(EmotionEdgeError):
    """No TFLite interpreter works on this machine, or the one that was asked for does not.

    Examples:
        >>> from emotion_edge import EmotionClassifier, InterpreterError
        >>> try:
        ...     EmotionClassifier(interpreter="torch")
        ... except InterpreterError as error:
        ...     print(error)
        unknown interpreter 'torch': known are ai-edge-litert, tflite-runtime, numpy
    """


class SettingsError(EmotionEdgeError, ValueError):
    """A setting is out of its range, or contradicts another one.

    Examples:
        >>> from emotion_edge import ListenSettings, SettingsError
        >>> try:
        ...     ListenSettings(window_s=100)
        ... except SettingsError as error:
        ...     print(error)
        window_s: got 100, wanted a number, 0.2 to 60
    """


class ServerError(EmotionEdgeError):
    """The web server cannot start.

    A package is missing, the address is in use, or the server would be reachable without protection.

    Examples:
        >>> from emotion_edge import ServerError
        >>> from emotion_edge.web.server import listen
        >>> try:
        ...     listen("192.0.2.1", 8000)
        ... except ServerError as error:
        ...     print(error)  # doctest: +ELLIPSIS
        cannot listen on 192.0.2.1, port 8000: ...
    """


class BatchError(EmotionEdgeError):
    """A batch cannot continue because a worker process died.

    Attributes:
        paths: the files that were already handed to a worker and have no result. All other results were yielded before.

    Examples:
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> from emotion_edge import BatchError, classify_many
        >>> pool = ThreadPoolExecutor()
        >>> pool.shutdown()
        >>> try:
        ...     list(classify_many(["hello.wav"], executor=pool))
        ... except BatchError as error:
        ...     print(error.paths, error)  # doctest: +ELLIPSIS
        ('hello.wav',) ...
    """

    def __init__(self, message: str, paths: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.paths: Final = tuple(paths)


class ResultsError(EmotionEdgeError):
    """The results file cannot be written, resumed or created. What it already contains is kept.

    Examples:
        >>> from pathlib import Path
        >>> from emotion_edge import ResultsError
        >>> from emotion_edge.batch.appended_file import AppendedFile
        >>> try:
        ...     AppendedFile(Path("hello.wav"), resume=False)
        ... except ResultsError as error:
        ...     print(error)  # doctest: +ELLIPSIS
        hello.wav already exists: ...
    """
