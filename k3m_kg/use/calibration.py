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

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator
from scipy.optimize import minimize_scalar

from k3m_kg.config import Settings, validate_settings
from k3m_kg.contracts import TrainedPredictor
from k3m_kg.errors import ArtifactError, ConfigError, UsageError
from k3m_kg.files import whole_file
from k3m_kg.manifests import read_json, write_json
from k3m_kg.presence.applies import Applies, learn, save
from k3m_kg.progress import Advance
from k3m_kg.snapshot.validation_parts import PROOF, ValidationParts
from k3m_kg.use.answers import ENOUGH, KnownAnswers, completion_questions, known_answers
from k3m_kg.use.lacking import LackingAnswers, lacking_answers
from k3m_kg.use.open_model import OpenModel

FILE = "calibration.json"
SPLIT = "validation"
_COLDEST, _HOTTEST = 0.2, 20.0
_SUREST = -30.0
"""The log-probability of what the scores hold to be impossible."""
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
    """

    temperature: float = Field(gt=0)
    source: Literal["own", "pooled", "identity"]
    fitting: int = Field(ge=0)
    probability: list[_Probability]
    right: list[bool]
    lacking: list[_Probability] | None = None
    applies: list[_Probability] | None = None

    @model_validator(mode="after")
    def _one_answer_each(self) -> PropertyCalibration:
        if len(self.probability) != len(self.right):
            raise ValueError("probability and right are not of the same questions")
        if len(self.lacking or ()) != len(self.applies or ()):
            raise ValueError("lacking and applies are not of the same questions")
        return self


class PartSize(Settings):
    """How much of validation a part of it is.

    Attributes:
        products: those that are asked about.
        questions: about them.
    """

    products: int = Field(ge=0)
    questions: int = Field(ge=0)


class Calibration(Settings):
    """What `calibration.json` holds.

    Attributes:
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


def negative_log_likelihood(answers: Iterable[KnownAnswers], temperature: float) -> float:
    """Of a true value, the mean over the questions whose answer training has seen; NaN of none."""
    total, count = _likelihood(answers, temperature)
    return total / count if count else math.nan


def _losses(answers: Iterable[KnownAnswers], temperature: float) -> np.ndarray:
    """(2,) negative log-likelihoods over all questions.

    That of the answers, of which one unseen in training says that the best value is wrong; and that
    of best values being right or wrong, which is what a probability is read as.
    """
    answer = best = 0.0
    for part in answers:
        log_QC = (part.scores_QC.double() / temperature).log_softmax(1)
        top_Q = log_QC.max(1)
        rest_QC = log_QC.scatter(1, top_Q.indices[:, None], -math.inf)
        wrong_Q = rest_QC.logsumexp(1).clamp(min=_SUREST)
        true_Q = log_QC.masked_fill(~part.right_QC, -math.inf).logsumexp(1)
        seen_Q = part.right_QC.any(1)
        right_Q = part.right_QC.gather(1, top_Q.indices[:, None])[:, 0]
        answer -= float(true_Q.where(seen_Q, wrong_Q).sum())
        best -= float(top_Q.values.where(right_Q, wrong_Q).sum())
    return np.array([answer, best])


def _likelihood(answers: Iterable[KnownAnswers], temperature: float) -> tuple[float, int]:
    """The sum of negative log-likelihoods, and over how many questions."""
    total, count = 0.0, 0
    for part in answers:
        seen_Q = part.right_QC.any(1)
        log_QC = (part.scores_QC[seen_Q] / temperature).log_softmax(1)
        right_Q = log_QC.masked_fill(~part.right_QC[seen_Q], -math.inf).logsumexp(1)
        total -= float(right_Q.double().sum())
        count += int(seen_Q.sum())
    return total, count


def fit_temperature(answers: list[KnownAnswers]) -> float:
    """The temperature with the least negative log-likelihood, 1 where there is nothing to fit."""
    if not any(map(len, answers)):
        return 1.0
    found = minimize_scalar(
        lambda log: _losses(answers, math.exp(log))[0],
        bounds=(math.log(_COLDEST), math.log(_HOTTEST)),
        method="bounded",
        options={"xatol": 1e-3},
    )
    return math.exp(float(found.x))


def temperature_if_better(one: list[KnownAnswers], other: list[KnownAnswers]) -> float:
    """The temperature of both halves together; 1 where that of one half does not help the other."""
    fitted = _losses(other, fit_temperature(one)) + _losses(one, fit_temperature(other))
    identity = _losses([*one, *other], 1.0)
    return fit_temperature([*one, *other]) if (fitted < identity).all() else 1.0


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
    *,
    batch_size: int = 256,
    progress: Advance | None = None,
) -> Calibration:
    """Fit on one part of the validation split, and keep the result in the artifact.

    Raises:
        UsageError: there is nothing to fit to.
        K3MError: the artifact's folder cannot be written, or the model gave NaN scores.
    """
    parts = validation_parts(opened)
    estimate = learn(opened.snapshot)
    applies = Applies(estimate, opened.snapshot)
    answers = known_answers(
        opened.predictor,
        opened.batcher,
        SPLIT,
        applies=applies,
        batch_size=batch_size,
        progress=progress,
    )
    pooled, properties = fit_temperatures(answers, parts)
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
    found = found.model_copy(
        update={
            "properties": {
                name: item.model_copy(update=_as_lists(lacking.get(name)))
                for name, item in properties.items()
            }
        }
    )
    save(estimate, opened.snapshot, opened.trained.path)
    found.save(opened.trained.path)
    return found


def _as_lists(lacking: LackingAnswers | None) -> dict[str, list[float]]:
    if lacking is None:
        return {"lacking": [], "applies": []}
    return {
        "lacking": np.round(lacking.probability_Q, _DIGITS).tolist(),
        "applies": np.round(lacking.applies_Q, _DIGITS).tolist(),
    }
