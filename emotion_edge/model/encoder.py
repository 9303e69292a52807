"""The voice encoder: a network that several models share. It turns log-mel frames into frames that describe the voice.

Its file is a `.tflite` with a recipe of its own (`EncoderRecipe`). A model that needs it identifies it by its checksum,
because the model was trained on the output of exactly that file.
"""

from __future__ import annotations

import json
import math
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError
from ..features.recipe import MfccRecipe
from ..schema import check, check_types, from_object, parse
from . import graph
from .file import embedded_recipe, read_file, shipped_encoder, stored_checksum
from .interpreter import chosen, open_backend
from .recipe import EncoderReference

Array = NDArray[Any]

LONGEST: Final = 1280
"""The most log-mel frames that the encoder accepts at once: 12.8 s."""

_LENGTHS: Final = (1, 2, 3, LONGEST - 1, LONGEST)  # the lengths that are checked: the extremes, odd and even ones
_LOUDEST_DB: Final = 12.0  # the loudest value is set to this, so that the level of a recording does not matter
_RANGE_DB: Final = 80.0  # values further below the loudest are raised to this limit, as in Whisper


@dataclass(frozen=True, kw_only=True)
class EncoderRecipe:
    """The description of an encoder inside its file.

    Attributes:
        name: the name of the encoder.
        width: the number of values in each output frame.
        mfcc: how its log-mel frames are computed; the encoder gets the mel bands, not the coefficients.
        licence: the licence of the weights.
        notice: the copyright notice that the licence requires.
        corpora: the corpora whose recordings were used to choose the rounding of the weights.
    """

    name: str
    width: int
    mfcc: MfccRecipe
    licence: str
    notice: str
    corpora: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_types(self, "")
        check(1 <= self.width <= 4096, "width", self.width, "1 to 4096")
        check(self.mfcc.log == "decibel", "mfcc.log", self.mfcc.log, "decibel")

    def to_json(self) -> str:
        """The recipe as JSON text."""
        return json.dumps({"encoder": 1, **asdict(self)}, ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: bytes) -> EncoderRecipe:
        """Read what `to_json` wrote.

        Raises:
            ModelError: the recipe is damaged, or is not that of an encoder.
        """
        data = parse(text, "the encoder's recipe")
        check(isinstance(data, dict) and data.pop("encoder", None) == 1, "the recipe", data, "that of a voice encoder")
        return from_object(cls, data)


class Encoder:
    """Runs an encoder; safe to call from several threads.

    Args:
        content: its file.
        backend: the interpreter's name.

    Raises:
        ModelError: the file is damaged, or not an encoder's.
        InterpreterError: the interpreter does not work here.
    """

    def __init__(self, content: bytes, backend: str) -> None:
        self.recipe: Final = EncoderRecipe.from_json(embedded_recipe(content))
        _check_graph(content, self.recipe)
        self.backend: Final = backend
        self._lock: Final = threading.Lock()
        self._length = 0
        with _without_chatter():
            self._interpreter, self._input, self._output = open_backend(content, backend, quick=True)
            self._run(np.zeros((2, self.recipe.mfcc.n_mels), np.float32))

    def __call__(self, log_mel: Array, check: Callable[[], None] | None = None) -> Array:
        """The frames of a recording, two hops apart.

        The last log-mel frame is left out, because half of it is after the end. The level does not matter: the loudest
        value is first set to a fixed one. Recordings of more than 12.8 s are encoded in equal sections.

        Args:
            log_mel: shape (n, n_mels), in decibels, as `Mfcc` makes them from the recording; n at least 1.
            check: called before each section; it may raise an error to stop.

        Returns:
            Shape (ceil((n - 1) / 2), width + 1), float32. The last column is the level of each frame in decibels.
        """

        def network(section: Array) -> Array:
            if check is not None:
                check()
            with self._lock:  # for one section, so that a long recording does not delay others
                return self._run(section)

        return encode(log_mel[:, : self.recipe.mfcc.n_mels], network)

    def _run(self, log_mel: Array) -> Array:
        interpreter = self._interpreter
        try:
            if len(log_mel) != self._length:
                self._length = 0  # unknown if one of the next lines fails
                interpreter.resize_tensor_input(self._input, list(log_mel.shape))
                interpreter.allocate_tensors()
                self._length = len(log_mel)
            interpreter.set_tensor(self._input, np.ascontiguousarray(log_mel))
            interpreter.invoke()
            frames = np.array(interpreter.get_tensor(self._output))
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"{self.backend} cannot run the voice encoder: {error}") from error
        if frames.shape != ((len(log_mel) + 1) // 2, self.recipe.width) or not np.isfinite(frames).all():
            raise ModelError(f"{self.backend} got no usable answer from the voice encoder: its file is damaged")
        return frames


def encode(log_mel: Array, network: Callable[[Array], Array]) -> Array:
    """What `Encoder` does, with any network that takes scaled log-mel frames, shape (n, n_mels)."""
    bands = log_mel[: max(1, len(log_mel) - 1)]
    frames = scaled(bands)
    length = 2 * math.ceil(len(frames) / math.ceil(len(frames) / LONGEST) / 2)
    encoded = [network(frames[first : first + length]) for first in range(0, len(frames), length)]
    return np.column_stack([np.concatenate(encoded), _levels(bands)])


def scaled(log_mel: Array) -> Array:
    """Log-mel frames in decibels as the encoder takes them: the loudest value fixed, the range limited; float32."""
    loudest = log_mel.max()
    limited = np.maximum(log_mel, loudest - _RANGE_DB) - (loudest - _LOUDEST_DB)
    return np.asarray((limited / 10 + 4) / 4, np.float32)


def load_encoder(wanted: EncoderReference, folder: Path, backend: str | None = None) -> Encoder:
    """The encoder that a model needs, from the model's own folder or the shipped one; loaded once for all models.

    Args:
        wanted: as the model's recipe names it.
        folder: of the model's file.
        backend: the interpreter to use, as `interpreter.construct` takes it.

    Raises:
        ModelError: there is none with that checksum; it says what to install.
        InterpreterError: no interpreter works here.
    """
    return _loaded(encoder_file(wanted, folder), backend)


def encoder_file(wanted: EncoderReference, folder: Path) -> bytes:
    """The content of the file that `load_encoder` loads.

    Raises:
        ModelError: there is none with that checksum, or it is damaged; it says what to install.
    """
    found = []
    paths = folder / f"{wanted.name}.tflite", shipped_encoder(wanted.name)
    for path in {path.absolute(): path for path in paths}.values():
        try:
            content = read_file(path)
        except FileNotFoundError:
            continue
        except ModelError as error:
            found.append(str(error))
            continue
        own = _checksum(content)
        if own == wanted.checksum:
            return content
        found.append(f"{path} is damaged or another file" if own is None else f"{path} has the checksum {own}")
    raise ModelError(
        f"the model needs the voice encoder {wanted.name} with the checksum {wanted.checksum}, and "
        f"{' and '.join(found) or 'there is none here'}: install the emotion-edge that the model was made with, or put "
        f"its {wanted.name}.tflite into the folder of the model"
    )


def _checksum(content: bytes) -> str | None:
    """The checksum of a complete file, None for any other."""
    try:
        embedded_recipe(content)
        return stored_checksum(content)
    except ModelError:
        return None


@lru_cache(maxsize=4)
def _loaded(content: bytes, backend: str | None) -> Encoder:
    return chosen(lambda name: Encoder(content, name), backend)


def _check_graph(content: bytes, recipe: EncoderRecipe) -> None:
    network = graph.read(content, lengths=_LENGTHS)
    ends = [[network.tensors[number] for number in numbers] for numbers in (network.inputs, network.outputs)]
    for tensors, width in zip(ends, (recipe.mfcc.n_mels, recipe.width), strict=True):
        fits = len(tensors) == 1 and tensors[0].dtype == np.float32
        if not fits or tensors[0].shape != (1, width) or tensors[0].free != (True, False):
            raise ModelError(f"the voice encoder's network does not fit its recipe: wanted float32 of [any, {width}]")


def _levels(bands: Array) -> Array:
    """Of each pair of log-mel frames, in decibels; shape (ceil(n / 2),)."""
    power = np.power(10, bands / 10).sum(axis=1)
    pairs = np.arange(0, len(power), 2)
    return np.asarray(10 * np.log10(np.add.reduceat(power, pairs) / np.minimum(2, len(power) - pairs)), np.float32)


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Hide the line about its fast delegate that LiteRT prints on stderr; everything else is printed afterwards.

    The delegate makes the encoder eight times as fast, and no setting turns the line off.
    """
    if not hasattr(os, "memfd_create"):
        yield
        return
    try:
        before, kept = os.dup(2), os.memfd_create("stderr")
    except OSError:  # a daemon has closed it
        yield
        return
    try:
        os.dup2(kept, 2)
        yield
    finally:
        os.dup2(before, 2)
        with suppress(OSError):
            written = os.pread(kept, 1 << 16, 0).splitlines(keepends=True)
            os.write(2, b"".join(line for line in written if b"XNNPACK delegate" not in line))
        os.close(before)
        os.close(kept)
