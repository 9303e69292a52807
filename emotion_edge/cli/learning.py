"""A voice profile that is saved to disk while a command learns."""

from __future__ import annotations

import argparse
import logging
import sys
from types import TracebackType
from typing import Final

from ..errors import ProfileError
from ..profile import VoiceProfile

_log = logging.getLogger(__name__)

_SAVE_EVERY: Final = 5  # utterances: a power cut loses no more than these


class Learning:
    """Opens the profile that a command line names, and saves it at the end of the `with` block, also after an error.

    If the profile cannot be saved, it warns once, and the command continues.

    Args:
        options: with `profile` and `model`.

    Attributes:
        profile: None if the command line names none.
        failed: whether the latest attempt to save failed.

    Raises:
        ProfileError, ModelError: the profile cannot be used, or not with this model.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        name = options.profile
        self.profile: Final = None if name is None else VoiceProfile.open(name, options.model)
        self._path: Final = None if name is None else VoiceProfile.path_of(name)
        self._n_saved = self._n_tried = self._n_learned
        self.failed = False

    def save_some(self) -> None:
        """Save the profile if enough utterances were learnt since the last attempt."""
        if self._n_learned - self._n_tried >= _SAVE_EVERY:
            self._save()

    def __enter__(self) -> Learning:
        if self.profile is not None:
            known = f"voice profile with {self._n_learned} utterances" if self._n_learned else "new voice profile"
            print(f"{known}: {self._path}", file=sys.stderr)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._n_learned > self._n_saved:
            self._save()

    @property
    def _n_learned(self) -> int:
        return 0 if self.profile is None else self.profile.utterances

    def _save(self) -> None:
        if self.profile is None or self._path is None:
            return
        self._n_tried = self._n_learned
        try:
            self.profile.save(self._path)
            self._n_saved, self.failed = self._n_tried, False
        except ProfileError as error:
            if not self.failed:
                _log.warning("%s", error)
            self.failed = True
