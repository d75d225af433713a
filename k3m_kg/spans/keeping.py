"""A fitted span scorer in a file beside a model's weights: arrays and texts, nothing that runs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator
from safetensors import SafetensorError
from safetensors.numpy import load, save

from k3m_kg.config import Settings, validate_settings
from k3m_kg.errors import ArtifactError, ConfigError
from k3m_kg.files import whole_file
from k3m_kg.manifests import read_json, write_json
from k3m_kg.spans.features import SIZE
from k3m_kg.spans.knowledge import KnownValues
from k3m_kg.spans.scoring import SpanScorer

FILE, ARRAYS = "spans.json", "spans.safetensors"
_Count = Annotated[int, Field(ge=0)]


class _Known(Settings):
    values: list[str]
    counts: list[_Count]
    stood: list[_Count]

    @model_validator(mode="after")
    def _one_each(self) -> _Known:
        if not len(self.values) == len(self.counts) == len(self.stood):
            raise ValueError("values and counts are not of the same length")
        return self


class _Kept(Settings):
    """What `spans.json` holds; the weights of features and the counts of texts lie beside it.

    Attributes:
        snapshot: the id of the snapshot that it was fitted to.
        long: the properties that hold long texts, with how many triples they have.
        values: whether short values of other properties are candidates.
        known: by property, its values in training.
        elsewhere: how many triples have a value, by `value_key`.
        temperature, bias: what its scores are calibrated by.
    """

    format: Literal[1] = 1
    snapshot: str
    long: dict[str, _Count]
    values: bool
    known: dict[str, _Known]
    elsewhere: dict[str, _Count]
    temperature: float = Field(gt=0)
    bias: float


def save_spans(scorer: SpanScorer, folder: Path, snapshot: str) -> None:
    """Write a scorer into an artifact, each file whole or not at all; the arrays first.

    Raises:
        K3MError: the folder cannot be written.
    """
    kept = _Kept(
        snapshot=snapshot,
        long=scorer.long,
        values=scorer.values,
        known={name: _record(scorer.known[name]) for name in scorer.names},
        elsewhere=dict(scorer.elsewhere),
        temperature=scorer.temperature,
        bias=scorer.bias,
    )
    (used,) = np.nonzero(scorer.weights)
    arrays = {
        "features": used.astype(np.int32),
        "weights": scorer.weights[used],
        "frequency": scorer.frequency,
    }
    with whole_file(folder / ARRAYS) as staging:
        staging.write_bytes(save(arrays))
    with whole_file(folder / FILE) as staging:
        write_json(staging, kept.model_dump(mode="json"))


def load_spans(folder: Path) -> tuple[SpanScorer, str] | None:
    """The scorer in an artifact and the snapshot that it was fitted to; None where there is none.

    Raises:
        ArtifactError: damaged.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        kept = validate_settings(_Kept, read_json(path), str(path))
        arrays = load((folder / ARRAYS).read_bytes())
        weights = _weights(arrays)
    except ConfigError as error:
        raise _damaged(path, error.message) from None
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        raise _damaged(folder / ARRAYS, str(error)) from None
    names = sorted(kept.known)
    known = {name: _known(kept.known[name]) for name in names}
    scorer = SpanScorer(
        names,
        kept.long,
        kept.values,
        weights,
        arrays["frequency"],
        known,
        Counter(kept.elsewhere),
        kept.temperature,
        kept.bias,
    )
    return scorer, kept.snapshot


def _weights(arrays: dict[str, np.ndarray]) -> np.ndarray:
    frequency, features, values = (arrays[key] for key in ("frequency", "features", "weights"))
    if frequency.shape != (SIZE,) or frequency.dtype != np.int32:
        raise ValueError("counts are not what was written")
    if features.shape != values.shape or features.ndim != 1 or features.dtype != np.int32:
        raise ValueError("weights are not what was written")
    if len(features) and not 0 <= features.min() <= features.max() < SIZE:
        raise ValueError("a weight of no feature")
    weights = np.zeros(SIZE, np.float32)
    weights[features] = values
    return weights


def _record(known: KnownValues) -> _Known:
    values = list(known.count)
    return _Known(
        values=values,
        counts=[known.count[value] for value in values],
        stood=[known.stood[value] for value in values],
    )


def _known(record: _Known) -> KnownValues:
    return KnownValues.of(record.values, record.counts, record.stood)


def _damaged(path: Path, why: str) -> ArtifactError:
    return ArtifactError(
        f"is damaged: {why}",
        where=str(path),
        hint="`k3m-kg evaluate ARTIFACT --task open-values` makes it",
    )
