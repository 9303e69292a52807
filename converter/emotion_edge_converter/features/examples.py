"""Features of recordings and of changed versions of them, to train a model for new speakers."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from emotion_edge import AudioError
from emotion_edge.model.front_end import FrontEnd
from emotion_edge.model.recipe import ModelRecipe

from .. import processes
from ..corpora.readers import Utterance, speakers
from ..errors import CorpusError
from ..files import replacing
from ..recordings import augmentation, sounds

Array = NDArray[Any]
Random = np.random.Generator
Seed = tuple[int, int]

_VOCAL_TRACTS: Final = (0.92, 1.08)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Examples:
    """A table of recordings with their features.

    Attributes:
        utterances: the recordings that could be read.
        features: pooled features by the code of the runtime, shape (n_utterances, 1 + n_versions, n_features), float32.
            For each recording, the first row is as recorded, the others are changed versions.
    """

    utterances: list[Utterance]
    features: Array


def extract(
    utterances: Sequence[Utterance],
    recipe: ModelRecipe,
    *,
    n_versions: int,
    noises: Sequence[Path],
    rooms: Sequence[Path],
    seed: int,
    jobs: int,
    file: Path,
    encoder: Path,
) -> Examples:
    """Compute the features of recordings and of changed versions of them, with a progress bar.

    A file that cannot be read is left out with a warning. In a version, all recordings of a speaker are heard in the
    same room by the same microphone, because that is what a voice profile learns from. Random choices depend on the
    recording and its speaker only, so the result does not depend on the number of processes.

    Args:
        utterances: the recordings.
        recipe: how features are computed.
        n_versions: number of versions of each recording.
        noises, rooms: files with noises and with impulse responses of rooms, for the versions.
        seed: random seed for the versions.
        jobs: number of processes.
        file: a `.npy` file for the features. If it exists, it must come from the same arguments, and it is read
            instead.
        encoder: the folder of the voice encoder that the recipe names.

    Raises:
        CorpusError: no recording could be read.
        AudioError: a noise or a room cannot be read.
        EmotionEdgeError: one of the processes was killed.
    """
    if not file.is_file():
        names = np.unique(speakers(utterances), return_inverse=True)[1]
        tasks = [
            (utterance.file, n_versions, (seed, int(name)), (seed, number))
            for number, (utterance, name) in enumerate(zip(utterances, names, strict=True))
        ]
        with processes.mapped(_Extractor(recipe, noises, rooms, encoder).versions, tasks, jobs) as results:
            progress = tqdm(results, total=len(tasks), desc="features", unit="file", disable=None)
            rows = [_row(result, 1 + n_versions, recipe) for result in progress]
        with replacing(file) as temporary:
            np.save(temporary, np.stack(rows))
    features = np.load(file)
    read = np.isfinite(features[:, 0, 0])
    if not read.any():
        file.unlink()
        raise CorpusError(f"none of the {len(utterances)} files could be read")
    kept = [utterance for utterance, wanted in zip(utterances, read, strict=True) if wanted]
    return Examples(kept, features[read])


def _row(result: Array | AudioError, n_versions: int, recipe: ModelRecipe) -> Array:
    """A row of the table; nan if the file could not be read."""
    if isinstance(result, AudioError):
        _log.warning("%s: left out", result)
        return np.full((n_versions, recipe.n_features), np.nan, np.float32)
    return result


class _Extractor:
    """Computes the features of the versions of a file."""

    def __init__(self, recipe: ModelRecipe, noises: Sequence[Path], rooms: Sequence[Path], encoder: Path) -> None:
        self._recipe: Final = recipe
        self._encoder: Final = encoder
        self._rate: Final = recipe.mfcc.sample_rate_hz
        self._noises: Final = [sounds.load(file, self._rate) for file in noises]
        self._rooms: Final = sounds.rooms(rooms, self._rate)

    @cached_property
    def _front_end(self) -> FrontEnd:
        """Made in each process, because an interpreter cannot be sent to one."""
        return FrontEnd(self._recipe, folder=self._encoder)

    def versions(self, task: tuple[Path, int, Seed, Seed]) -> Array | AudioError:
        """The features of a file and of `n_versions` versions of it, shape (1 + n_versions, n_features), float32.

        The task is a file, `n_versions`, the seed of its speaker and its own.
        """
        file, n_versions, speaker, recording = task
        try:
            samples = sounds.load(file, self._rate)
        except AudioError as error:
            return error
        random = np.random.default_rng(recording)
        versions = (
            self._random_version(samples, np.random.default_rng((*speaker, number)), random)
            for number in range(n_versions)
        )
        return np.stack([self._as_recorded(samples), *versions])

    def _as_recorded(self, samples: Array) -> Array:
        return self._front_end.pool([self._front_end.mfcc.log_mel_of(samples)])

    def _random_version(self, samples: Array, speaker: Random, recording: Random) -> Array:
        changed = augmentation.random_version(
            samples, self._rate, speaker, recording, noises=self._noises, rooms=self._rooms
        )
        log_mel = self._front_end.mfcc.log_mel_of(changed)
        if speaker.random() < 0.5:
            factor = speaker.uniform(*_VOCAL_TRACTS)
            log_mel = augmentation.with_other_vocal_tract(log_mel, self._recipe.mfcc.n_mels, factor)
        return self._front_end.pool([log_mel])
