"""The tables. Every product, value and property is stored once and triples are numbers.

`entities` is the term dictionary of both ends of a triple, so a tail may be a value or another
product. The schema itself is made by the scripts in `migrations/`; a test holds both equal.
"""

from __future__ import annotations

from enum import IntEnum

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
)

SCHEMA_REVISION = "0001"
"""The newest alembic revision. They are numbered, so that newer and older can be told apart."""
VERSION_TABLE = "k3m_kg_version"
"""Not alembic's default name: the database may hold another application's."""


class EntityKind(IntEnum):
    """What an entity is."""

    PRODUCT = 0
    VALUE = 1


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
)

ingest_runs = Table(
    "ingest_runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", ForeignKey("sources.id"), nullable=False, index=True),
    Column("format", Text, nullable=False, comment="the reader's name"),
    Column("content_hash", String(64), nullable=False, comment="SHA-256 of the source"),
    Column("mapping_hash", String(64), comment="SHA-256 of the mapping file"),
    Column("images_folder", Text, comment="the folder given with --images"),
    Column("started_at", String(32), nullable=False, comment="ISO 8601, UTC"),
    Column("finished_at", String(32), comment="ISO 8601, UTC"),
    Column("products_read", Integer, nullable=False, default=0),
    Column("products_added", Integer, nullable=False, default=0),
    Column("products_updated", Integer, nullable=False, default=0),
    Column("products_unchanged", Integer, nullable=False, default=0),
    Column("products_removed", Integer, nullable=False, default=0),
    Column("rows_repeated", Integer, nullable=False, default=0),
    Column("rows_quarantined", Integer, nullable=False, default=0),
    Column("triples_added", Integer, nullable=False, default=0),
    Column("triples_removed", Integer, nullable=False, default=0),
    Column("images_found", Integer, nullable=False, default=0),
    Column("images_failed", Integer, nullable=False, default=0),
    Column("images_not_local", Integer, nullable=False, default=0),
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

products = Table(
    "products",
    metadata,
    Column("entity", ForeignKey("entities.id"), primary_key=True, autoincrement=False),
    Column("title", Text),
    Column("category", Text),
    Column("record_hash", String(64), nullable=False, comment="ProductRecord.content_hash()"),
    Column(
        "source", ForeignKey("sources.id"), nullable=False, index=True, comment="stated it last"
    ),
    Column("run", ForeignKey("ingest_runs.id"), nullable=False, comment="last change"),
)

triples = Table(
    "triples",
    metadata,
    Column("head", ForeignKey("entities.id"), primary_key=True, autoincrement=False),
    Column("property", ForeignKey("properties.id"), primary_key=True, autoincrement=False),
    Column("tail", ForeignKey("entities.id"), primary_key=True, autoincrement=False),
    Column("position", Integer, nullable=False, comment="order within the head"),
    Column("run", ForeignKey("ingest_runs.id"), nullable=False, comment="the run that added it"),
    Index("ix_triples_tail_property", "tail", "property"),
    sqlite_with_rowid=False,
)

images = Table(
    "images",
    metadata,
    Column("product", ForeignKey("entities.id"), primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("source", Text, nullable=False, comment="path or URL as written"),
    Column("path", Text, comment="the local file; NULL where there is none"),
    Column("size", BigInteger, comment="bytes of the file when it was checked"),
    Column("mtime_ns", BigInteger, comment="modification time of the file when it was checked"),
    Column("content_hash", String(64), comment="SHA-256 of the file; NULL where it is not usable"),
    Column("width", Integer),
    Column("height", Integer),
    Column("error", Text, comment="why there is no usable picture"),
    Column("run", ForeignKey("ingest_runs.id"), nullable=False),
    sqlite_with_rowid=False,
)
