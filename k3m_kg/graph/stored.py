"""What goes into the graph and comes out of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from k3m_kg.records import ProductRecord, RejectedRow, Subject


@dataclass(frozen=True, slots=True)
class StoredImage:
    """One picture of a product.

    Attributes:
        source: path or URL as the catalog wrote it.
        path: the local file, absolute; None where there is none.
        content_hash: SHA-256 of the file; None where the picture is not usable.
        width, height: in pixels, as stored in the file.
        error: why the picture is not usable; None for a usable one and for a URL that was
            never fetched (no path, no error: not local).
    """

    source: str
    path: str | None
    content_hash: str | None
    width: int | None
    height: int | None
    error: str | None

    @property
    def usable(self) -> bool:
        """Whether there is a local file that decodes."""
        return self.content_hash is not None


@dataclass(frozen=True, slots=True)
class StoredProduct:
    """One product with everything the graph knows of it.

    Attributes:
        triples: (property, value) pairs in the order of the catalog.
        images: in the order of the catalog.
        links: (property, id of another product) pairs in the order of the catalog.
        rejected: (property, value) pairs that people said are wrong, ascending; the property is
            None of a category. Only `iter_subjects` asks for them.
    """

    id: str
    title: str | None
    category: str | None
    triples: tuple[tuple[str, str], ...]
    images: tuple[StoredImage, ...]
    links: tuple[tuple[str, str], ...] = ()
    rejected: tuple[tuple[str | None, str], ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class LocatedImage:
    """Where a picture should be, before anyone has looked into the file.

    Attributes:
        source: path or URL as the catalog wrote it.
        path: the file, absolute; None with an error, and None for what is not local.
        size, mtime_ns: of the file; while they stay the file is not read again.
        error: why there is no file.
        near: the file's name differs from what was written in Unicode form, letter case or
            percent-encoding.
        by_last_name: the file was found by its name alone, in another folder than was written.
    """

    source: str
    path: str | None = None
    size: int | None = None
    mtime_ns: int | None = None
    error: str | None = None
    near: bool = field(default=False, compare=False)
    by_last_name: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class CheckedImage:
    """What a look into the file found: hash and size, or the error."""

    content_hash: str | None = None
    width: int | None = None
    height: int | None = None
    error: str | None = None


ImageCheck = Callable[[Sequence[LocatedImage]], Sequence[CheckedImage]]


@dataclass(frozen=True, slots=True)
class Statement:
    """A product or value as a source states it, with its pictures located.

    `digest` is the record's `content_hash()`, made here where the caller has not made it.
    """

    record: Subject
    images: tuple[LocatedImage, ...] = ()
    digest: str = ""

    def __post_init__(self) -> None:
        if not self.digest:
            object.__setattr__(self, "digest", self.record.content_hash())

    @property
    def name(self) -> str:
        """The product's id, or the value."""
        record = self.record
        return record.id if isinstance(record, ProductRecord) else record.value


@dataclass(frozen=True, slots=True)
class ProposedTriple:
    """A value that a model predicts for a product's property, with its probability (0 to 1).

    Attributes:
        link: `value` is the id of another product of the graph.
    """

    product: str
    property: str
    value: str
    probability: float
    link: bool = False


@dataclass(frozen=True, slots=True)
class ProposedCategory:
    """A category that a model predicts for a product without one, with its probability."""

    product: str
    category: str
    probability: float


@dataclass(frozen=True, slots=True)
class StatingSource:
    """A source of the graph.

    Attributes:
        name: its absolute path, or the name that it was given.
        run: the newest run of it that holds.
        products: that it states.
        shared: of these, those that other sources state too.
    """

    name: str
    run: int
    products: int
    shared: int


@dataclass(frozen=True, slots=True)
class Run:
    """One ingest, the end of a source, one writing of proposals, or one decision.

    Attributes:
        id: its number, ascending in time.
        kind: `ingest`, `end`, `proposal` or `decision`.
        source: the source's name, mostly its absolute path, the proposals' name, or the reviewer's.
        format: the reader's name, or what was decided.
        started_at, finished_at, undone_at: ISO 8601, UTC; `undone_at` is None while it holds.
        counts: what it did, when it did it.
    """

    id: int
    kind: str
    source: str
    format: str
    started_at: str
    finished_at: str
    undone_at: str | None
    counts: IngestCounts


@dataclass(frozen=True, slots=True)
class LastIngest:
    """What the last ingest of a source that holds found of pictures, and where.

    Attributes:
        images_folder: the folder or archive given with `--images`, or None.
        images_found: how many pictures.
    """

    images_folder: str | None
    images_found: int


@dataclass(frozen=True, slots=True)
class SubjectDiff:
    """What one run changed of one product or value, in the union of all sources.

    Attributes:
        kind: `product` or `value`.
        name: the product's id, or the value.
        change: `added`, `updated`, `removed`, `proposed` or `decided`.
        title, category: before and after, or None where they stayed.
        triples_added, triples_removed: (property, value or product id) pairs.
        images: the pictures as written before and after, or None where they stayed.
        triples_rejected: pairs of which a person said that nobody shall propose them.
        triples_confirmed: pairs of which a person said that sources state them rightly.
    """

    kind: str
    name: str
    change: str
    title: tuple[str | None, str | None] | None = None
    category: tuple[str | None, str | None] | None = None
    triples_added: tuple[tuple[str, str], ...] = ()
    triples_removed: tuple[tuple[str, str], ...] = ()
    images: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    triples_rejected: tuple[tuple[str, str], ...] = ()
    triples_confirmed: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Undone:
    """What taking a run back did.

    `products_removed` had been added by the run, `products_restored` changed or removed by it, as
    far as the union of all sources shows. `triples_*` are the difference. `idle` are later runs of
    its source that had changed nothing, and were undone with it.
    """

    run: int
    products_removed: int
    products_restored: int
    triples_added: int
    triples_removed: int
    idle: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageFailure:
    """A picture that cannot be used, and why."""

    product: str
    source: str
    error: str


@dataclass(frozen=True, slots=True)
class SourceVersion:
    """What an ingest depends on: equal versions give an equal graph.

    Attributes:
        name: the source's absolute path, or a name that stays when its path does not.
        format: the reader's name.
        content_hash: SHA-256 of the source.
        mapping_hash: SHA-256 of the mapping file, or None.
        images_folder: the folder given for pictures, or None.
    """

    name: str
    format: str
    content_hash: str
    mapping_hash: str | None = None
    images_folder: str | None = None


@dataclass(slots=True)
class IngestCounts:
    """What one ingest did; the names are those of the columns of `ingest_runs`.

    `products_read` is added + updated + unchanged, all as the union of the sources shows them.
    `products_removed` nobody states any more; `products_left` this source states no more and others
    do. `products_kept` are those of rejected rows, as the source stated them before. `values_read`
    are values that the source states something of; only `triples_*` count what became of them.
    `rows_repeated` are rows that say again what an earlier row of the source said. `images_*` count
    the pictures of all products that
    the source stated.
    """

    products_read: int = 0
    products_added: int = 0
    products_updated: int = 0
    products_unchanged: int = 0
    products_removed: int = 0
    products_left: int = 0
    products_kept: int = 0
    values_read: int = 0
    rows_repeated: int = 0
    rows_quarantined: int = 0
    triples_added: int = 0
    triples_removed: int = 0
    images_found: int = 0
    images_failed: int = 0
    images_not_local: int = 0


@dataclass(slots=True)
class Overlap:
    """Products that a session's source states for the first time and another one states too.

    Attributes:
        products: how many.
        titles, categories: of these, which both sources give and give otherwise.
    """

    products: int = 0
    titles: int = 0
    categories: int = 0


@dataclass(slots=True)
class WriteResult:
    """What became of one batch of statements.

    Attributes:
        rejected: rows whose id an earlier row of the source gave with other content.
        failures: pictures that cannot be used.
    """

    rejected: list[RejectedRow] = field(default_factory=list)
    failures: list[ImageFailure] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Missing:
    """Products that lack something."""

    image: int
    title: int
    triples: int
    category: int


@dataclass(frozen=True, slots=True)
class GraphStatus:
    """Counts over the whole graph.

    Attributes:
        properties, values: those that triples use.
        images: pictures with a local file that decodes.
        missing: products without a usable image, without title, without triples, without category.
        images_failed: pictures that cannot be used.
        images_not_local: URLs that were never fetched.
        sources: sources that products come from.
        links: of the triples, those between products.
        facts: of the triples, those of values.
    """

    products: int
    properties: int
    values: int
    triples: int
    images: int
    missing: Missing
    images_failed: int
    images_not_local: int
    sources: int
    links: int
    facts: int
