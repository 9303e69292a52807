"""Who answers whom: one model for everybody, or of each fold the model that never heard its speakers."""

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
_NAMED: Final = 5


@dataclass(frozen=True)
class FoldModels:
    """The models that answer. They have the same labels, and see the same features of a sound.

    Attributes:
        source: where they come from, as `load` takes it.
        name: of the model, or of the folder.
        folds: of each fold its model; or the single one.
        by_speaker: corpus and speaker to the model that answers; None where one answers everybody.
        by_corpus: corpus to the model that was trained without it.
    """

    source: str
    name: str
    folds: Sequence[EmotionClassifier]
    by_speaker: Mapping[tuple[str, str], EmotionClassifier] | None = None
    by_corpus: Mapping[str, EmotionClassifier] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as where they come from: interpreters are not for other processes."""
        return load, (self.source,)

    @property
    def any(self) -> EmotionClassifier:
        """One of them, for what they share."""
        return self.folds[0]

    def of(self, utterance: Utterance) -> EmotionClassifier:
        """Who answers a recording."""
        return self.any if self.by_speaker is None else self.by_speaker[utterance.corpus, utterance.speaker]

    def without_corpus_of(self, utterance: Utterance) -> EmotionClassifier | None:
        """Who never heard any of a recording's corpus, if there is one."""
        return (self.by_corpus or {}).get(utterance.corpus)

    def require(self, utterances: Sequence[Utterance]) -> None:
        """Raise a CorpusError that names the speakers in no fold, unless there is a model for every recording."""
        speakers = dict.fromkeys((utterance.corpus, utterance.speaker) for utterance in utterances)
        missing = [speaker for speaker in speakers if self.by_speaker is not None and speaker not in self.by_speaker]
        if missing:
            named = ", ".join(f"{corpus} {speaker or '(unknown)'}" for corpus, speaker in missing[:_NAMED])
            more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
            raise CorpusError(
                f"{self.name}: no fold of {FOLDS_FILE} answers {named}{more}: add them to the speakers of one"
            )


def load(source: str) -> FoldModels:
    """The models of a folder with a `folds.json`, or a single one by its path or, where it is shipped, its name.

    The file has the form `{"folds": [{"model": FILE, "speakers": {CORPUS: [SPEAKER, ...]}}], "left_out": [{"model": FILE,
    "corpus": CORPUS}]}`, file names relative to the folder; the speakers are those that the model was not trained on.

    Raises:
        ModelError: one is missing or cannot be used, the file has another form or names a speaker twice, or the models
            differ in labels or features.
        InterpreterError: no interpreter works here with one of them.
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
                raise ModelError(f"{file} names the speaker {' '.join(speaker)} twice: one fold answers each")
            by_speaker[speaker] = models[fold["model"]]
    by_corpus = {entry["corpus"]: models[entry["model"]] for entry in left_out}
    in_folds = [models[fold["model"]] for fold in folds]
    return FoldModels(str(folder), folder.resolve().name, in_folds, by_speaker, by_corpus)


def _read(file: Path) -> tuple[list[Any], list[Any]]:
    """The entries `folds` and `left_out`, each of its form."""
    try:
        data = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ModelError(
            f"{file} cannot be read: {error.strerror}; it says which model answers which speakers"
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
        raise ModelError(f"{file} names the model {name}, and there is no file {path}")
    return EmotionClassifier(path)


def _check_alike(file: Path, one: tuple[str, ModelRecipe], other: tuple[str, ModelRecipe]) -> None:
    """Raise a ModelError unless two models have the same labels and see the same features."""
    (one_name, one_recipe), (other_name, other_recipe) = one, other
    wanted = _shared(one_recipe)
    for field, got in _shared(other_recipe).items():
        if got != wanted[field]:
            raise ModelError(
                f"{file}: the models differ in {field}: {other_name} has {got}, {one_name} has {wanted[field]}; all "
                "must give the same labels, in one order, to the same features"
            )


def _shared(recipe: ModelRecipe) -> dict[str, Any]:
    mfcc = {f"mfcc.{name}": value for name, value in asdict(recipe.mfcc).items()}
    prosody = {} if recipe.prosody is None else {f"prosody.{name}": v for name, v in asdict(recipe.prosody).items()}
    return {"labels": ", ".join(recipe.labels), "pooling": recipe.pooling, **mfcc, **prosody}
