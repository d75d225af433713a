"""Values become subjects too, runs can be shown and undone, and models may propose triples.

The tables that grow with the catalog lose their foreign keys (docs/decisions/0006).
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_FOREIGN = {
    "triples": ("head", "property", "tail", "run"),
    "images": ("product", "run"),
}
_REFERS_TO = {"property": "properties.id", "run": "ingest_runs.id"}


def _on_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, autoincrement=False, nullable=False)


def _triples() -> tuple[sa.schema.SchemaItem, ...]:
    return (
        _number("head"),
        _number("property"),
        _number("tail"),
        sa.Column("position", sa.Integer, nullable=False, comment="order within the head"),
        sa.Column("run", sa.Integer, nullable=False, comment="the run that added it"),
        sa.PrimaryKeyConstraint("head", "property", "tail", name="pk_triples"),
    )


def _images() -> tuple[sa.schema.SchemaItem, ...]:
    return (
        _number("product"),
        _number("position"),
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
    )


def _references(table: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint(
            [column], [_REFERS_TO.get(column, "entities.id")], name=f"fk_{table}_{column}"
        )
        for column in _FOREIGN[table]
    ]


def _rebuild_on_sqlite(table: str, *, references: bool) -> None:
    """SQLite can only make a table anew to change its constraints."""
    columns = {"triples": _triples, "images": _images}[table]()
    op.rename_table(table, f"{table}_old")
    extra = _references(table) if references else []
    op.create_table(table, *columns, *extra, sqlite_with_rowid=False)
    names = ", ".join(item.name for item in columns if isinstance(item, sa.Column))
    op.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM {table}_old")  # noqa: S608
    op.drop_table(f"{table}_old")
    if table == "triples":
        op.create_index("ix_triples_tail_property", "triples", ["tail", "property"])


def upgrade() -> None:
    op.add_column(
        "ingest_runs",
        sa.Column("kind", sa.Text, nullable=False, server_default="ingest", comment="RunKind"),
    )
    op.add_column(
        "ingest_runs",
        sa.Column("undone_at", sa.String(32), comment="ISO 8601, UTC; NULL while it holds"),
    )
    op.add_column(
        "ingest_runs",
        sa.Column("values_read", sa.Integer, nullable=False, server_default="0"),
    )
    op.create_table(
        "subjects",
        _number("entity"),
        sa.Column("kind", sa.SmallInteger, nullable=False, comment="EntityKind, as in entities"),
        sa.Column("title", sa.Text),
        sa.Column("category", sa.Text),
        sa.Column(
            "record_hash", sa.String(64), nullable=False, comment="content_hash() of the record"
        ),
        sa.Column("source", sa.Integer, nullable=False, comment="stated it last"),
        sa.Column(
            "run", sa.Integer, nullable=False, comment="the ingest run that gave it this content"
        ),
        sa.PrimaryKeyConstraint("entity", name="pk_subjects"),
    )
    op.execute(
        "INSERT INTO subjects (entity, kind, title, category, record_hash, source, run) "
        "SELECT entity, 0, title, category, record_hash, source, run FROM products"
    )
    op.drop_table("products")
    op.create_index("ix_subjects_source", "subjects", ["source"])
    for table, columns in _FOREIGN.items():
        if _on_postgresql():
            for column in columns:
                op.drop_constraint(f"fk_{table}_{column}", table, type_="foreignkey")
        else:
            _rebuild_on_sqlite(table, references=False)
    op.create_table(
        "journal",
        sa.Column(
            "run", sa.Integer, autoincrement=False, nullable=False, comment="that changed it"
        ),
        _number("entity"),
        sa.Column("change", sa.SmallInteger, nullable=False, comment="Change"),
        sa.Column(
            "kind", sa.SmallInteger, nullable=False, comment="as in subjects, before the run"
        ),
        sa.Column("title", sa.Text),
        sa.Column("category", sa.Text),
        sa.Column("record_hash", sa.String(64), nullable=False),
        sa.Column("source", sa.Integer, nullable=False),
        sa.Column("before_run", sa.Integer, nullable=False, comment="subjects.run before"),
        sa.Column(
            "content", sa.Text, comment="JSON: triples and images before; NULL where they stayed"
        ),
        sa.PrimaryKeyConstraint("run", "entity", name="pk_journal"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "proposals",
        _number("run"),
        _number("head"),
        _number("property"),
        _number("tail"),
        sa.Column(
            "probability",
            sa.Float,
            nullable=False,
            comment="0 to 1, by the model that proposed it",
        ),
        sa.PrimaryKeyConstraint("run", "head", "property", "tail", name="pk_proposals"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """What the older schema cannot hold goes: triples of values, links, proposals, the journal."""
    op.drop_table("proposals")
    op.drop_table("journal")
    op.execute(
        "DELETE FROM triples WHERE head NOT IN (SELECT entity FROM subjects WHERE kind = 0) "
        "OR tail IN (SELECT id FROM entities WHERE kind = 0) "
        "OR run IN (SELECT id FROM ingest_runs WHERE kind <> 'ingest')"
    )
    op.execute("DELETE FROM ingest_runs WHERE kind <> 'ingest'")
    op.create_table(
        "products",
        _number("entity"),
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
    op.execute(
        "INSERT INTO products (entity, title, category, record_hash, source, run) "
        "SELECT entity, title, category, record_hash, source, run FROM subjects WHERE kind = 0"
    )
    op.create_index("ix_products_source", "products", ["source"])
    op.drop_table("subjects")
    for table in _FOREIGN:
        if _on_postgresql():
            for constraint in _references(table):
                (column,) = constraint.column_keys
                target, key = _REFERS_TO.get(column, "entities.id").split(".")
                op.create_foreign_key(constraint.name, table, target, [column], [key])
        else:
            _rebuild_on_sqlite(table, references=True)
    for column in ("values_read", "undone_at", "kind"):
        if _on_postgresql():
            op.drop_column("ingest_runs", column)
        else:
            op.execute(f"ALTER TABLE ingest_runs DROP COLUMN {column}")
