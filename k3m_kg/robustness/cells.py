"""A cell on disk: what single items came to and what they amount to, written whole or not at all.

A cell is an `.npz` of plain arrays, read without pickle, with a text of JSON among them.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from k3m_kg.contracts import Classes, Decisions, Outcomes, Ranking, Scores
from k3m_kg.errors import K3MError
from k3m_kg.files import whole_file

_KINDS = {kind.__name__: kind for kind in (Scores, Decisions, Classes, Ranking)}
_TOLD = "told"


@dataclass(frozen=True, slots=True)
class GridCell:
    """What one model made of one task in one state of the catalog.

    Attributes:
        measure: the figure that models are compared by.
        figure: it.
        outcomes: the items that it is made of; None where the task does not say.
        metrics: all numbers of the report.
        told: of the model: `parameters`, `steps`, `seconds`; of the cell: `corruption`.
    """

    measure: str
    figure: float
    outcomes: Outcomes | None
    metrics: dict[str, float]
    told: dict[str, Any]


def write_cell(path: Path, cell: GridCell) -> None:
    """Write it whole.

    Raises:
        K3MError: it cannot be written.
    """
    arrays: dict[str, np.ndarray] = {}
    kind = None
    if type(cell.outcomes) in _KINDS.values():  # another plugin's own kind is not kept
        kind = type(cell.outcomes).__name__
        assert cell.outcomes is not None
        for item in fields(cell.outcomes):
            arrays[item.name] = np.asarray(getattr(cell.outcomes, item.name))
    told = {
        "measure": cell.measure,
        "figure": cell.figure,
        "metrics": cell.metrics,
        "told": cell.told,
        "kind": kind,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as staging, staging.open("wb") as file:
        np.savez_compressed(file, **arrays, **{_TOLD: np.array(json.dumps(told))})  # type: ignore[arg-type]


def read_cell(path: Path) -> GridCell | None:
    """The cell; None where there is none.

    Raises:
        K3MError: it is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as found:
            arrays = {name: found[name] for name in found.files}
        told = json.loads(str(arrays.pop(_TOLD)))
        kind = told["kind"]
        outcomes = None if kind is None else _KINDS[kind](**arrays)
        return GridCell(told["measure"], told["figure"], outcomes, told["metrics"], told["told"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, EOFError) as error:
        raise K3MError(
            f"is damaged: {error}", where=str(path), hint="remove it, and it is asked again"
        ) from None


def in_order(outcomes: Outcomes) -> Outcomes:
    """The same items, ascending."""
    return _chosen(outcomes, np.argsort(outcomes.items, kind="stable"))


def mixed(whole: Outcomes, harmed: Outcomes, met: np.ndarray) -> Outcomes:
    """What items come to where only some products are harmed.

    Args:
        whole: with none harmed, by product: units are rows.
        harmed: the same items with all harmed.
        met: rows of those that are.

    Raises:
        K3MError: these are not the same items.
    """
    one, other = in_order(whole), in_order(harmed)
    if not np.array_equal(one.items, other.items):
        raise K3MError("the same was not asked of whole and of harmed products")
    is_met = np.isin(one.units.astype(np.int64), met)
    parts = {
        item.name: np.where(is_met, getattr(other, item.name), getattr(one, item.name))
        for item in fields(one)
        if item.name not in ("items", "units")
    }
    return replace(one, **parts)


@dataclass(frozen=True, slots=True)
class Averaged(Outcomes):
    """The same items asked of several trainings: the figure is the mean of theirs.

    Attributes:
        parts: at least one, items in the same order.
    """

    parts: tuple[Outcomes, ...]

    @classmethod
    def of(cls, parts: Sequence[Outcomes]) -> Averaged | None:
        """Of trainings that were asked the same; None where they were not."""
        found = tuple(in_order(part) for part in parts)
        first = found[0]
        if any(not np.array_equal(first.items, part.items) for part in found):
            return None
        return cls(first.items, first.units, found)

    def figures(self, times_DQ: np.ndarray) -> np.ndarray:
        """(D,) the mean."""
        found: np.ndarray = np.mean([part.figures(times_DQ) for part in self.parts], axis=0)
        return found


def averaged(cells: Sequence[GridCell]) -> Outcomes | None:
    """What several trainings made of the same items, ascending; None where a task does not say, or
    they were not asked the same.
    """
    parts = [cell.outcomes for cell in cells if cell.outcomes is not None]
    if len(parts) < len(cells):
        return None
    scores = [in_order(part) for part in parts if isinstance(part, Scores)]
    first = scores[0] if scores else None
    if len(scores) == len(parts) and isinstance(first, Scores):  # their mean is one number an item
        if any(not np.array_equal(first.items, part.items) for part in scores):
            return None
        mean_Q = np.mean([part.score_Q for part in scores if isinstance(part, Scores)], axis=0)
        return Scores(first.items, first.units, mean_Q, first.groups)
    return Averaged.of(parts)


def _chosen(outcomes: Outcomes, order: np.ndarray) -> Outcomes:
    return replace(
        outcomes, **{item.name: getattr(outcomes, item.name)[order] for item in fields(outcomes)}
    )
