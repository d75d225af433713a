"""From a stream of products to columns, one pass, memory bounded by numbers and distinct terms."""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from k3m_kg.errors import SnapshotError
from k3m_kg.graph.stored import StoredProduct
from k3m_kg.progress import StageProgress
from k3m_kg.records import ValueRecord
from k3m_kg.snapshot.hashing import text_hashes
from k3m_kg.snapshot.layout import ROWS_PER_BATCH, TABLES
from k3m_kg.snapshot.links import FactColumns, LinkColumns, Links, ascending
from k3m_kg.snapshot.numbering import Column, Terms
from k3m_kg.snapshot.placeholders import Placeholders
from k3m_kg.snapshot.settings import CATEGORY
from k3m_kg.snapshot.split import normalised_title

"""Called with the stage, how much of it is done, and of how much (None: not known)."""


_MAX_REASONS = 20


class SubjectStream(Protocol):
    """What a snapshot is cut from; `k3m_kg.graph.GraphStore` is one."""

    def iter_subjects(self) -> Iterator[StoredProduct | ValueRecord]:
        """Every product once, ascending by id, then every value that something is stated of.

        All of it from one state of the graph.
        """
        ...


@dataclass(slots=True)
class Pictures:
    """The usable pictures of all products, in order; P of them, U distinct by content.

    Attributes:
        product: (P,) int64, the row of the product.
        distinct: (P,) int64 in 0..U-1, numbered by first use.
        first: (U,) int64, the first picture with that content.
        hashes: U contents' SHA-256, Arrow binary(32).
        paths: P local files, Arrow strings.
    """

    product: np.ndarray
    distinct: np.ndarray
    first: np.ndarray
    hashes: pa.Array
    paths: pa.ChunkedArray

    def short_hashes(self) -> np.ndarray:
        """The first 64 bits of each distinct picture's hash, (U,) uint64."""
        data = b"".join(item[:8] for item in self.hashes.to_pylist())
        return np.frombuffer(data, dtype="<u8").astype(np.uint64, copy=False)


@dataclass(slots=True)
class SnapshotColumns:
    """All of a graph but its texts, which are on disk by now.

    Attributes:
        product_hashes: (N,) uint64 of the ids.
        title_hashes: (N,) uint64 of the normalised titles, anything where there is none.
        has_title: (N,) bool, whether there is a title to compare.
        triple_offsets: (N+1,) int64.
        triple_property, triple_value: (E,) int32.
        properties, values: the texts, Arrow strings, ascending.
        pictures: the usable ones.
        unusable: reason -> ids of the products whose pictures the ingest could not use.
        missing: how many products have no title, category, triples.
        links: triples between products.
        facts: (3, F) int32, head, property and tail of the triples of values, ascending.
        placeholders: values that say nothing, which were left out.
        rejected: values that people said are wrong.
    """

    product_hashes: np.ndarray
    title_hashes: np.ndarray
    has_title: np.ndarray
    triple_offsets: np.ndarray
    triple_property: np.ndarray
    triple_value: np.ndarray
    properties: pa.Array
    values: pa.Array
    pictures: Pictures
    unusable: LeftOut
    missing: dict[str, int]
    links: Links
    facts: np.ndarray
    placeholders: Placeholders
    rejected: Rejected


@dataclass(slots=True)
class Rejected:
    """Of N products what people said is wrong of them; R values.

    Attributes:
        offsets: (N+1,) int64.
        relation, value: (R,) int32.
    """

    offsets: np.ndarray
    relation: np.ndarray
    value: np.ndarray


class _RejectedColumns:
    """Collects them batch by batch; a category's only where categories are triples."""

    def __init__(self, *, category: bool) -> None:
        self._category = category
        self._counts = array("i")
        self._relation, self._value = Column(), Column()

    def add(self, chunk: Sequence[StoredProduct], relations: Terms, values: Terms) -> None:
        pairs = [
            [
                (CATEGORY if name is None else name, value)
                for name, value in product.rejected
                if name is not None or self._category
            ]
            for product in chunk
        ]
        self._counts.extend(map(len, pairs))
        flat = list(itertools.chain.from_iterable(pairs))
        if flat:
            self._relation.add(relations.encode([pair[0] for pair in flat]))
            self._value.add(values.encode([pair[1] for pair in flat]))

    def finish(self) -> Rejected:
        """All of them, numbered by first use."""
        counts = np.frombuffer(self._counts, np.int32)
        return Rejected(offsets(counts), self._relation.finish(), self._value.finish())


class LeftOut:
    """Pictures left out, counted by reason with a few examples."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._examples: dict[str, list[str]] = {}

    def add(self, reason: str, product: str, count: int = 1) -> None:
        """Count pictures of `product`."""
        if reason not in self._counts and len(self._counts) >= _MAX_REASONS:
            reason = "other reasons"
        self._counts[reason] = self._counts.get(reason, 0) + count
        examples = self._examples.setdefault(reason, [])
        if len(examples) < 3 and product not in examples:
            examples.append(product)

    def total(self) -> int:
        """Pictures over all reasons."""
        return sum(self._counts.values())

    def notes(self, what: str) -> list[dict[str, Any]]:
        """One note per reason, as in the manifest."""
        return [
            {
                "message": f"{count:,} pictures {what}: {reason}",
                "count": count,
                "products": self._examples[reason],
            }
            for reason, count in sorted(self._counts.items())
        ]


@dataclass(slots=True)
class _PictureColumns:
    counts: list[int] = field(default_factory=list)
    hashes: list[pa.Array] = field(default_factory=list)
    paths: list[pa.Array] = field(default_factory=list)

    def add(self, chunk: Sequence[StoredProduct], unusable: LeftOut) -> None:
        hashes: list[bytes] = []
        paths: list[str] = []
        for product in chunk:
            before = len(hashes)
            for image in product.images:
                if image.content_hash is not None and image.path is not None:
                    hashes.append(bytes.fromhex(image.content_hash))
                    paths.append(image.path)
                elif image.error is not None:
                    unusable.add(image.error, product.id)
                else:
                    unusable.add("not a local file", product.id)
            self.counts.append(len(hashes) - before)
        self.hashes.append(pa.array(hashes, pa.binary(32)))
        self.paths.append(pa.array(paths, pa.string()))

    def finish(self) -> Pictures:
        hashes = pa.chunked_array(self.hashes, pa.binary(32)).combine_chunks().dictionary_encode()
        distinct = hashes.indices.to_numpy().astype(np.int64)
        _, first = np.unique(distinct, return_index=True)
        product = np.repeat(np.arange(len(self.counts), dtype=np.int64), self.counts)
        paths = pa.chunked_array(self.paths, pa.string())
        return Pictures(product, distinct, first, hashes.dictionary, paths)


@contextmanager
def table_writer(path: Path) -> Iterator[pa.ipc.RecordBatchFileWriter]:
    """An Arrow IPC file with the schema of the table that it is named after."""
    with (
        pa.OSFile(str(path), "wb") as sink,
        pa.ipc.new_file(sink, TABLES[path.stem]) as writer,
    ):
        yield writer


def write_texts(path: Path, texts: pa.Array) -> None:
    """One column of texts, in batches of the usual size."""
    with table_writer(path) as writer:
        for start in range(0, len(texts), ROWS_PER_BATCH):
            piece = texts.slice(start, ROWS_PER_BATCH)
            writer.write_batch(pa.record_batch([piece], schema=TABLES[path.stem]))


def read_columns(
    subjects: Iterable[StoredProduct | ValueRecord],
    table: Path,
    progress: StageProgress | None,
    *,
    category: bool = False,
    keep_placeholders: bool = False,
) -> SnapshotColumns:
    """Read the stream once: ids, titles and categories go into `table`, the rest is returned.

    With `category` a product's category is one of its triples too. Values that say nothing are left
    out, but with `keep_placeholders`.

    Raises:
        SnapshotError: the products are not ascending by id, or do not come before the values.
    """
    relations, values, pictures = Terms(), Terms(), _PictureColumns()
    triple_property, triple_value = Column(), Column()
    links, facts = LinkColumns(), FactColumns()
    wrong = _RejectedColumns(category=category)
    unusable, nothing = LeftOut(), Placeholders()
    id_hashes, title_hashes, has_title = [], [], []
    triple_counts = array("i")
    missing = {"title": 0, "category": 0, "triples": 0}
    last = ""
    stream = iter(subjects)
    with table_writer(table) as writer:
        while read := list(itertools.islice(stream, ROWS_PER_BATCH)):
            chunk = [subject for subject in read if isinstance(subject, StoredProduct)]
            records = [subject for subject in read if isinstance(subject, ValueRecord)]
            facts.add(records, relations, values)
            if not chunk:
                continue
            if not keep_placeholders:
                chunk = [nothing.without(product) for product in chunk]
            ids = [product.id for product in chunk]
            _check_order(last, ids)
            last = ids[-1]
            titles = [product.title for product in chunk]
            categories = [product.category for product in chunk]
            columns = [pa.array(column, pa.string()) for column in (ids, titles, categories)]
            writer.write_batch(pa.record_batch(columns, schema=TABLES["products"]))
            normalised = [normalised_title(title) or "" for title in titles]
            id_hashes.append(text_hashes(ids))
            title_hashes.append(text_hashes(normalised))
            has_title.append(np.array([bool(title) for title in normalised]))
            triples = [_triples(product) if category else product.triples for product in chunk]
            counts = [len(pairs) for pairs in triples]
            triple_counts.extend(counts)
            flat = list(itertools.chain.from_iterable(triples))
            triple_property.add(relations.encode([pair[0] for pair in flat]))
            triple_value.add(values.encode([pair[1] for pair in flat]))
            links.add(chunk, relations)
            wrong.add(chunk, relations, values)
            pictures.add(chunk, unusable)
            missing["title"] += titles.count(None)
            missing["category"] += categories.count(None)
            missing["triples"] += sum(not product.triples for product in chunk)
            if progress:
                progress("products", len(triple_counts), None)
    between = links.finish(table)
    head, name, tail = facts.finish()
    rejected = wrong.finish()
    properties = relations.sort(
        own := triple_property.finish(), between.relation, name, rejected.relation
    )
    texts = values.sort(taken := triple_value.finish(), head, tail, rejected.value)
    return SnapshotColumns(
        np.concatenate([np.empty(0, np.uint64), *id_hashes]),
        np.concatenate([np.empty(0, np.uint64), *title_hashes]),
        np.concatenate([np.empty(0, bool), *has_title]),
        offsets(np.frombuffer(triple_counts, np.int32)),
        own,
        taken,
        properties,
        texts,
        pictures.finish(),
        unusable,
        missing,
        between,
        ascending(head, name, tail),
        nothing,
        rejected,
    )


def _triples(product: StoredProduct) -> tuple[tuple[str, str], ...]:
    """A product's triples and its category, once."""
    if product.category is None or (CATEGORY, product.category) in product.triples:
        return product.triples
    return (*product.triples, (CATEGORY, product.category))


def offsets(counts: Sequence[int] | np.ndarray) -> np.ndarray:
    """Counts of N items to the (N+1,) int64 places where each begins and the last ends."""
    result = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=result[1:])
    return result


def whole_products(places: np.ndarray, triples: int = 1 << 18) -> Iterator[tuple[int, int]]:
    """Products in batches of about so many triples: the first of each batch, and the next one's.

    Args:
        places: (N+1,) from `offsets`.
    """
    first, count = 0, len(places) - 1
    while first < count:
        last = int(np.searchsorted(places, places[first] + triples, side="right")) - 1
        last = min(max(last, first + 1), count)
        yield first, last
        first = last


def _check_order(last: str, ids: list[str]) -> None:
    previous = last
    for product in ids:
        if product <= previous:
            raise SnapshotError(
                f"the graph gave product {product!r} after {previous!r}: not ascending by id",
                hint="this is a fault of the graph store, not of the catalog: please report it",
            )
        previous = product
