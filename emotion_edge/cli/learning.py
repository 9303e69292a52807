"""A voice profile that is kept on disk while a command learns."""

from __future__ import annotations

import argparse
import logging
import sys
from types import TracebackType
from typing import Final

from ..errors import ProfileError
from ..profile import VoiceProfile

_log = logging.getLogger(__name__)

_UTTERANCES_A_SAVE: Final = 5  # what a power cut may lose


class Learning:
    """Opens the profile that a command line names, if it names one, and saves it when the block ends, however it does.

    A place that cannot be written to is warned of, once: the answers go on.

    Args:
        options: with `profile` and `model`.

    Attributes:
        profile: None without a name.
        failed: whether what was learnt could not be saved, the last time that it was tried.

    Raises:
        ProfileError, ModelError: the profile cannot be used, or not with this model.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        name = options.profile
        self.profile: Final = None if name is None else VoiceProfile.open(name, options.model)
        self._path: Final = None if name is None else VoiceProfile.path_of(name)
        self._n_saved = self._n_tried = self._n_heard
        self.failed = False

    def save_some(self) -> None:
        """Save it if there is enough that is new."""
        if self._n_heard - self._n_tried >= _UTTERANCES_A_SAVE:
            self._save()

    def __enter__(self) -> Learning:
        if self.profile is not None:
            so_far = f"a voice, {self._n_heard} utterances so far," if self._n_heard else "a new voice"
            print(f"learning {so_far} into {self._path}", file=sys.stderr)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._n_heard > self._n_saved:
            self._save()

    @property
    def _n_heard(self) -> int:
        return 0 if self.profile is None else self.profile.utterances

    def _save(self) -> None:
        if self.profile is None or self._path is None:
            return
        self._n_tried = self._n_heard
        try:
            self.profile.save(self._path)
            self._n_saved, self.failed = self._n_tried, False
        except ProfileError as error:
            if not self.failed:
                _log.warning("%s", error)
            self.failed = True
