"""The first schema: dictionary-encoded terms, triples with provenance, images."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

COUNTS = (
    "products_read",
    "products_added",
    "products_updated",
    "products_unchanged",
    "products_removed",
    "rows_repeated",
    "rows_quarantined",
    "triples_added",
    "triples_removed",
    "images_found",
    "images_failed",
    "images_not_local",
)


def upgrade() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    term = sa.Text(collation="C") if on_postgresql else sa.Text()
    op.create_table(
        "sources",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False, comment="absolute path"),
        sa.PrimaryKeyConstraint("id", name="pk_sources"),
        sa.UniqueConstraint("name", name="uq_sources_name"),
    )
    op.create_table(
        "ingest_runs",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("source", sa.Integer, nullable=False),
        sa.Column("format", sa.Text, nullable=False, comment="the reader's name"),
        sa.Column("content_hash", sa.String(64), nullable=False, comment="SHA-256 of the source"),
        sa.Column("mapping_hash", sa.String(64), comment="SHA-256 of the mapping file"),
        sa.Column("images_folder", sa.Text, comment="the folder given with --images"),
        sa.Column("started_at", sa.String(32), nullable=False, comment="ISO 8601, UTC"),
        sa.Column("finished_at", sa.String(32), comment="ISO 8601, UTC"),
        *(sa.Column(name, sa.Integer, nullable=False) for name in COUNTS),
        sa.PrimaryKeyConstraint("id", name="pk_ingest_runs"),
        sa.ForeignKeyConstraint(["source"], ["sources.id"], name="fk_ingest_runs_source"),
    )
    op.create_index("ix_ingest_runs_source", "ingest_runs", ["source"])
    op.create_table(
        "entities",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("kind", sa.SmallInteger, nullable=False, comment="EntityKind"),
        sa.Column("text", term, nullable=False, comment="the product's id or the value"),
        sa.PrimaryKeyConstraint("id", name="pk_entities"),
    )
    # A value may be a whole description, and PostgreSQL indexes no text beyond 2.7 kB.
    text = sa.text("md5(text)") if on_postgresql else "text"
    op.create_index("uq_entities_kind_text", "entities", ["kind", text], unique=True)
    op.create_table(
        "properties",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("name", term, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_properties"),
        sa.UniqueConstraint("name", name="uq_properties_name"),
    )
    op.create_table(
        "products",
        sa.Column("entity", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("title", sa.Text),
        sa.Column("category", sa.Text),
        sa.Column(
            "record_hash", sa.String(64), nullable=False, comment="ProductRecord.content_hash()"
        ),
        sa.Column("source", sa.Integer, nullable=False, comment="stated it last"),
        sa.Column("run", sa.Integer, nullable=False, comment="last change"),
        sa.PrimaryKeyConstraint("entity", name="pk_products"),
        sa.ForeignKeyConstraint(["entity"], ["entities.id"], name="fk_products_entity"),
        sa.ForeignKeyConstraint(["source"], ["sources.id"], name="fk_products_source"),
        sa.ForeignKeyConstraint(["run"], ["ingest_runs.id"], name="fk_products_run"),
    )
    op.create_index("ix_products_source", "products", ["source"])
    op.create_table(
        "triples",
        sa.Column("head", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("property", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("tail", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer, nullable=False, comment="order within the head"),
        sa.Column("run", sa.Integer, nullable=False, comment="the run that added it"),
        sa.PrimaryKeyConstraint("head", "property", "tail", name="pk_triples"),
        sa.ForeignKeyConstraint(["head"], ["entities.id"], name="fk_triples_head"),
        sa.ForeignKeyConstraint(["property"], ["properties.id"], name="fk_triples_property"),
        sa.ForeignKeyConstraint(["tail"], ["entities.id"], name="fk_triples_tail"),
        sa.ForeignKeyConstraint(["run"], ["ingest_runs.id"], name="fk_triples_run"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_triples_tail_property", "triples", ["tail", "property"])
    op.create_table(
        "images",
        sa.Column("product", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("source", sa.Text, nullable=False, comment="path or URL as written"),
        sa.Column("path", sa.Text, comment="the local file; NULL where there is none"),
        sa.Column("size", sa.BigInteger, comment="bytes of the file when it was checked"),
        sa.Column(
            "mtime_ns",
            sa.BigInteger,
            comment="modification time of the file when it was checked",
        ),
        sa.Column(
            "content_hash",
            sa.String(64),
            comment="SHA-256 of the file; NULL where it is not usable",
        ),
        sa.Column("width", sa.Integer),
        sa.Column("height", sa.Integer),
        sa.Column("error", sa.Text, comment="why there is no usable picture"),
        sa.Column("run", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("product", "position", name="pk_images"),
        sa.ForeignKeyConstraint(["product"], ["entities.id"], name="fk_images_product"),
        sa.ForeignKeyConstraint(["run"], ["ingest_runs.id"], name="fk_images_run"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    for table in (
        "images",
        "triples",
        "products",
        "properties",
        "entities",
        "ingest_runs",
        "sources",
    ):
        op.drop_table(table)
