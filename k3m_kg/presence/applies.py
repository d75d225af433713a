"""What applies to the products of a snapshot, by what was learned; and that kept in a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from k3m_kg.config import Settings
from k3m_kg.errors import ArtifactError
from k3m_kg.files import usual_mode, whole_file
from k3m_kg.manifests import as_record
from k3m_kg.presence.columns import MOST_COLUMNS, Seen, SeenColumns
from k3m_kg.presence.estimate import Estimate
from k3m_kg.presence.ridge import Ridge
from k3m_kg.snapshot import Snapshot
from k3m_kg.snapshot.groups import draws_by_group

FILE = "applies.safetensors"
_RECORD = "applies"
_MOST_PRODUCTS = 200_000
"""Of a larger catalog so many are drawn: what applies is a matter of kinds, not of products."""
_MOST_BYTES = 1 << 30
_ARRAYS = ("weights", "bias", "slope", "offset", "share", "kind", "property", "kind_share")

_Texts = Annotated[list[str], Field(max_length=MOST_COLUMNS)]


class _Record(Settings):
    """The texts of the columns; the numbers are arrays."""

    format: Literal[1] = 1
    snapshot: str
    kinds: _Texts
    properties: _Texts
    values: Annotated[list[tuple[int, str]], Field(max_length=MOST_COLUMNS)]
    words: _Texts


def learn(snapshot: Snapshot) -> Estimate:
    """Learn from the train products of a snapshot; from all, where there are none.

    What is held out of training counts as stated: it is known that there is a value, not which.
    """
    rows = snapshot.rows("train")
    rows = rows if len(rows) else np.arange(len(snapshot))
    if len(rows) > _MOST_PRODUCTS:
        rows = np.sort(np.random.default_rng(0).choice(rows, _MOST_PRODUCTS, replace=False))
    columns = SeenColumns.of(snapshot, rows)
    seen = Seen(columns, snapshot)
    half_N = draws_by_group(snapshot, rows, "presence") < 0.5
    return Estimate.fit(columns, seen.matrix(rows), seen.kinds(rows), half_N)


class Applies:
    """Whether properties apply to the products of a snapshot.

    Args:
        estimate: learned on this snapshot or on another.
        snapshot: any.
    """

    def __init__(self, estimate: Estimate, snapshot: Snapshot) -> None:
        self.estimate = estimate
        self._seen = Seen(estimate.columns, snapshot)
        self._place = {name: n for n, name in enumerate(estimate.columns.properties)}

    def __call__(self, rows: np.ndarray, names: Sequence[str]) -> np.ndarray:
        """(N, names) how probably each property applies to each product, float64 in 0..1.

        As if no product stated it. 0 where hardly any product that was learned from states it.
        """
        place = np.array([self._place.get(name, -1) for name in names], np.int64)
        found = np.zeros((len(rows), len(names)))
        known = np.flatnonzero(place >= 0)
        matrix, kind = self._seen.matrix(rows), self._seen.kinds(rows)
        found[:, known] = self.estimate.applies(matrix, kind, place[known])
        return found


def save(estimate: Estimate, snapshot: Snapshot, folder: Path) -> None:
    """Write what was learned on a snapshot into an artifact's folder, whole or not at all.

    Raises:
        K3MError: the folder cannot be written.
    """
    columns = estimate.columns
    record = _Record(
        snapshot=snapshot.id,
        kinds=list(columns.kinds),
        properties=list(columns.properties),
        values=list(columns.values),
        words=list(columns.words),
    )
    arrays = dict(zip(_ARRAYS, _arrays_of(estimate), strict=True))
    with whole_file(folder / FILE) as staging:
        try:
            with usual_mode(staging):
                save_file(arrays, staging, {_RECORD: record.model_dump_json()})
        except SafetensorError as error:  # an error of its own for a full disk
            raise OSError(str(error)) from error


def load(folder: Path) -> Estimate | None:
    """What `save` left there; None where there is nothing.

    Raises:
        ArtifactError: the file is damaged.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError(f"larger than {_MOST_BYTES:,} bytes")
        with safe_open(path, framework="numpy") as opened:
            record = as_record(
                json.loads((opened.metadata() or {}).get(_RECORD, "null")), _Record, str(path)
            )
            arrays = {name: opened.get_tensor(name) for name in _ARRAYS}
        return _estimate_of(record, arrays)
    except (OSError, SafetensorError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise ArtifactError(
            f"is damaged: {error}", where=str(path), hint="calibrate the model again"
        ) from None


def _arrays_of(estimate: Estimate) -> tuple[np.ndarray, ...]:
    return (
        estimate.ridge.weights_FP,
        estimate.ridge.bias_P,
        estimate.slope_P,
        estimate.offset_P,
        estimate.share_P,
        estimate.kind_L,
        estimate.property_L,
        estimate.share_L,
    )


def _estimate_of(record: _Record, arrays: dict[str, np.ndarray]) -> Estimate:
    """Checked: shapes, types, finite numbers, shares within 0..1, places within what they name.

    Raises:
        ValueError: something is not so.
    """
    count = len(record.properties)
    if any(not 0 <= name < count for name, _ in record.values):
        raise ValueError("a value of no property")
    columns = SeenColumns(
        tuple(record.kinds), tuple(record.properties), tuple(record.values), tuple(record.words)
    )
    local = arrays["kind"].shape
    shapes = {"weights": (len(columns), count), **dict.fromkeys(_ARRAYS[1:5], (count,))}
    for name, array in arrays.items():
        whole = name in ("kind", "property")
        if array.dtype != (np.int32 if whole else np.float32):
            raise ValueError(f"{name} holds {array.dtype}")
        if array.shape != shapes.get(name, local) or array.ndim not in (1, 2):
            raise ValueError(f"{name} has shape {array.shape}")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} is not finite")
    for name, most in (("kind", len(columns.kinds)), ("property", count)):
        if arrays[name].ndim != 1 or ((arrays[name] < 0) | (arrays[name] >= most)).any():
            raise ValueError(f"{name} names none")
    for name in ("share", "kind_share"):
        if ((arrays[name] <= 0) | (arrays[name] > 1)).any():
            raise ValueError(f"{name} is no share")
    ridge = Ridge(arrays["weights"], arrays["bias"])
    return Estimate(columns, ridge, *(arrays[name] for name in _ARRAYS[2:]))
