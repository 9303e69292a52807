"""speed.json as a picture: four measures, one row a stack; points, for the axes are logarithmic and have no zero to start bars from."""

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

OURS, OTHERS, FLOOR = "#1b7f5c", "#7b8794", "#c2cad2"
# Label to the names of its figures: fresh and warm, installed.
ROWS = {
    "emotion-edge,\nfive-emotions": ("emotion-edge, five-emotions", "emotion-edge", OURS),
    "emotion-edge,\ntess-mlp": ("emotion-edge, tess-mlp", "emotion-edge", OURS),
    "librosa + Keras,\nthe same model": ("librosa + Keras", "librosa + Keras", OTHERS),
    "python_speech_features\n+ Keras": ("python_speech_features + Keras", "python_speech_features + Keras", OTHERS),
    "openSMILE eGeMAPS,\nfeatures alone": (
        "openSMILE eGeMAPS, features alone",
        "openSMILE eGeMAPS, features alone",
        OTHERS,
    ),
    "kaldi-native-fbank,\nfeatures alone": (
        "kaldi-native-fbank, features alone",
        "kaldi-native-fbank, features alone",
        OTHERS,
    ),
    "read, resample, FFT\n(tess-mlp's)": ("floor of tess-mlp", None, FLOOR),
}


def draw(result, path):
    rate, warm = next(iter(result["warm_ms"].items()))
    panels = {
        "fresh process to first answer,\nCPU seconds": lambda name, _: fresh(result, name, "cpu_ms", 1000),
        "its peak memory, MB": lambda name, _: fresh(result, name, "peak_mb", 1),
        "installed, MB": lambda _, package: result.get("installed_mb", {}).get(package),
        f"warm, a 2 s file at {rate} Hz,\nCPU milliseconds": lambda name, _: warm.get(name),
    }
    figure, all_axes = pyplot.subplots(1, len(panels), sharey=True, figsize=(13, 4.2), layout="constrained")
    rows = range(len(ROWS))
    for axes, (title, value_of) in zip(all_axes, panels.items(), strict=True):
        values = [value_of(name, package) for name, package, _ in ROWS.values()]
        axes.set_xscale("log")
        axes.set_xlim(min(filter(None, values)) / 2, max(filter(None, values)) * 6)
        axes.hlines(rows, *axes.get_xlim(), color="#e8ebee", linewidth=1, zorder=0)
        for row, value, (*_, colour) in zip(rows, values, ROWS.values(), strict=True):
            if value:
                axes.plot(value, row, "o", color=colour, markersize=11)
                bold = "bold" if colour == OURS else "normal"
                axes.text(value * 1.3, row, in_short(value), va="center", fontsize=10, fontweight=bold)
        axes.set_title(title, fontsize=10, loc="left")
        axes.set_yticks(rows, ROWS)
        axes.spines[:].set_visible(False)
        axes.tick_params(bottom=False, labelbottom=False, left=False)
        axes.minorticks_off()
    all_axes[0].invert_yaxis()
    figure.supxlabel("logarithmic: less is further left", fontsize=9, color="#55606b")
    figure.savefig(path, dpi=110)


def in_short(value):
    """Three digits, and no powers of ten."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def fresh(result, name, figure, unit):
    each = result["fresh"].get(name)
    return each and each[figure] / unit
