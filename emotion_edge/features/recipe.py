"""The parameters of frames: the part of a recipe that defines the MFCC."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from ..schema import check, check_known, check_types

# Limits on the memory that a hostile recipe can make the runtime allocate.
_LARGEST_FFT: Final = 1 << 16
_LARGEST_RATE_HZ: Final = 384_000
_LARGEST_MELS: Final = 1024


@dataclass(frozen=True, kw_only=True)
class MfccRecipe:
    """How samples become mel-frequency cepstral coefficients (MFCC). Lengths are in samples.

    The presets reproduce the libraries that they are named after; each field can be changed separately.

    Attributes:
        sample_rate_hz: the expected sample rate.
        n_mfcc: the number of coefficients.
        window_length: the length of the analysis window.
        n_fft: the length of the Fourier transform. With `center` it is at least `window_length`. With `end` it may be
            shorter: it then uses the first n_fft samples of each analysis window, as python_speech_features does by
            default above 20.48 kHz.
        hop_length: samples from the start of one frame to the start of the next.
        window: the shape of the analysis window; `hann` and `hamming` are periodic.
        padding: `center`: frame k is centred on sample k * hop_length, with n_fft // 2 zeros at both ends (librosa);
            `end`: frame k starts at sample k * hop_length, with zeros that fill the last (python_speech_features).
        sample_scale: samples, which are between -1 and 1, are first multiplied by this: 32768 for a model that was
            trained on 16-bit integers, as scipy.io.wavfile reads them.
        pre_emphasis: y[t] = x[t] - pre_emphasis * x[t - 1]; 0 for none.
        spectrum: `power`: |X|^2; `periodogram`: |X|^2 / n_fft.
        n_mels: the number of mel filters.
        fmin_hz, fmax_hz: the frequency range of the mel filters.
        mel_scale: `slaney` (linear below 1 kHz, as in the Auditory Toolbox) or `htk` (2595 log10(1 + f / 700)).
        mel_edges: `exact`, or rounded down to FFT `bins`.
        mel_norm: `area`: each filter is divided by half its width in Hz (Slaney); `none`: each peaks at 1.
        log: `decibel`: 10 log10(max(1e-10, power)); `natural`: ln, with the float64 epsilon instead of zero.
        dynamic_range_db: with `decibel`, values that are further than this below the loudest value of the clip are
            raised to this limit; None for no limit.
        lifter: L of the sinusoidal lifter 1 + L / 2 * sin(pi * n / L); 0 for none.
        lifter_start: the n of the first coefficient: 1 in librosa, 0 in python_speech_features.
        first_coefficient: `cepstral`, or replaced by the `log_energy` of the frame.
    """

    sample_rate_hz: int
    n_mfcc: int
    n_fft: int
    window_length: int
    hop_length: int
    window: Literal["hann", "hamming", "rectangular"]
    padding: Literal["center", "end"]
    sample_scale: float
    pre_emphasis: float
    spectrum: Literal["power", "periodogram"]
    n_mels: int
    fmin_hz: float
    fmax_hz: float
    mel_scale: Literal["slaney", "htk"]
    mel_edges: Literal["exact", "bins"]
    mel_norm: Literal["area", "none"]
    log: Literal["decibel", "natural"]
    dynamic_range_db: float | None
    lifter: int
    lifter_start: int
    first_coefficient: Literal["cepstral", "log_energy"]

    def __post_init__(self) -> None:
        check_types(self, "mfcc.")
        self._check_range("sample_rate_hz", 1000, _LARGEST_RATE_HZ)
        self._check_range("n_fft", 1, _LARGEST_FFT)
        if self.padding == "center":
            self._check_range("window_length", 1, self.n_fft, "n_fft")
        self._check_range("window_length", 1, _LARGEST_FFT)
        self._check_range("hop_length", 1, _LARGEST_FFT)
        self._check_range("n_mels", 1, _LARGEST_MELS)
        self._check_range("n_mfcc", 1, self.n_mels, "n_mels")
        self._check_range("fmax_hz", 1, self.sample_rate_hz / 2, "half the sample rate")
        self._check_range("fmin_hz", 0, self.fmax_hz - 1, "1 Hz below fmax_hz")
        self._check_range("sample_scale", 1e-3, 1 << 31)
        self._check_range("pre_emphasis", 0, 1)
        self._check_range("lifter", 0, 1000)
        self._check_range("lifter_start", 0, 1)
        if self.dynamic_range_db is not None:
            self._check_range("dynamic_range_db", 1, 1000)
            check(self.log == "decibel", "mfcc.dynamic_range_db", self.dynamic_range_db, "null, as log is not decibel")

    def _check_range(self, name: str, low: float, high: float, source: str = "") -> None:
        value = getattr(self, name)
        reason = f" ({source})" if source else ""
        check(low <= value <= high, f"mfcc.{name}", value, f"{low:g} to {high:g}{reason}")

    @property
    def frame_length(self) -> int:
        """The number of samples in a frame: n_fft for centred frames, as in librosa, otherwise window_length."""
        return self.n_fft if self.padding == "center" else self.window_length

    @classmethod
    def preset(cls, name: str, *, sample_rate_hz: int, **changes: Any) -> MfccRecipe:
        """Return the default parameters of `librosa` (0.11) or `python_speech_features` (0.6), with changes.

        As in librosa, `window_length` equals n_fft unless it is given too.

        Raises:
            ModelError: there is no such preset, or a change is not a field or out of its range.
        """
        check(isinstance(name, str) and name in PRESETS, "mfcc.preset", name, f"one of {', '.join(PRESETS)}")
        rate_fits = type(sample_rate_hz) is int and 0 < sample_rate_hz <= _LARGEST_RATE_HZ
        check(rate_fits, "mfcc.sample_rate_hz", sample_rate_hz, f"a whole number, 1000 to {_LARGEST_RATE_HZ}")
        check_known(cls, changes, "mfcc.")
        return cls(**{"sample_rate_hz": sample_rate_hz, **PRESETS[name](sample_rate_hz, changes), **changes})


def _librosa(sample_rate_hz: int, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of librosa.feature.mfcc(y=y, sr=sample_rate_hz)."""
    n_fft = changes.get("n_fft", 2048)
    return {
        "n_mfcc": 20,
        "window_length": n_fft,
        "n_fft": n_fft,
        "hop_length": 512,
        "window": "hann",
        "padding": "center",
        "sample_scale": 1.0,
        "pre_emphasis": 0.0,
        "spectrum": "power",
        "n_mels": 128,
        "fmin_hz": 0.0,
        "fmax_hz": sample_rate_hz / 2,
        "mel_scale": "slaney",
        "mel_edges": "exact",
        "mel_norm": "area",
        "log": "decibel",
        "dynamic_range_db": 80.0,
        "lifter": 0,
        "lifter_start": 1,
        "first_coefficient": "cepstral",
    }


def _python_speech_features(sample_rate_hz: int, _: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of python_speech_features.mfcc(signal, samplerate=sample_rate_hz): 25 ms frames every 10 ms."""
    return {
        "n_mfcc": 13,
        "window_length": math.floor(0.025 * sample_rate_hz + 0.5),
        "n_fft": 512,
        "hop_length": math.floor(0.01 * sample_rate_hz + 0.5),
        "window": "rectangular",
        "padding": "end",
        "sample_scale": 1.0,
        "pre_emphasis": 0.97,
        "spectrum": "periodogram",
        "n_mels": 26,
        "fmin_hz": 0.0,
        "fmax_hz": sample_rate_hz / 2,
        "mel_scale": "htk",
        "mel_edges": "bins",
        "mel_norm": "none",
        "log": "natural",
        "dynamic_range_db": None,
        "lifter": 22,
        "lifter_start": 0,
        "first_coefficient": "log_energy",
    }


PRESETS: Final = {"librosa": _librosa, "python_speech_features": _python_speech_features}
