"""The stacks that speed.py and throughput.py compare, each as its users write it: a file in, an answer out.

    python benchmarks/peers.py NAME FILE           answer once, and print the answer and the peak memory
    python benchmarks/peers.py NAME FILE --serve   answer again for each line on standard input; print CPU milliseconds

Each function loads what it needs and returns a function that answers. Nothing else is imported.
"""

import sys
import time
from pathlib import Path

MODELS = Path(__file__).parents[1] / "models"
LABELS = ("angry", "fear", "happy", "neutral", "sad")
ROUNDS_BEFORE = 5  # to fill caches, and for TensorFlow to compile


def emotion_edge(model):
    from emotion_edge import EmotionClassifier

    return EmotionClassifier(model).classify


def without_gate(model):
    """The model without the speech gate, because the other stacks have none."""
    from emotion_edge import EmotionClassifier

    class Ungated(EmotionClassifier):
        gate = None

    return Ungated(model)


def emotion_edge_on_numpy(model):
    """As on a machine without LiteRT, which is not loaded."""
    from emotion_edge import EmotionClassifier
    from emotion_edge.model import interpreter

    for name in [name for name in interpreter.BACKENDS if name != "numpy"]:
        del interpreter.BACKENDS[name]
    return EmotionClassifier(model).classify


def emotion_edge_fast(model):
    """With scipy's Fourier transform, as with the extra `fast`."""
    import scipy.fft  # noqa: F401

    return emotion_edge(model)


def command(model):
    """`emotion-edge classify`."""
    from emotion_edge.cli.main import main

    return lambda file: main(["classify", "--model", model, file])


def averaged_mfcc(file):
    """The features of the study for one file."""
    import librosa

    samples, rate = librosa.load(file, sr=22050)
    return librosa.feature.mfcc(y=samples, sr=rate, n_mfcc=30).mean(axis=1)


def network():
    """The small dense network of the study."""
    import keras

    return keras.models.load_model(MODELS / "tess-mlp.keras")


def librosa_keras(*, directly=False):
    """The method of the study: averaged MFCCs and a small dense network."""
    import librosa  # noqa: F401
    import numpy as np

    model = network()

    def answer(file):
        features = averaged_mfcc(file)[np.newaxis]
        logits = np.asarray(model(features)) if directly else model.predict(features, verbose=0)
        return LABELS[int(logits.argmax())]

    return answer


def log_mel(file):
    """The frames that the voice encoder of five-emotions takes, in decibels, by librosa; shape (n, 80)."""
    import librosa

    samples, rate = librosa.load(file, sr=16000)
    power = librosa.feature.melspectrogram(
        y=samples, sr=rate, n_fft=400, hop_length=160, n_mels=80, fmax=8000.0, pad_mode="constant"
    )
    return librosa.power_to_db(power, amin=1e-10, top_db=None).T[:-1]


def voice_networks():
    """The voice encoder and the head of five-emotions in Keras, in float32; the encoder has the weights of its file."""
    sys.path.insert(0, str(MODELS.parent / "converter"))
    import keras
    from ai_edge_litert.interpreter import Interpreter
    from emotion_edge_converter.encoder import network, weights

    file = Interpreter(model_path=str(MODELS / "voice-encoder.tflite"))
    parts = {each["name"]: each["index"] for each in file.get_tensor_details() if "/" in each["name"]}
    parts = {name: file.get_tensor(index) for name, index in parts.items()}
    dense = {}
    for name in ("conv1", "conv2", *network.DENSE):
        rows, bias, scale = (parts[f"{name}/{each}"] for each in ("rows", "bias", "scale"))
        dense[name] = scale[:, None] * rows * parts.get(f"{name}/moved", 1.0), scale * bias
    dense["query_key_value"][0][: weights.WIDTH] *= 8.0  # the file has the 1 / sqrt(64) of the attention here
    dense["query_key_value"][1][: weights.WIDTH] *= 8.0
    values = {}
    for name, (matrix, bias) in dense.items():
        if name.startswith("conv"):  # the file has three frames side by side
            values |= {f"{name}.weight": matrix.reshape(len(bias), 3, -1).transpose(0, 2, 1), f"{name}.bias": bias}
        else:
            values |= {f"block0.{name}.weight": matrix, f"block0.{name}.bias": bias}
    for name in ("attention_norm", "mlp_norm"):
        ones, zeros = (fill + 0 * dense["conv2"][1] for fill in (1.0, 0.0))
        values |= {f"block0.{name}.gamma": ones, f"block0.{name}.beta": zeros}
    return network.build(values), keras.models.load_model(MODELS / "five-emotions.keras")


def as_input(decibels):
    """As Whisper: the range is limited to 80 dB. The loudest value is set to a fixed one."""
    loudest = decibels.max()
    return ((decibels.clip(min=loudest - 80) - loudest + 12) / 10 + 4) / 4


def pooled(frames, decibels):
    """Mean and deviation of the frames within 30 dB of the loudest."""
    import numpy as np

    pairs = np.arange(0, len(decibels), 2)
    power = np.add.reduceat((10 ** (decibels / 10)).sum(axis=1), pairs) / np.minimum(2, len(decibels) - pairs)
    loud = frames[: len(pairs)][10 * np.log10(power) >= 10 * np.log10(power.max()) - 30]
    return np.concatenate([loud.mean(axis=0), loud.std(axis=0)])


def librosa_voice_keras():
    """The network of five-emotions, one file at a time."""
    import librosa  # noqa: F401
    import numpy as np

    encoder, head = voice_networks()

    def answer(file):
        decibels = log_mel(file)
        frames = np.asarray(encoder(as_input(decibels)[np.newaxis]))[0]
        return LABELS[int(np.asarray(head(pooled(frames, decibels)[np.newaxis])).argmax())]

    return answer


def python_speech_features_keras():
    """Its answers mean nothing, because the network learnt librosa's MFCCs. The cost is that of a network for these."""
    import numpy as np
    import scipy.io.wavfile
    from python_speech_features import mfcc

    model = network()

    def answer(file):
        rate, samples = scipy.io.wavfile.read(file)
        features = np.mean(mfcc(samples, rate, numcep=30, nfilt=40, nfft=2048), axis=0)[np.newaxis]
        return int(model.predict(features, verbose=0).argmax())

    return answer


def opensmile_egemaps():
    """The 88 functionals of eGeMAPSv02, without a model."""
    import opensmile

    smile = opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.Functionals
    )
    return lambda file: smile.process_file(file).shape


def kaldi_fbank():
    """64 log-mel bands every 10 ms, without statistics or a model."""
    import kaldi_native_fbank
    import soundfile
    import soxr

    options = kaldi_native_fbank.FbankOptions()
    options.mel_opts.num_bins = 64
    options.frame_opts.dither = 0

    def answer(file):
        samples, rate = soundfile.read(file, dtype="float32")
        fbank = kaldi_native_fbank.OnlineFbank(options)
        fbank.accept_waveform(16000, soxr.resample(samples, rate, 16000))
        fbank.input_finished()
        return fbank.num_frames_ready

    return answer


def floor(wanted_rate, n_fft, hop, *, fast=False):
    """Only reading, resampling and the Fourier transform, as fast as this project can do them."""
    import numpy as np
    import soundfile
    import soxr

    transform = np.fft.rfft
    if fast:
        import scipy.fft

        transform = scipy.fft.rfft
    np.empty(1 << 22, np.uint8)  # see emotion_edge/features/mfcc.py
    at_once = (1 << 18) // (4 * n_fft)

    def answer(file):
        samples, rate = soundfile.read(file, dtype="float32")
        samples = np.pad(soxr.resample(samples, rate, wanted_rate), n_fft // 2)
        frames = np.lib.stride_tricks.sliding_window_view(samples, n_fft)[::hop]
        for first in range(0, len(frames), at_once):
            transform(frames[first : first + at_once], axis=1)
        return len(frames)

    return answer


PEERS = {
    "emotion-edge, tess-mlp": lambda: emotion_edge("tess-mlp"),
    "emotion-edge, five-emotions": lambda: emotion_edge("five-emotions"),
    "emotion-edge, tess-mlp, no gate": lambda: without_gate("tess-mlp").classify,
    "emotion-edge, five-emotions, no gate": lambda: without_gate("five-emotions").classify,
    "emotion-edge, tess-mlp, numpy": lambda: emotion_edge_on_numpy("tess-mlp"),
    "emotion-edge, five-emotions, numpy": lambda: emotion_edge_on_numpy("five-emotions"),
    "emotion-edge[fast], tess-mlp": lambda: emotion_edge_fast("tess-mlp"),
    "emotion-edge[fast], five-emotions": lambda: emotion_edge_fast("five-emotions"),
    "the command, tess-mlp": lambda: command("tess-mlp"),
    "the command, five-emotions": lambda: command("five-emotions"),
    "librosa + Keras": librosa_keras,
    "librosa + Keras, model(x)": lambda: librosa_keras(directly=True),
    "librosa + Keras, five-emotions, model(x)": librosa_voice_keras,
    "python_speech_features + Keras": python_speech_features_keras,
    "openSMILE eGeMAPS, features alone": opensmile_egemaps,
    "kaldi-native-fbank, features alone": kaldi_fbank,
    "floor of tess-mlp": lambda: floor(22050, 2048, 512),
    "floor of five-emotions": lambda: floor(16000, 400, 160),
    "floor of tess-mlp, scipy": lambda: floor(22050, 2048, 512, fast=True),
    "floor of five-emotions, scipy": lambda: floor(16000, 400, 160, fast=True),
}


def peak_mb():
    """Peak memory of this process, in 10^6 bytes. Not ru_maxrss, where a child starts with the value of its parent."""
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6


def serve(answer, file):
    for _ in range(ROUNDS_BEFORE):
        answer(file)
    print("ready", flush=True)
    for line in sys.stdin:
        wanted = line.strip() or file
        began = time.process_time()
        answer(wanted)
        print(1000 * (time.process_time() - began), flush=True)


def main():
    name, file, *serving = sys.argv[1:]
    try:
        answer = PEERS[name]()
    except ImportError as error:
        sys.exit(f"{name}: {error}")
    if serving:
        serve(answer, file)
    else:
        print(answer(file))
        print(peak_mb())


if __name__ == "__main__":
    main()
