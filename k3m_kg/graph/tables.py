"""The tables. Every product, value and property is stored once and triples are numbers.

`entities` is the term dictionary of both ends of a triple, so each of them may be a product or a
value. `subjects`, `triples` and `images` are the union of what all sources state. Where one source
alone states a subject, these rows are its statement; where several do, `statements` has each of
theirs (docs/decisions/0026). `journal` keeps what a run replaced, so that it can be shown and
undone. The tables that grow with the catalog have no
foreign keys (docs/decisions/0006): the one writer keeps them whole, and a test looks.

The schema itself is made by the scripts in `migrations/`; a test holds both equal.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
)

SCHEMA_REVISION = "0007"
"""The newest alembic revision. They are numbered, so that newer and older can be told apart."""
VERSION_TABLE = "k3m_kg_version"
"""Not alembic's default name: the database may hold another application's."""


class EntityKind(IntEnum):
    """What an entity is."""

    PRODUCT = 0
    VALUE = 1


class RunKind(StrEnum):
    """What a run did.

    It brought a source in, ended one, wrote values that a model predicts, or is what a reviewer
    decided.
    """

    INGEST = "ingest"
    END = "end"
    PROPOSAL = "proposal"
    DECISION = "decision"


class Change(IntEnum):
    """What a run did to a statement that was there; one that it added has no journal row."""

    REPLACED = 0
    REMOVED = 1
    ADOPTED = 2
    """Up to schema 0002: another source stated the same, and nothing but the source changed."""


class ItemKind(StrEnum):
    """What is up for review: a value that a model proposes, or one that it doubts."""

    PROPOSAL = "proposal"
    FINDING = "finding"


class ItemState(IntEnum):
    """Whether an item waits for a decision."""

    OPEN = 0
    DECIDED = 1


class Judgement(IntEnum):
    """What a decision says of a triple."""

    RIGHT = 0
    """It shows, whether a source states it or not."""
    WRONG = 1
    """Nobody proposes it again; a source may state it."""
    MISSTATED = 2
    """It is wrong where sources state it: it does not show."""


SEVERAL = 0
"""In place of a source: `statements` has what is stated, by several sources or hidden in part.

No source has this number.
"""


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Byte order on every database: the order of products is part of a snapshot's identity.
_Term = Text().with_variant(Text(collation="C"), "postgresql")

sources = Table(
    "sources",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True, comment="absolute path"),
    Column("place", Integer, nullable=False, server_default="0", comment="in the order of sources"),
)

ingest_runs = Table(
    "ingest_runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", ForeignKey("sources.id"), nullable=False, index=True),
    Column("kind", Text, nullable=False, server_default="ingest", comment="RunKind"),
    Column("format", Text, nullable=False, comment="the reader's name"),
    Column("content_hash", String(64), nullable=False, comment="SHA-256 of the source"),
    Column("mapping_hash", String(64), comment="SHA-256 of the mapping file"),
    Column("images_folder", Text, comment="the folder given with --images"),
    Column("started_at", String(32), nullable=False, comment="ISO 8601, UTC"),
    Column("finished_at", String(32), comment="ISO 8601, UTC"),
    Column("undone_at", String(32), comment="ISO 8601, UTC; NULL while it holds"),
    Column("products_read", Integer, nullable=False, default=0),
    Column("products_added", Integer, nullable=False, default=0),
    Column("products_updated", Integer, nullable=False, default=0),
    Column("products_unchanged", Integer, nullable=False, default=0),
    Column("products_removed", Integer, nullable=False, default=0),
    Column("products_left", Integer, nullable=False, server_default="0"),
    Column("products_kept", Integer, nullable=False, server_default="0"),
    Column("values_read", Integer, nullable=False, server_default="0"),
    Column("rows_repeated", Integer, nullable=False, default=0),
    Column("rows_quarantined", Integer, nullable=False, default=0),
    Column("triples_added", Integer, nullable=False, default=0),
    Column("triples_removed", Integer, nullable=False, default=0),
    Column("images_found", Integer, nullable=False, default=0),
    Column("images_failed", Integer, nullable=False, default=0),
    Column("images_not_local", Integer, nullable=False, default=0),
)

# Each decision is a run: to count those that were undone must not look at all of them.
_undone = ingest_runs.c.undone_at.is_not(None)
Index(
    "ix_ingest_runs_undone",
    ingest_runs.c.undone_at,
    sqlite_where=_undone,
    postgresql_where=_undone,
)

entities = Table(
    "entities",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("kind", SmallInteger, nullable=False, comment="EntityKind"),
    Column("text", _Term, nullable=False, comment="the product's id or the value"),
)
# A value may be a whole description, and PostgreSQL indexes no text beyond 2.7 kB.
Index("uq_entities_kind_text", entities.c.kind, entities.c.text, unique=True).ddl_if(
    dialect="sqlite"
)

properties = Table(
    "properties",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", _Term, nullable=False, unique=True),
)

subjects = Table(
    "subjects",
    metadata,
    Column("entity", Integer, primary_key=True, autoincrement=False),
    Column("kind", SmallInteger, nullable=False, comment="EntityKind, as in entities"),
    Column("title", Text),
    Column("category", Text),
    Column("record_hash", String(64), nullable=False, comment="content_hash() of the record"),
    Column("source", Integer, nullable=False, index=True, comment="states it; 0: several do"),
    Column("run", Integer, nullable=False, comment="the ingest run that gave it this content"),
)

statements = Table(
    "statements",
    metadata,
    Column("entity", Integer, primary_key=True, autoincrement=False),
    Column("kind", SmallInteger, nullable=False, comment="EntityKind, as in entities"),
    Column("title", Text),
    Column("category", Text),
    Column("record_hash", String(64), nullable=False, comment="content_hash() of the record"),
    Column("source", Integer, primary_key=True, autoincrement=False, index=True),
    Column("run", Integer, nullable=False, comment="the ingest run that gave it this content"),
    Column("content", Text, nullable=False, comment="JSON: triples and images"),
    sqlite_with_rowid=False,
)

triples = Table(
    "triples",
    metadata,
    Column("head", Integer, primary_key=True, autoincrement=False),
    Column("property", Integer, primary_key=True, autoincrement=False),
    Column("tail", Integer, primary_key=True, autoincrement=False),
    Column("position", Integer, nullable=False, comment="order within the head"),
    Column("run", Integer, nullable=False, comment="the run that added it"),
    Index("ix_triples_tail_property", "tail", "property"),
    sqlite_with_rowid=False,
)

images = Table(
    "images",
    metadata,
    Column("product", Integer, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("source", Text, nullable=False, comment="path or URL as written"),
    Column("path", Text, comment="the local file; NULL where there is none"),
    Column("size", BigInteger, comment="bytes of the file when it was checked"),
    Column("mtime_ns", BigInteger, comment="modification time of the file when it was checked"),
    Column("content_hash", String(64), comment="SHA-256 of the file; NULL where it is not usable"),
    Column("width", Integer),
    Column("height", Integer),
    Column("error", Text, comment="why there is no usable picture"),
    Column("run", Integer, nullable=False),
    sqlite_with_rowid=False,
)

journal = Table(
    "journal",
    metadata,
    Column("run", Integer, primary_key=True, autoincrement=False, comment="that changed it"),
    Column("entity", Integer, primary_key=True, autoincrement=False, index=True),
    Column("change", SmallInteger, nullable=False, comment="Change"),
    Column("kind", SmallInteger, nullable=False, comment="as in subjects, before the run"),
    Column("title", Text),
    Column("category", Text),
    Column("record_hash", String(64), nullable=False),
    Column("source", Integer, nullable=False),
    Column("before_run", Integer, nullable=False, comment="subjects.run before"),
    Column("content", Text, comment="JSON: triples and images before; NULL where they stayed"),
    sqlite_with_rowid=False,
)

CATEGORY = -1
"""In `proposals` as a property: the tail is a category. No property has this number."""

proposals = Table(
    "proposals",
    metadata,
    Column("run", Integer, primary_key=True, autoincrement=False),
    Column("head", Integer, primary_key=True, autoincrement=False, index=True),
    Column("property", Integer, primary_key=True, autoincrement=False),
    Column("tail", Integer, primary_key=True, autoincrement=False),
    Column("probability", Float, nullable=False, comment="0 to 1, by the model that proposed it"),
    sqlite_with_rowid=False,
)

review_items = Table(
    "review_items",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", Text, nullable=False, comment="ItemKind"),
    Column("head", Integer, nullable=False, index=True),
    Column("property", Integer, nullable=False),
    Column("tail", Integer, nullable=False, comment="the value that is proposed"),
    Column("stated", Integer, comment="of a finding: the value that is doubted"),
    Column("probability", Float, nullable=False, comment="that it is so, 0 to 1"),
    Column("uncertainty", Float, nullable=False, comment="0 sure, 1/2 undecided"),
    Column("worth", Float, nullable=False, comment="what an answer is worth"),
    Column("promised", Float, comment="the precision that its threshold promises"),
    Column("lot", Integer, nullable=False, comment="place in the random stream"),
    Column("model", Integer, nullable=False, comment="the source that proposes"),
    Column("details", Text, nullable=False, comment="JSON: evidence, alternatives"),
    Column("state", SmallInteger, nullable=False, comment="ItemState"),
    Column("held_by", Integer, comment="the reviewer who has it before him"),
    Column("held_until", Float, comment="seconds since 1970; then it is free again"),
    Column("drawn", SmallInteger, nullable=False, comment="1: came by lot"),
    Column("answer", Text, comment="of the newest decision that holds; none of a skipped one"),
    Index("ix_review_items_uncertainty", "state", "uncertainty", "id"),
    Index("ix_review_items_worth", "state", "worth", "id"),
    Index("ix_review_items_lot", "state", "lot", "id"),
    Index("ix_review_items_equal", "property", "tail", "state"),
    Index("ix_review_items_property", "property", "state", "uncertainty", "id"),
    Index("ix_review_items_held", "held_by"),
    Index("ix_review_items_answer", "property", "kind", "answer"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("run", Integer, primary_key=True, autoincrement=False),
    Column("item", Integer, primary_key=True, autoincrement=False, index=True),
    Column("reviewer", Integer, nullable=False, comment="a source"),
    Column("answer", Text, nullable=False, comment="accept, reject, correct, skip"),
    Column("value", Integer, comment="the right value of a correction"),
    Column("drawn", SmallInteger, nullable=False, comment="1: the item came by lot"),
    Column("blind", SmallInteger, nullable=False, comment="1: no probability was shown"),
    Index("ix_decisions_reviewer", "reviewer", "run"),
    sqlite_with_rowid=False,
)

judgements = Table(
    "judgements",
    metadata,
    Column("run", Integer, primary_key=True, autoincrement=False),
    Column("head", Integer, primary_key=True, autoincrement=False, index=True),
    Column("property", Integer, primary_key=True, autoincrement=False),
    Column("tail", Integer, primary_key=True, autoincrement=False),
    Column("says", SmallInteger, nullable=False, comment="Judgement"),
    sqlite_with_rowid=False,
)

words_state = Table(
    "words_state",
    metadata,
    Column("below", Integer, primary_key=True, autoincrement=False, comment="have their words"),
)
"""One row. Words themselves are in tables of each database's own kind (`graph.fulltext.tables`)."""

retitled = Table(
    "retitled",
    metadata,
    Column("entity", Integer, primary_key=True, autoincrement=False),
)
"""Products that have words, and of which the title is another one since."""
