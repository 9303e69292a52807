"""Speech emotion recognition for small devices."""

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

__version__ = "0.1.0"
