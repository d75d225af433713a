"""Temperatures that make a model's probabilities honest, kept beside its weights.

Guo et al., On Calibration of Modern Neural Networks (ICML 2017): the softmax over a property's
values is divided by one number, the temperature, that minimises the negative log-likelihood of
what is true: of the true value, and where training never saw that one, of the best value's being
wrong. Without the latter a property of many new values would be promised far too much. Fitted on a
part of validation, never on test; thresholds are proved on the other part
(`k3m_kg.snapshot.validation_parts`). A fit is kept where it is better than no temperature at all,
which is asked within the fitting part: each half is judged by the temperature of the other, by that
likelihood and by how likely it is that best values are right or wrong as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from k3m_kg.config import Settings, validate_settings
from k3m_kg.contracts import TrainedPredictor
from k3m_kg.errors import ArtifactError, ConfigError, UsageError
from k3m_kg.files import whole_file
from k3m_kg.manifests import read_json, write_json
from k3m_kg.presence.applies import Applies, learn, save
from k3m_kg.progress import Advance
from k3m_kg.quality.promises import effective_number
from k3m_kg.snapshot.validation_parts import PROOF, ValidationParts
from k3m_kg.use.calibration.answers import ENOUGH, KnownAnswers, completion_questions, known_answers
from k3m_kg.use.calibration.decided import NOTHING_DECIDED, DecidedAnswers, DecidedProposals
from k3m_kg.use.calibration.temperature import temperature_if_better
from k3m_kg.use.completion.lacking import LackingAnswers, lacking_answers
from k3m_kg.use.open_model import OpenModel

FILE = "calibration.json"
SPLIT = "validation"
_DIGITS = 6
_OLDER = {
    "1": "proved thresholds on what it was fitted to",
    "2": "did not ask whether a property applies at all",
}
_Probability = Annotated[float, Field(ge=0, le=1)]


class PropertyCalibration(Settings):
    """What validation says of one property.

    Attributes:
        temperature: the scores are divided by it.
        source: whether it is the property's `own`, the `pooled` one, or 1, the `identity`, where
            its own is no better.
        fitting: how many questions of the fitting part the property has.
        probability: that the property applies and the best value is its, calibrated, of each
            question of the proof part; all are about products that state the property.
        right: whether that value is true.
        lacking: the same probability of validation products that do not state the property and that
            it may apply to; None where everything applies.
        applies: of each of `lacking`, how probably the property applies.
        decided: the same probability of proposals that people decided.
        decided_right: what they say of each.
        decided_weight: for how many proposals each counts.
    """

    temperature: float = Field(gt=0)
    source: Literal["own", "pooled", "identity"]
    fitting: int = Field(ge=0)
    probability: list[_Probability]
    right: list[bool]
    lacking: list[_Probability] | None = None
    applies: list[_Probability] | None = None
    decided: list[_Probability] = Field(default_factory=list)
    decided_right: list[bool] = Field(default_factory=list)
    decided_weight: list[Annotated[float, Field(gt=0)]] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_answer_each(self) -> PropertyCalibration:
        if len(self.probability) != len(self.right):
            raise ValueError("probability and right are not of the same questions")
        if len(self.lacking or ()) != len(self.applies or ()):
            raise ValueError("lacking and applies are not of the same questions")
        if not len(self.decided) == len(self.decided_right) == len(self.decided_weight):
            raise ValueError("what is said of decided proposals is not of the same ones")
        return self


class PartSize(Settings):
    """How much of validation a part of it is.

    Attributes:
        products: those that are asked about.
        questions: about them.
    """

    products: int = Field(ge=0)
    questions: int = Field(ge=0)


class DecisionsUsed(Settings):
    """What of people's decisions a calibration rests on.

    Attributes:
        proposals: the model's, decided or not.
        decided: that people decided and that the model would still propose.
        right: of these.
        effective: how many of them, drawn at random, would say as much.
        clipped: those that would have counted for more.
        unseen: proposals in ranges of probability of which nothing is decided.
        answers: answers of validation that people judged.
    """

    proposals: int = Field(ge=0)
    decided: int = Field(ge=0)
    right: int = Field(ge=0)
    effective: float = Field(ge=0)
    clipped: int = Field(ge=0)
    unseen: int = Field(ge=0)
    answers: int = Field(ge=0)


class Calibration(Settings):
    """What `calibration.json` holds.

    Attributes:
        decisions: of people, in it; None where nobody decided anything.
        fitting: products and questions that temperatures were fitted to.
        proof: products and questions that were kept for the proof of thresholds.
        snapshot: the id of the snapshot whose validation split was asked.
        weights: SHA-256 of the weights that answered.
        pooled: the temperature of properties with few questions, or none.
        properties: by name, those that validation asks.
    """

    format: Literal[3] = 3
    snapshot: str
    weights: str
    fitting: PartSize
    proof: PartSize
    pooled: float = Field(gt=0)
    properties: dict[str, PropertyCalibration]
    decisions: DecisionsUsed | None = None

    def temperature(self, name: str) -> float:
        """Of a property, asked in validation or not."""
        found = self.properties.get(name)
        return self.pooled if found is None else found.temperature

    def save(self, artifact: Path) -> None:
        """Write it into the artifact's folder, whole or not at all.

        Raises:
            K3MError: the folder cannot be written.
        """
        with whole_file(artifact / FILE, named=False) as staging:
            write_json(staging, self.model_dump(mode="json"))


def load_calibration(trained: TrainedPredictor) -> Calibration | None:
    """What an earlier `calibrate` left beside these weights; None where there is nothing.

    Raises:
        ArtifactError: the file is damaged, or was made for other weights.
    """
    path = trained.path / FILE
    if not path.exists():
        return None
    data = read_json(path)
    if isinstance(data, dict) and (older := _OLDER.get(str(data.get("format")))):
        raise ArtifactError(
            f"was made by an older k3m-kg, which {older}",
            where=str(path),
            hint=hint(trained),
        )
    try:
        found = validate_settings(Calibration, data, str(path))
    except ConfigError as error:
        raise ArtifactError(
            f"is damaged: {error.message}", where=str(path), hint=hint(trained)
        ) from None
    if found.weights != trained.weights:
        raise ArtifactError("was made for other weights", where=str(path), hint=hint(trained))
    return found


def hint(trained: TrainedPredictor) -> str:
    """How to get a calibration."""
    return f"`k3m-kg evaluate {trained.path} --calibrate` makes it from the validation split"


def fit_temperatures(
    answers: Iterable[KnownAnswers], parts: ValidationParts, *, enough: int = ENOUGH
) -> tuple[float, dict[str, PropertyCalibration]]:
    """A temperature for each property with at least `enough` questions, and one for the others.

    All are fitted to the fitting part. The pooled one is fitted to at most `enough` questions of
    each property, so that a frequent property counts no more than a rare one.

    Returns:
        The pooled temperature, and every property.
    """
    proofs: dict[str, KnownAnswers] = {}
    fitting: dict[str, int] = {}
    own: dict[str, float] = {}
    pool: tuple[list[KnownAnswers], list[KnownAnswers]] = ([], [])
    for part in answers:
        fold_Q = parts.fold(part.rows_Q)
        halves = [part.some(fold_Q == number) for number in (0, 1)]
        proofs[part.name] = part.some(fold_Q == PROOF)
        fitting[part.name] = sum(map(len, halves))
        for half, place in zip(halves, pool, strict=True):
            place.append(half.first(enough // 2))
        if fitting[part.name] >= enough:
            own[part.name] = temperature_if_better(halves[:1], halves[1:])
    pooled = temperature_if_better(*pool)
    result = {}
    for name, proof in proofs.items():
        temperature = own.get(name, pooled)
        probability_Q, right_Q = proof.best(temperature)
        result[name] = PropertyCalibration(
            temperature=temperature,
            source="pooled" if name not in own else "identity" if temperature == 1.0 else "own",
            fitting=fitting[name],
            probability=np.round(probability_Q * proof.applies_Q, _DIGITS).tolist(),
            right=right_Q.tolist(),
        )
    return pooled, result


def validation_parts(opened: OpenModel) -> ValidationParts:
    """The two parts of the products that validation asks about."""
    questions, _ = completion_questions(opened.batcher, SPLIT)
    return ValidationParts.of(opened.snapshot, questions.rows)


def calibrate(
    opened: OpenModel,
    decided: DecidedProposals = NOTHING_DECIDED,
    *,
    batch_size: int = 256,
    progress: Advance | None = None,
) -> Calibration:
    """Fit on one part of the validation split, and keep the result in the artifact.

    Answers that people judged are what they say; what they decided about the model's proposals is
    kept to prove thresholds with.

    Raises:
        UsageError: there is nothing to fit to.
        K3MError: the artifact's folder cannot be written, or the model gave NaN scores.
    """
    parts = validation_parts(opened)
    estimate = learn(opened.snapshot)
    applies = Applies(estimate, opened.snapshot)
    judged = 0

    def truth() -> Iterator[KnownAnswers]:
        nonlocal judged
        for part in known_answers(
            opened.predictor,
            opened.batcher,
            SPLIT,
            applies=applies,
            batch_size=batch_size,
            progress=progress,
        ):
            judged += decided.judges(part, opened.batcher)
            yield decided.corrected(part, opened.batcher)

    pooled, properties = fit_temperatures(truth(), parts)
    if not properties:
        raise UsageError(
            "nothing to calibrate with: validation asks no question",
            where=str(opened.snapshot.path),
            hint="cut a snapshot with a share for --validation or --holdout",
        )
    fold = parts.fold(parts.rows)
    found = Calibration(
        snapshot=opened.snapshot.id,
        weights=opened.trained.weights,
        fitting=PartSize(
            products=int((fold != PROOF).sum()),
            questions=sum(item.fitting for item in properties.values()),
        ),
        proof=PartSize(
            products=int((fold == PROOF).sum()),
            questions=sum(len(item.right) for item in properties.values()),
        ),
        pooled=pooled,
        properties=properties,
    )
    lacking = lacking_answers(opened, SPLIT, applies, found.temperature, batch_size=batch_size)
    answers = decided.answers(
        opened.predictor, opened.batcher, applies, found.temperature, batch_size=batch_size
    )
    for name in answers.keys() - properties.keys():  # validation asks nothing of it
        properties[name] = PropertyCalibration(
            temperature=pooled, source="pooled", fitting=0, probability=[], right=[]
        )
    found = found.model_copy(
        update={
            "properties": {
                name: item.model_copy(
                    update=_as_lists(lacking.get(name)) | _decided(answers.get(name))
                )
                for name, item in properties.items()
            },
            "decisions": _used(decided, answers, judged),
        }
    )
    save(estimate, opened.snapshot, opened.trained.path)
    found.save(opened.trained.path)
    return found


def _used(
    decided: DecidedProposals, answers: Mapping[str, DecidedAnswers], judged: int
) -> DecisionsUsed | None:
    weights = [one.weight_D for one in answers.values()]
    used = DecisionsUsed(
        proposals=decided.asked,
        decided=sum(map(len, weights)),
        right=sum(int(one.right_D.sum()) for one in answers.values()),
        effective=round(effective_number(np.concatenate([*weights, np.empty(0)])), 1),
        clipped=decided.clipped,
        unseen=decided.unseen,
        answers=judged,
    )
    return used if used.decided or used.answers else None


def _decided(found: DecidedAnswers | None) -> dict[str, list[Any]]:
    if found is None:
        return {}
    return {
        "decided": np.round(found.probability_D, _DIGITS).tolist(),
        "decided_right": found.right_D.tolist(),
        "decided_weight": np.round(found.weight_D, _DIGITS).tolist(),
    }


def _as_lists(lacking: LackingAnswers | None) -> dict[str, list[float]]:
    if lacking is None:
        return {"lacking": [], "applies": []}
    return {
        "lacking": np.round(lacking.probability_Q, _DIGITS).tolist(),
        "applies": np.round(lacking.applies_Q, _DIGITS).tolist(),
    }
