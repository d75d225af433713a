"""Temperatures that make a model's probabilities honest, kept beside its weights.

Guo et al., On Calibration of Modern Neural Networks (ICML 2017): the softmax over a property's
values is divided by one number, the temperature, that minimises the negative log-likelihood of
what is true. Fitted on validation, never on test.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field
from scipy.optimize import minimize_scalar

from k3m_kg.config import Settings, validate_settings
from k3m_kg.contracts import TrainedPredictor
from k3m_kg.errors import ArtifactError, ConfigError, UsageError
from k3m_kg.files import read_json, whole_file, write_json
from k3m_kg.progress import Advance
from k3m_kg.use.answers import ENOUGH, Answers, known_answers
from k3m_kg.use.open_model import OpenModel

FILE = "calibration.json"
SPLIT = "validation"
_COLDEST, _HOTTEST = 0.2, 20.0
_DIGITS = 6


class PropertyCalibration(Settings):
    """What validation says of one property.

    Attributes:
        temperature: the scores are divided by it.
        fitted: whether it is this property's own; else it is the pooled one.
        probability: calibrated, of the best value of each validation question.
        right: whether that value is true.
    """

    temperature: float = Field(gt=0)
    fitted: bool
    probability: list[float]
    right: list[bool]


class Calibration(Settings):
    """What `calibration.json` holds.

    Attributes:
        snapshot: the id of the snapshot whose validation split was asked.
        weights: SHA-256 of the weights that answered.
        pooled: the temperature of properties with few questions, or none.
        properties: by name, those that validation asks.
    """

    format: Literal[1] = 1
    snapshot: str
    weights: str
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
        with whole_file(artifact / FILE) as staging:
            write_json(staging, self.model_dump(mode="json"))


def load_calibration(trained: TrainedPredictor) -> Calibration | None:
    """What an earlier `calibrate` left beside these weights; None where there is nothing.

    Raises:
        ArtifactError: the file is damaged, or was made for other weights.
    """
    path = trained.path / FILE
    if not path.exists():
        return None
    try:
        found = validate_settings(Calibration, read_json(path), str(path))
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


def negative_log_likelihood(answers: Iterable[Answers], temperature: float) -> float:
    """Of a true value, the mean over the questions whose answer training has seen; NaN of none."""
    total, count = 0.0, 0
    for part in answers:
        seen_Q = part.right_QC.any(1)
        log_QC = (part.scores_QC[seen_Q] / temperature).log_softmax(1)
        right_Q = log_QC.masked_fill(~part.right_QC[seen_Q], -math.inf).logsumexp(1)
        total -= float(right_Q.double().sum())
        count += int(seen_Q.sum())
    return total / count if count else math.nan


def fit_temperature(answers: list[Answers]) -> float:
    """The temperature with the least negative log-likelihood, 1 where there is nothing to fit."""
    if not any(bool(part.right_QC.any()) for part in answers):
        return 1.0
    found = minimize_scalar(
        lambda log: negative_log_likelihood(answers, math.exp(log)),
        bounds=(math.log(_COLDEST), math.log(_HOTTEST)),
        method="bounded",
        options={"xatol": 1e-3},
    )
    return math.exp(float(found.x))


def fit_temperatures(
    answers: Iterable[Answers], *, enough: int = ENOUGH
) -> tuple[float, dict[str, PropertyCalibration]]:
    """A temperature for each property with at least `enough` questions, and one for the others.

    The pooled one is fitted to at most `enough` questions of each property, so that a frequent
    property counts no more than a rare one.

    Returns:
        The pooled temperature, and every property.
    """
    few: dict[str, Answers] = {}
    pool: list[Answers] = []
    result: dict[str, PropertyCalibration] = {}
    order = []
    for part in answers:
        order.append(part.name)
        pool.append(part.first(enough))
        if int(part.right_QC.any(1).sum()) >= enough:
            result[part.name] = _described(part, fit_temperature([part]), fitted=True)
        else:
            few[part.name] = part
    pooled = fit_temperature(pool)
    result |= {name: _described(part, pooled, fitted=False) for name, part in few.items()}
    return pooled, {name: result[name] for name in order}


def _described(part: Answers, temperature: float, *, fitted: bool) -> PropertyCalibration:
    probability_Q, right_Q = part.best(temperature)
    return PropertyCalibration(
        temperature=temperature,
        fitted=fitted,
        probability=np.round(probability_Q, _DIGITS).tolist(),
        right=right_Q.tolist(),
    )


def calibrate(
    opened: OpenModel,
    *,
    batch_size: int = 256,
    progress: Advance | None = None,
) -> Calibration:
    """Fit on the validation split, and keep the result in the artifact.

    Raises:
        UsageError: there is nothing to fit to.
        K3MError: the artifact's folder cannot be written, or the model gave NaN scores.
    """
    answers = known_answers(
        opened.predictor, opened.batcher, SPLIT, batch_size=batch_size, progress=progress
    )
    pooled, properties = fit_temperatures(answers)
    if not properties:
        raise UsageError(
            "nothing to calibrate with: validation asks no question",
            where=str(opened.snapshot.path),
            hint="cut a snapshot with a share for --validation or --holdout",
        )
    found = Calibration(
        snapshot=opened.snapshot.id,
        weights=opened.trained.weights,
        pooled=pooled,
        properties=properties,
    )
    found.save(opened.trained.path)
    return found
