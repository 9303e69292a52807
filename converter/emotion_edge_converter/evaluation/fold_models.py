"""Chooses the model for each recording: a single model, or the model of a fold that was trained without the speaker."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from emotion_edge import EmotionClassifier, ModelError
from emotion_edge.model.file import shipped
from emotion_edge.model.recipe import ModelRecipe
from emotion_edge.schema import check

from ..corpora.readers import Utterance
from ..errors import CorpusError

FOLDS_FILE: Final = "folds.json"
_FOLD_FORM: Final = '{"model": FILE, "speakers": {CORPUS: [SPEAKER, ...], ...}}'
_LEFT_OUT_FORM: Final = '{"model": FILE, "corpus": CORPUS}'
_MOST_NAMED: Final = 5


@dataclass(frozen=True)
class FoldModels:
    """Models with the same labels and the same features.

    Attributes:
        source: the argument of `load`.
        name: name of the model or of the folder.
        folds: the model of each fold, or the single model.
        by_speaker: corpus and speaker to the model that answers; None if there is a single model.
        by_corpus: corpus to the model that was trained without it.
    """

    source: str
    name: str
    folds: Sequence[EmotionClassifier]
    by_speaker: Mapping[tuple[str, str], EmotionClassifier] | None = None
    by_corpus: Mapping[str, EmotionClassifier] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the source only: another process cannot use the same interpreters."""
        return load, (self.source,)

    @property
    def any(self) -> EmotionClassifier:
        """One of the models, for properties that all of them share."""
        return self.folds[0]

    def of(self, utterance: Utterance) -> EmotionClassifier:
        """The model that answers a recording."""
        return self.any if self.by_speaker is None else self.by_speaker[utterance.corpus, utterance.speaker]

    def without_corpus_of(self, utterance: Utterance) -> EmotionClassifier | None:
        """The model that was trained without the corpus of a recording, if there is one."""
        return (self.by_corpus or {}).get(utterance.corpus)

    def require(self, utterances: Sequence[Utterance]) -> None:
        """Check that there is a model for every recording.

        Raises:
            CorpusError: some speakers are in no fold; it names them.
        """
        speakers = dict.fromkeys((utterance.corpus, utterance.speaker) for utterance in utterances)
        missing = [speaker for speaker in speakers if self.by_speaker is not None and speaker not in self.by_speaker]
        if missing:
            named = ", ".join(f"{corpus} {speaker or '(unknown)'}" for corpus, speaker in missing[:_MOST_NAMED])
            more = f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
            raise CorpusError(
                f"{self.name}: no fold in {FOLDS_FILE} lists {named}{more}: add them to the speakers of a fold"
            )


def load(source: str) -> FoldModels:
    """Load the models of a folder with a `folds.json`, or a single model by its path or the name of a shipped one.

    The file has the form `{"folds": [{"model": FILE, "speakers": {CORPUS: [SPEAKER, ...]}}], "left_out": [{"model":
    FILE, "corpus": CORPUS}]}`. File names are relative to the folder. The speakers of a fold are those that its model
    was not trained on.

    Raises:
        ModelError: a model is missing or cannot be used, the file has another form or lists a speaker twice, or the
            models differ in labels or features.
        InterpreterError: no interpreter that works here can run one of the models.
    """
    folder = Path(source)
    if source in shipped() or not folder.is_dir():
        classifier = EmotionClassifier(source)
        return FoldModels(source, classifier.recipe.name, [classifier])
    return _of_folder(folder)


def _of_folder(folder: Path) -> FoldModels:
    file = folder / FOLDS_FILE
    folds, left_out = _read(file)
    models = {name: _model(file, name) for name in dict.fromkeys(entry["model"] for entry in (*folds, *left_out))}
    first, *others = models
    for name in others:
        _check_alike(file, (first, models[first].recipe), (name, models[name].recipe))
    by_speaker: dict[tuple[str, str], EmotionClassifier] = {}
    for fold in folds:
        for speaker in ((corpus, name) for corpus, names in fold["speakers"].items() for name in names):
            if speaker in by_speaker:
                raise ModelError(
                    f"{file} lists the speaker {' '.join(speaker)} twice: list each speaker in one fold only"
                )
            by_speaker[speaker] = models[fold["model"]]
    by_corpus = {entry["corpus"]: models[entry["model"]] for entry in left_out}
    in_folds = [models[fold["model"]] for fold in folds]
    return FoldModels(str(folder), folder.resolve().name, in_folds, by_speaker, by_corpus)


def _read(file: Path) -> tuple[list[Any], list[Any]]:
    """The entries `folds` and `left_out`, after a check of their form."""
    try:
        data = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ModelError(
            f"{file} cannot be read: {error.strerror}; the folder needs this file, which assigns speakers to models"
        ) from error
    except ValueError as error:
        raise ModelError(f"{file} is not JSON: {error}") from error
    check(isinstance(data, dict), str(file), data, "a JSON object")
    folds, left_out = data.get("folds"), data.get("left_out", [])
    check(isinstance(folds, list) and bool(folds), f"{file}: folds", folds, f"a list of {_FOLD_FORM}")
    check(isinstance(left_out, list), f"{file}: left_out", left_out, f"a list of {_LEFT_OUT_FORM}")
    for entry in folds:
        check(_is_fold(entry), f"{file}: folds", entry, _FOLD_FORM)
    for entry in left_out:
        check(_is_left_out(entry), f"{file}: left_out", entry, _LEFT_OUT_FORM)
    return folds, left_out


def _is_fold(entry: Any) -> bool:
    speakers = entry.get("speakers") if isinstance(entry, dict) else None
    if not isinstance(speakers, dict) or not isinstance(entry.get("model"), str):
        return False
    return all(isinstance(names, list) and all(isinstance(name, str) for name in names) for names in speakers.values())


def _is_left_out(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("model"), str) and isinstance(entry.get("corpus"), str)


def _model(file: Path, name: str) -> EmotionClassifier:
    path = file.parent / name
    if not path.is_file():
        raise ModelError(f"{file} lists the model {name}, but there is no file {path}")
    return EmotionClassifier(path)


def _check_alike(file: Path, one: tuple[str, ModelRecipe], other: tuple[str, ModelRecipe]) -> None:
    """Check that two models have the same labels and the same features."""
    (one_name, one_recipe), (other_name, other_recipe) = one, other
    wanted = _shared(one_recipe)
    for field, got in _shared(other_recipe).items():
        if got != wanted[field]:
            raise ModelError(
                f"{file}: the models differ in {field}: {other_name} has {got}, {one_name} has {wanted[field]}; all "
                "models need the same features, and the same labels in the same order"
            )


def _shared(recipe: ModelRecipe) -> dict[str, Any]:
    mfcc = {f"mfcc.{name}": value for name, value in asdict(recipe.mfcc).items()}
    encoder = recipe.encoder and recipe.encoder.checksum
    return {"labels": ", ".join(recipe.labels), "pooling": recipe.pooling, "encoder": encoder, **mfcc}
