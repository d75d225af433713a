"""Products as the page shows them: small pictures, what is known, and what is proposed."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from k3m_kg.pages.cards import Bar, Card
from k3m_kg.snapshot import Snapshot
from k3m_kg.use.audit import Finding
from k3m_kg.use.calibration.kept import Calibration
from k3m_kg.use.completion.lacking import what_applies
from k3m_kg.use.completion.proposals import Proposal
from k3m_kg.use.completion.proposing import CompletionSettings, complete
from k3m_kg.use.open_model import OpenModel

_SIDE = 192
"""Pixels of an embedded picture: twice what a page shows it at."""
_KNOWN = 12
_ASKED = 3
_TRIED = 60
"""Products among which examples are chosen."""


@dataclass(frozen=True, slots=True)
class ShownProduct:
    """A product and, per missing property, the best values first."""

    row: int
    proposals: dict[str, list[Proposal]]


def pick_examples(
    opened: OpenModel, split: str, count: int, calibration: Calibration | None
) -> list[ShownProduct]:
    """Products that lack something, of a split where it has any, and some without title or picture.

    Args:
        split: training saw nothing of its products.
        count: so many at most.
        calibration: where there is one.
    """
    snapshot = opened.snapshot
    random, mine = np.random.default_rng(1), opened.rows(split)
    others = np.setdiff1d(opened.rows(), mine)
    rows = np.concatenate([random.permutation(mine), random.permutation(others)])[:_TRIED]
    found: dict[str, dict[str, list[Proposal]]] = {}
    for item in complete(
        opened.predictor,
        opened.batcher,
        rows,
        CompletionSettings(top_k=3, applies=0.0),
        applies=what_applies(opened),
        temperature=calibration.temperature if calibration else lambda name: 1.0,
    ):
        found.setdefault(item.product, {}).setdefault(item.property, []).append(item)
    kinds: dict[tuple[bool, bool], list[int]] = {}
    for row in rows.tolist():
        if snapshot.ids[row] in found:
            title = snapshot.titles[row].as_py() is not None
            kinds.setdefault((title, _has_picture(snapshot, row)), []).append(row)
    rare = [members.pop(0) for whole, members in kinds.items() if whole != (True, True)]
    usual = [row for _, members in sorted(kinds.items(), reverse=True) for row in members]
    chosen = [*usual[: max(0, count - len(rare))], *rare][:count]
    return [ShownProduct(row, _surest(found[snapshot.ids[row]])) for row in chosen]


def _surest(by_property: dict[str, list[Proposal]]) -> dict[str, list[Proposal]]:
    """The properties whose best values are the most probable."""
    order = sorted(by_property, key=lambda name: -by_property[name][0].probability)
    return {name: by_property[name] for name in order[:_ASKED]}


def example_card(snapshot: Snapshot, example: ShownProduct) -> Card:
    """A product with what is proposed for it."""
    asked = [
        (name, [Bar(item.value, item.probability) for item in items])
        for name, items in example.proposals.items()
    ]
    return product_card(snapshot, example.row, asked=asked)


def finding_card(snapshot: Snapshot, finding: Finding) -> Card:
    """A product with what is stated of it and what the model expects."""
    row = int(snapshot.row_of([finding.product])[0])
    said = {"value": "it says", "title": "its triples say", "image": "its triples say"}
    who = said.get(finding.kind, "its triples say")
    expected = "the model expects" if finding.kind == "value" else f"its {finding.kind} says"
    note = f"{finding.property}: {who} {finding.stated}, {expected} {finding.better}"
    bars = [
        Bar(finding.better, finding.better_probability, right=True),
        Bar(finding.stated, finding.probability),
    ]
    return product_card(snapshot, row, notes=[note], asked=[(finding.property, bars)], known=False)


def product_card(
    snapshot: Snapshot,
    row: int,
    *,
    notes: Sequence[str] = (),
    asked: Sequence[tuple[str, Sequence[Bar]]] = (),
    known: bool = True,
) -> Card:
    """A product with its first picture, small enough to be part of a page."""
    product = snapshot.product(row)
    values = [value for _, value in product.properties[:_KNOWN]] if known else []
    if known and len(product.properties) > _KNOWN:
        values.append(f"and {len(product.properties) - _KNOWN} more")
    return Card(
        title=product.title,
        picture=_picture(snapshot, row),
        picture_kind="jpeg",
        known=values,
        notes=notes,
        asked=asked,
    )


def _has_picture(snapshot: Snapshot, row: int) -> bool:
    return bool(snapshot.image_offsets[row + 1] > snapshot.image_offsets[row])


def _picture(snapshot: Snapshot, row: int) -> bytes | None:
    picture = snapshot.image(row)
    if picture is None:
        return None
    picture.thumbnail((_SIDE, _SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
