"""Cases for hypothesis: changed good files, and recipes with good and bad fields."""

from __future__ import annotations

import json
import math
from random import Random

from hypothesis import strategies as st
from mutations import hostile_value
from targets import TARGETS


def cases(name: str) -> st.SearchStrategy[bytes]:
    """Cases for one target."""
    target = TARGETS[name]
    changed = st.builds(
        lambda seed, number: target.mutate(seed, Random(number)),
        st.sampled_from(target.seeds()),
        st.integers(0, (1 << 64) - 1),
    )
    return st.one_of(changed, recipes()) if name in ("recipe", "features") else changed


@st.composite
def recipes(draw: st.DrawFn) -> bytes:
    """Recipes at the limits of what is allowed; one in four has a field that is not allowed."""
    rate = draw(st.sampled_from([1000, 8000, 16000, 22050, 48000, 384_000]))
    pooling = draw(st.sampled_from(["mean", "statistics"]))
    padding = draw(st.sampled_from(["center", "end"]))
    window_length = draw(st.integers(1, 3000) | st.just(1 << 15))
    shortest_fft = window_length if padding == "center" else 1
    n_mels = draw(st.integers(20, 200) | st.just(1024))
    fmin = draw(st.floats(0, rate / 2 - 1))
    log = draw(st.sampled_from(["decibel", "natural"]))
    mfcc = {
        "sample_rate_hz": rate,
        "n_mfcc": draw(st.integers(1, min(n_mels, 64)) | st.just(n_mels)),
        "n_fft": draw(st.integers(shortest_fft, shortest_fft + 2000) | st.just(1 << 16)),
        "window_length": window_length,
        "hop_length": draw(st.integers(math.ceil(rate / 1000), rate)),
        "window": draw(st.sampled_from(["hann", "hamming", "rectangular"])),
        "padding": padding,
        "sample_scale": draw(st.sampled_from([1e-3, 1.0, 32768.0, 2.0**31])),
        "pre_emphasis": draw(st.floats(0, 1)),
        "spectrum": draw(st.sampled_from(["power", "periodogram"])),
        "n_mels": n_mels,
        "fmin_hz": fmin,
        "fmax_hz": draw(st.floats(fmin + 1, rate / 2)),
        "mel_scale": draw(st.sampled_from(["slaney", "htk"])),
        "mel_edges": draw(st.sampled_from(["exact", "bins"])),
        "mel_norm": draw(st.sampled_from(["area", "none"])),
        "log": log,
        "dynamic_range_db": draw(st.none() | st.floats(1, 1000)) if log == "decibel" else None,
        "lifter": draw(st.integers(0, 1000)),
        "lifter_start": draw(st.integers(0, 1)),
        "first_coefficient": draw(st.sampled_from(["cepstral", "log_energy"])),
    }
    if not draw(st.integers(0, 3)):
        mfcc[draw(st.sampled_from(sorted(mfcc)))] = hostile_value(Random(draw(st.integers(0, 1 << 64))))
    recipe = {"name": "r", "labels": ["a", "b"], "mfcc": mfcc, "pooling": pooling}
    return json.dumps(recipe).encode("utf-8", "surrogatepass")
