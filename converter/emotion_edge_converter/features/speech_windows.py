"""Cuts speech and other sounds into windows like the live loop, as training data for the speech gate."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from emotion_edge import AudioError, ListenSettings
from emotion_edge.features.mfcc import Mfcc
from emotion_edge.features.pooling import POOLINGS
from emotion_edge.model.recipe import ModelRecipe
from emotion_edge.speech.recent_frames import frames_within
from emotion_edge.speech.utterances import Utterances, Window
from emotion_edge.speech.windows import Windows as WindowsOfSpeech

from ..errors import CorpusError
from ..recordings import augmentation, sounds
from ..recordings.synthetic_noise import KINDS, synthetic_noise

Array = NDArray[Any]
Random = np.random.Generator

N_FOLDS: Final = 5
AS_RECORDED, NOISY, VARIED = "as recorded", "noisy", "varied"
"""The versions of a recording: unchanged; at an SNR of `SNR_DB`; at other speeds, in rooms, with narrow bands."""
SNR_DB: Final = (3.0, 20.0)

LIVE: Final = {
    "window_s": ModelRecipe.window_s,
    "step_s": ModelRecipe.step_s,
    "pause_s": ListenSettings.pause_s,
    "above_background_db": ListenSettings.above_background_db,
}
"""The defaults of the live loop for cutting a stream."""
_SHORTEST_S: Final = 0.4
_SPOKEN: Final = 0.6  # the share of a noisy window that must be inside windows of the clean recording
_LONGEST_VARIED_S: Final = 8.0  # background noises may last minutes
_VARIED_NOISES: Final = 8
_SYNTHETIC_S: Final = 4.0

# How the file names of a corpus identify the speaker. In other corpora the folder of a file does.
_SPEAKERS: Final[dict[str, Callable[[Path], str]]] = {
    "tess": lambda file: file.stem.split("_")[0][:2],  # OA_bite_neutral belongs to OAF
    "ravdess": lambda file: file.stem[-2:],
    "ravdess-song": lambda file: file.stem[-2:],
    "cremad": lambda file: file.stem[:4],
    "emodb": lambda file: file.stem[:2],
    "nemo": lambda file: file.stem.split("_")[0],
    "ased": lambda file: re.findall(r"\d+", file.stem)[-1],
}

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recording:
    """A recording of speech or of another sound.

    Attributes:
        file: path of the recording; None for a synthetic one.
        group: its corpus, or its class of noise.
        fold: number of the fold, from 0. All recordings of a speaker, and all parts of a published clip, are in one
            fold.
        speech: whether it is speech.
    """

    file: Path | None
    group: str
    fold: int
    speech: bool


@dataclass(frozen=True)
class Windows:
    """A table of n windows, sorted by recording and time. Arrays have the shape (n,) unless stated otherwise.

    Attributes:
        recordings: the recordings.
        recording: for each window the number of its recording in `recordings`.
        utterance: number of the utterance, counted over all recordings and versions.
        version: `AS_RECORDED`, `NOISY` or `VARIED`.
        length_s: length of the window.
        over: whether it is the last window of its utterance.
        features: pooled features, shape (n, n_features), float32.
        noise_s: total duration of noise as recorded.
    """

    recordings: list[Recording]
    recording: Array
    utterance: Array
    version: Array
    length_s: Array
    over: Array
    features: Array
    noise_s: float

    @property
    def speech(self) -> Array:
        """Whether each window is speech, shape (n,)."""
        return np.array([recording.speech for recording in self.recordings])[self.recording]

    @property
    def fold(self) -> Array:
        """The fold of each window, shape (n,)."""
        return np.array([recording.fold for recording in self.recordings])[self.recording]

    @property
    def group(self) -> Array:
        """The corpus or the class of noise of each window, shape (n,)."""
        return np.array([recording.group for recording in self.recordings])[self.recording]


def speech_recordings(specification: str, most: int, random: Random) -> list[Recording]:
    """A random selection of at most `most` recordings of a corpus, given as NAME=PATH.

    In the sorted list of speakers, speaker number i is in fold i modulo 5.

    Raises:
        CorpusError: the specification has another form, there are no audio files, or their names do not fit the corpus.
    """
    name, separator, path = specification.partition("=")
    if not separator or not path or not name:
        raise CorpusError(f"--speech: got {specification!r}, wanted NAME=PATH, for example tess=recordings/tess")
    files = sounds.audio_files(Path(path), "--speech")
    speaker_of = _SPEAKERS.get(name, _folder_name)
    try:
        speakers = {file: speaker_of(file) for file in files}
    except IndexError as error:
        raise CorpusError(f"--speech: {path} holds files that are not named like those of {name}") from error
    order = sorted(set(speakers.values()))
    chosen = [files[row] for row in np.sort(random.permutation(len(files))[:most])]
    return [Recording(file, name, order.index(speakers[file]) % N_FOLDS, True) for file in chosen]


def noise_recordings(folder: Path) -> list[Recording]:
    """All recordings of noise below a folder.

    The class of a recording is the name of its subfolder. A file directly in the folder is a separate class. A file
    named like the clips of ESC-10, `FOLD-...`, is in that fold. Other files are put into folds by their position.

    Raises:
        CorpusError: the folder does not exist or holds no audio files.
    """
    positions: dict[Path, int] = {}
    recordings = []
    for file in sounds.audio_files(folder, "--noise"):
        position = positions[file.parent] = positions.get(file.parent, -1) + 1
        prescribed = re.match(r"([1-5])-", file.name)
        fold = int(prescribed[1]) - 1 if prescribed else position % N_FOLDS
        recordings.append(Recording(file, file.stem if file.parent == folder else file.parent.name, fold, False))
    return recordings


def synthetic_recordings(count: int) -> list[Recording]:
    """Synthetic noises, distributed over kinds and folds in turn."""
    kinds = list(KINDS)
    return [
        Recording(None, f"synthetic {kinds[i % len(kinds)]}", i // len(kinds) % N_FOLDS, False) for i in range(count)
    ]


def cut(
    speech: Sequence[Recording], noise: Sequence[Recording], rooms: Path | None, recipe: ModelRecipe, seed: int
) -> Windows:
    """Cut all versions of recordings into windows, with a progress bar.

    Speech is mixed with noise of the same fold, so no noise is in both the training and the test set. Each recording
    has a separate random sequence. A file that cannot be read is left out with a warning.

    Raises:
        CorpusError: no window of speech or no window of noise could be cut.
    """
    cutter = _Cutter(recipe, sounds.rooms(sounds.room_files(rooms), recipe.mfcc.sample_rate_hz))
    for number, recording in enumerate(tqdm([*noise, *speech], desc="windows", unit="file", disable=None)):
        try:
            cutter.add(recording, np.random.default_rng([seed, number]))
        except AudioError as error:
            _log.warning("%s: left out", error)
    return cutter.windows()


class _Cutter:
    """Cuts recordings, and collects the windows."""

    def __init__(self, recipe: ModelRecipe, rooms: list[Array]) -> None:
        self._rate: Final = recipe.mfcc.sample_rate_hz
        self._mfcc: Final = Mfcc(recipe.mfcc)
        self._pool: Final = POOLINGS[recipe.pooling]
        self._rooms: Final = rooms
        self._noises: Final[list[list[Array]]] = [[] for _ in range(N_FOLDS)]
        self._recordings: Final[list[Recording]] = []
        self._rows: Final[list[tuple[int, int, str, float, bool]]] = []
        self._features: Final[list[Array]] = []
        self._n_utterances = 0
        self._noise_s = 0.0

    def add(self, recording: Recording, random: Random) -> None:
        """Add the windows of all versions of one recording. Add noises before speech."""
        if recording.file is None:
            kind = recording.group.removeprefix("synthetic ")
            samples = synthetic_noise(kind, random, round(_SYNTHETIC_S * self._rate), self._rate)
        else:
            samples = sounds.load(recording.file, self._rate)
        self._recordings.append(recording)
        if recording.speech:
            self._add_speech(samples, recording.fold, random)
        elif recording.file is None:
            self._add(augmentation.at_any_level(self._varied(samples, random, (1, 1)), random), VARIED)
        else:
            self._add_noise(samples, recording.fold, random)

    def windows(self) -> Windows:
        """The table of all windows."""
        for speech, name in ((True, "speech"), (False, "noise")):
            if not any(self._recordings[row[0]].speech == speech for row in self._rows):
                raise CorpusError(f"no window of {name} could be cut: every recording is damaged, silent or too short")
        columns = [np.array(column) for column in zip(*self._rows, strict=True)]
        recording, utterance, version, length_s, over = columns
        features = np.stack(self._features)
        return Windows(self._recordings, recording, utterance, version, length_s, over, features, noise_s=self._noise_s)

    def _add_noise(self, samples: Array, fold: int, random: Random) -> None:
        self._noises[fold].append(samples)
        self._noise_s += len(samples) / self._rate
        self._add(samples, AS_RECORDED)
        longest = round(_LONGEST_VARIED_S * self._rate)
        for number in range(_VARIED_NOISES):
            start = random.integers(max(1, len(samples) - longest))
            section = samples[start : start + longest]
            if number > 0:
                section = self._varied(section, random, (0.7, 1.45))
            if random.random() < 0.25:
                noise = self._any_noise(fold, random)
                section = augmentation.with_noise(section, noise, random.uniform(0, 20), random)
            self._add(augmentation.at_any_level(section, random), VARIED)

    def _add_speech(self, samples: Array, fold: int, random: Random) -> None:
        self._add(samples, AS_RECORDED)
        if not self._noises[fold]:
            return
        spoken = np.zeros(len(samples), bool)
        for window in self._cut(samples):
            spoken[self._samples_of(window)] = True
        for version, snr_db in ((NOISY, SNR_DB), (VARIED, (0.0, 35.0))):
            changed = samples
            if version == VARIED:
                changed = self._varied(samples, random, (0.85, 1.18))
                changed = np.pad(changed, (0, max(0, len(samples) - len(changed))))[: len(samples)]
            noise = self._any_noise(fold, random)
            changed = augmentation.with_noise(changed, noise, random.uniform(*snr_db), random)
            self._add(augmentation.at_any_level(changed, random), version, spoken)

    def _varied(self, samples: Array, random: Random, speeds: tuple[float, float]) -> Array:
        return augmentation.varied(samples, self._rate, random, rooms=self._rooms, speeds=speeds)

    def _any_noise(self, fold: int, random: Random) -> Array:
        return self._noises[fold][random.integers(len(self._noises[fold]))]

    def _add(self, samples: Array, version: str, spoken: Array | None = None) -> None:
        """Add the windows of one version. `spoken` marks the samples with speech; other windows are left out."""
        windows = self._cut(samples)
        if spoken is not None:
            windows = [window for window in windows if spoken[self._samples_of(window)].mean() > _SPOKEN]
        if not windows:
            return
        log_mel = self._mfcc.log_mel_of(samples)
        number = len(self._recordings) - 1
        starts_s = [window.utterance_start_s for window in windows]
        for window, start_s, previous_s in zip(windows, starts_s, [None, *starts_s[:-1]], strict=True):
            self._n_utterances += start_s != previous_s
            length_s = window.end_s - window.start_s
            self._rows.append((number, self._n_utterances, version, length_s, window.over))
            first, last = frames_within(self._mfcc.recipe, window.start_s, window.end_s)
            frames = self._mfcc.coefficients([log_mel[first : last + 1]])
            self._features.append(self._pool(frames))

    def _cut(self, samples: Array) -> list[Window]:
        utterances = Utterances(
            self._rate,
            windows=WindowsOfSpeech(LIVE["window_s"], LIVE["step_s"]),
            pause_s=LIVE["pause_s"],
            above_background_db=LIVE["above_background_db"],
        )
        cut = utterances.process(samples) + utterances.flush()
        return [window for window in cut if window.end_s - window.start_s >= _SHORTEST_S]

    def _samples_of(self, window: Window) -> slice:
        return slice(int(window.start_s * self._rate), int(window.end_s * self._rate))


def _folder_name(file: Path) -> str:
    return file.parent.name
