"""Triples between products, and triples of values, on their way into a snapshot."""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from k3m_kg.graph.stored import StoredProduct
from k3m_kg.records import ValueRecord
from k3m_kg.snapshot.numbering import Column, Terms

_EXAMPLES = 3


@dataclass(slots=True)
class Links:
    """Triples from products to products.

    Attributes:
        counts: (N,) int32, links of each product.
        relation: (L,) int32.
        product: (L,) int32, the row of the tail.
        lost: links left out, because the graph has no such product.
        unknown: ids of some of these products.
    """

    counts: np.ndarray
    relation: np.ndarray
    product: np.ndarray
    lost: int
    unknown: list[str]

    @property
    def head(self) -> np.ndarray:
        """(L,) int64, the row of the head."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    def notes(self) -> list[dict[str, Any]]:
        """What was left out, as in the manifest."""
        if not self.lost:
            return []
        message = f"{self.lost:,} triples lead to products that the graph lacks: left out"
        return [{"message": message, "count": self.lost, "products": self.unknown}]


class LinkColumns:
    """Collects links batch by batch."""

    def __init__(self) -> None:
        self._counts = array("i")
        self._property = Column()
        self._tail = Column()
        self._tails = Terms()

    def add(self, chunk: Sequence[StoredProduct], properties: Terms) -> None:
        """The links of the next products."""
        self._counts.extend(len(product.links) for product in chunk)
        flat = list(itertools.chain.from_iterable(product.links for product in chunk))
        if flat:
            self._property.add(properties.encode([pair[0] for pair in flat]))
            self._tail.add(self._tails.encode([pair[1] for pair in flat]))

    def finish(self, products: Path) -> Links:
        """The links to products in the table of that file, properties still by first use."""
        counts = np.frombuffer(self._counts, np.int32)
        name, tail = self._property.finish(), self._tail.finish()
        if not len(tail):
            return Links(counts, name, tail, 0, [])
        texts = self._tails.texts()
        row = _rows_of(texts, products)[tail]
        there = row >= 0
        if there.all():
            return Links(counts, name, row, 0, [])
        head = np.repeat(np.arange(len(counts)), counts)[there]
        unknown = sorted(texts.take(np.unique(tail[~there])).to_pylist())
        kept = np.bincount(head, minlength=len(counts)).astype(np.int32)
        lost = int(np.count_nonzero(~there))
        return Links(kept, name[there], row[there], lost, unknown[:_EXAMPLES])


class FactColumns:
    """Collects facts, triples from values to values, batch by batch."""

    def __init__(self) -> None:
        self._columns = (Column(), Column(), Column())

    def add(self, chunk: Sequence[ValueRecord], properties: Terms, values: Terms) -> None:
        """What is stated of the next values."""
        flat = [(record.value, *pair) for record in chunk for pair in record.properties]
        if flat:
            terms = (values, properties, values)
            for place, (column, encoder) in enumerate(zip(self._columns, terms, strict=True)):
                column.add(encoder.encode([triple[place] for triple in flat]))

    def finish(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Head, property and tail, (F,) int32 each, still by first use."""
        head, name, tail = (column.finish() for column in self._columns)
        return head, name, tail


def ascending(head: np.ndarray, name: np.ndarray, tail: np.ndarray) -> np.ndarray:
    """Triples once each, by head, property and tail: (3, F) int32."""
    triples: np.ndarray = np.unique(np.stack([head, name, tail], 1), axis=0).T
    return triples


def _rows_of(ids: pa.Array, products: Path) -> np.ndarray:
    """The rows of products in their table, int32; -1 for those that are not there."""
    with pa.memory_map(str(products)) as source:
        column = pa.ipc.open_file(source).read_all()["id"]
        places = pc.index_in(column, value_set=ids).combine_chunks()
    rows = np.full(len(ids), -1, np.int32)
    found = np.flatnonzero(places.is_valid().to_numpy(zero_copy_only=False))
    rows[places.fill_null(-1).to_numpy()[found]] = found
    return rows
