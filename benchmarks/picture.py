"""Draws speed.json: four measures, one row per stack. Points, not bars, because logarithmic axes have no zero."""

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

OURS, OTHERS = "#0f766e", "#64707d"
# Label to the names of its figures, whether it is ours, and whether it gives an answer or only computes features.
ROWS = {
    "emotion-edge, five-emotions": ("emotion-edge, five-emotions", "emotion-edge", True, True),
    "the same on numpy alone": ("emotion-edge, five-emotions, numpy", "emotion-edge, numpy", True, True),
    "emotion-edge, tess-mlp": ("emotion-edge, tess-mlp", "emotion-edge", True, True),
    "the same on numpy alone ": ("emotion-edge, tess-mlp, numpy", "emotion-edge, numpy", True, True),
    "librosa + Keras, tess-mlp": ("librosa + Keras", "librosa + Keras", False, True),
    "python_speech_features + Keras": (
        "python_speech_features + Keras",
        "python_speech_features + Keras",
        False,
        True,
    ),
    "openSMILE eGeMAPS": ("openSMILE eGeMAPS, features alone", "openSMILE eGeMAPS, features alone", False, False),
    "kaldi-native-fbank": ("kaldi-native-fbank, features alone", "kaldi-native-fbank, features alone", False, False),
    "read, resample, FFT of tess-mlp": ("floor of tess-mlp", None, False, False),
}


def draw(result, path):
    rate, warm = next(iter(result["warm_ms"].items()))
    panels = {
        "Fresh process to first answer\nCPU seconds": lambda name, _: fresh(result, name, "cpu_ms", 1000),
        "Its peak memory\nMB": lambda name, _: fresh(result, name, "peak_mb", 1),
        "Installed\nMB": lambda _, package: result.get("installed_mb", {}).get(package),
        f"Warm, a 2 s file at {rate} Hz\nCPU milliseconds": lambda name, _: warm.get(name),
    }
    figure, all_axes = pyplot.subplots(1, len(panels), sharey=True, figsize=(13, 4.6), layout="constrained")
    for axes, (title, value_of) in zip(all_axes, panels.items(), strict=True):
        values = [value_of(name, package) for name, package, *_ in ROWS.values()]
        known = [value for value in values if value] or [1]
        axes.set_xscale("log")
        axes.set_xlim(min(known) / 2, max(known) * 8)
        axes.hlines(range(len(ROWS)), *axes.get_xlim(), color="#e8ebee", linewidth=1, zorder=0)
        for row, (value, (*_, ours, answers)) in enumerate(zip(values, ROWS.values(), strict=True)):
            if value:
                draw_point(axes, value, row, OURS if ours else OTHERS, filled=answers, bold=ours)
        axes.set_title(title, fontsize=10, loc="left")
        axes.set_yticks(range(len(ROWS)), ROWS)
        axes.spines[:].set_visible(False)
        axes.tick_params(bottom=False, labelbottom=False, left=False)
        axes.minorticks_off()
    all_axes[0].invert_yaxis()
    for label, (*_, ours, _) in zip(all_axes[0].get_yticklabels(), ROWS.values(), strict=True):
        label.set_fontweight("bold" if ours else "normal")
    note = "Logarithmic: further left is less. Hollow: features alone, no answer."
    figure.supxlabel(note, fontsize=9, color="#55606b")
    figure.savefig(path, dpi=110)


def draw_point(axes, value, row, colour, *, filled, bold):
    axes.plot(value, row, "o", color=colour, markerfacecolor=colour if filled else "white", markersize=10)
    axes.annotate(
        in_short(value),
        (value, row),
        (10, 0),
        textcoords="offset points",
        va="center_baseline",
        fontsize=10,
        fontweight="bold" if bold else "normal",
    )


def in_short(value):
    """Three digits, without powers of ten."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def fresh(result, name, figure, unit):
    each = result["fresh"].get(name)
    return each and each[figure] / unit
