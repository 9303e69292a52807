"""The colours of the page: everyone can distinguish them, and they are visible on their background."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from emotion_edge.palette import DARK, LIGHT

EMOTIONS = ["angry", "fear", "happy", "neutral", "sad"]

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
SIGHT = {
    "all colours": np.eye(3),
    "no red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
# Ottosson (2020), OKLab.
TO_LMS = [
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
]
TO_LAB = [
    [0.2104542553, 0.7936177850, -0.0040720468],
    [1.9779984951, -2.4285922050, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.8086757660],
]


def colours(scheme):
    """The linear RGB value of each name."""
    return {name: linear(code) for name, code in (LIGHT if scheme == "light" else DARK).items()}


def linear(code):
    srgb = np.array([int(code[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """The contrast ratio as WCAG 2 defines it."""
    light, dark = sorted((float(colour @ [0.2126, 0.7152, 0.0722]) for colour in (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def lab(colour, sight):
    return TO_LAB @ np.cbrt(TO_LMS @ np.clip(np.array(SIGHT[sight]) @ colour, 0, 1))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("sight", SIGHT)
def test_emotions_can_be_distinguished(scheme, sight):
    rgb = colours(scheme)
    distances = {
        pair: 100 * np.linalg.norm(lab(rgb[pair[0]], sight) - lab(rgb[pair[1]], sight))
        for pair in combinations([*EMOTIONS, "no-speech"], 2)
    }
    assert min(distances.values()) > 12, min(distances, key=lambda pair: distances[pair])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_is_visible(scheme):
    rgb = colours(scheme)
    for name in [*EMOTIONS, "other-1", "other-2", "other-3", "uncertain", "accent"]:
        assert contrast(rgb[name], rgb["card"]) >= 3, name  # WCAG 1.4.11, graphics
    for name in [*EMOTIONS, "other-1", "other-2", "other-3", "accent"]:
        assert contrast(rgb[f"on-{name}"], rgb[name]) >= 4.5, name  # 1.4.3, text
    for ground in ("card", "page"):
        for name in ("ink", "soft", "accent"):
            assert contrast(rgb[name], rgb[ground]) >= 4.5, (name, ground)
