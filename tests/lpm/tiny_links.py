"""A tiny catalog and predictors small enough to know every score by heart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from k3m_kg.contracts import (
    Catalog,
    LinkPredictor,
    LinkScorer,
    ModalityTokens,
    ProductBatch,
    TermTokens,
)


class DotScorer(LinkScorer):
    """h . t, whatever the relation."""

    def score(self, head_NH: Tensor, relation_NH: Tensor, tail_NH: Tensor) -> Tensor:
        return (head_NH * tail_NH).sum(-1)

    def score_tails(self, head_NH: Tensor, relation_NH: Tensor, tail_NCH: Tensor) -> Tensor:
        return head_NH @ tail_NCH.T


class Tattler(LinkPredictor):
    """Says every value that it can see in the triples or read in the title, and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.scorer = DotScorer()
        self.rows_seen: list[int] = []

    def heads(self, batch: ProductBatch) -> Tensor:
        self.rows_seen.append(batch.size)
        head_BH = torch.zeros(batch.size, len(batch.catalog.values))
        seen_E = batch.triple_visible_E
        head_BH.index_put_(
            (batch.triple_product_E[seen_E], batch.triple_value_E[seen_E]),
            torch.ones(int(seen_E.sum())),
            accumulate=True,
        )
        title = batch.modalities.get("title")
        if title is not None and len(title.product_I):
            ids_BT, shown_BT = title.arrays["ids"], title.shown_BN
            for place in range(ids_BT.shape[1]):
                present = shown_BT[:, place]
                head_BH[present, ids_BT[present, place]] += 1
        return head_BH

    def relations(self, batch: ProductBatch, properties_N: Tensor) -> Tensor:
        return torch.zeros(len(properties_N), len(batch.catalog.values))

    def tails(self, batch: ProductBatch, values_N: Tensor) -> Tensor:
        return torch.eye(len(batch.catalog.values))[values_N]


class TriplesOnly(Tattler):
    """Says every value that it can see in the triples."""

    def heads(self, batch: ProductBatch) -> torch.Tensor:
        batch.modalities = {}
        return super().heads(batch)


def told_by_title(batch: ProductBatch) -> Tensor:
    """(E,) bool: triples whose value can still be read in the title."""
    title = batch.modalities["title"]
    if title.spells_EN is None:
        return torch.zeros_like(batch.triple_visible_E)
    return (title.spells_EN & title.shown_BN[batch.triple_product_E]).any(1)


class TitleOnly(Tattler):
    """Says every value whose words are still in the title."""

    def heads(self, batch: ProductBatch) -> torch.Tensor:
        said_BV = torch.zeros(batch.size, len(batch.catalog.values))
        told_E = told_by_title(batch)
        said_BV[batch.triple_product_E[told_E], batch.triple_value_E[told_E]] = 1
        return said_BV


@dataclass
class ListSource:
    """Products given as lists of (property id, value id); titles as lists of value ids."""

    products: list[list[tuple[int, int]]]
    titles: list[list[int]]
    catalog: Catalog

    def triples(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        flat = [
            (place, name, value)
            for place, row in enumerate(rows.tolist())
            for name, value in self.products[row]
        ]
        columns = np.array(flat, np.int64).reshape(-1, 3)
        return columns[:, 0], columns[:, 1], columns[:, 2]

    def batch(self, rows: np.ndarray) -> ProductBatch:
        product, properties, values = (torch.from_numpy(c) for c in self.triples(rows))
        titles = [self.titles[row] for row in rows.tolist()]
        width = max(1, *(len(title) for title in titles)) if titles else 1
        ids = torch.tensor([t + [0] * (width - len(t)) for t in titles])
        present = torch.tensor([[True] * len(t) + [False] * (width - len(t)) for t in titles])
        return ProductBatch(
            rows_B=torch.from_numpy(rows),
            modalities={
                "title": ModalityTokens(
                    arrays={"ids": ids},
                    product_I=torch.arange(len(rows)),
                    present_B=torch.ones(len(rows), dtype=torch.bool),
                    tokens_BN=present,
                    spells_EN=present[product] & (ids[product] == values[:, None]),
                )
            },
            triple_product_E=product,
            triple_property_E=properties,
            triple_value_E=values,
            triple_visible_E=torch.ones(len(product), dtype=torch.bool),
            catalog=self.catalog,
        )


def make_source(
    products: list[list[tuple[int, int]]],
    candidates: Sequence[Sequence[int]],
    titles: list[list[int]] | None = None,
) -> ListSource:
    count = 1 + max(
        (v for group in [*candidates, *([v for _, v in p] for p in products)] for v in group),
        default=0,
    )
    none = torch.zeros(0, 1, dtype=torch.int32)
    catalog = Catalog(
        [f"p{i}" for i in range(len(candidates))],
        [f"v{i}" for i in range(count)],
        TermTokens(none, none.bool(), none, none.bool()),
        [np.array(ids, np.int64) for ids in candidates],
        [np.arange(len(ids), 0, -1) for ids in candidates],
    )
    return ListSource(products, titles or [[] for _ in products], catalog)
