# What is stable, written once: __init__.py reads this file, as do type checkers.
from .batch.classify import FileResult as FileResult
from .batch.classify import classify_many as classify_many
from .classifier import EmotionClassifier as EmotionClassifier
from .classifier import classify as classify
from .errors import AudioError as AudioError
from .errors import BatchError as BatchError
from .errors import EmotionEdgeError as EmotionEdgeError
from .errors import InterpreterError as InterpreterError
from .errors import MicrophoneError as MicrophoneError
from .errors import ModelError as ModelError
from .errors import MqttError as MqttError
from .errors import ProfileError as ProfileError
from .errors import ResultsError as ResultsError
from .errors import ServerError as ServerError
from .errors import SettingsError as SettingsError
from .live.events import Event as Event
from .live.listener import Listener as Listener
from .live.settings import ListenSettings as ListenSettings
from .live.sources import FileSource as FileSource
from .live.sources import MicrophoneSource as MicrophoneSource
from .live.sources import PipeSource as PipeSource
from .live.stream import EmotionStream as EmotionStream
from .prediction import Prediction as Prediction
from .profile import VoiceProfile as VoiceProfile
from .timelines import timeline as timeline

__version__: str
