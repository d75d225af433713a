"""The graph is the union of what its sources state (docs/decisions/0026).

`statements` keeps what each source says of a subject that several state, sources have an order, and
runs count what rejected rows kept and what other sources go on stating.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_COUNTS = ("products_left", "products_kept")


def _on_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _comment_on_source(before: str, after: str) -> None:
    if _on_postgresql():
        op.alter_column("subjects", "source", comment=after, existing_comment=before)


def upgrade() -> None:
    op.create_table(
        "statements",
        sa.Column("entity", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("kind", sa.SmallInteger, nullable=False, comment="EntityKind, as in entities"),
        sa.Column("title", sa.Text),
        sa.Column("category", sa.Text),
        sa.Column(
            "record_hash", sa.String(64), nullable=False, comment="content_hash() of the record"
        ),
        sa.Column("source", sa.Integer, autoincrement=False, nullable=False),
        sa.Column(
            "run", sa.Integer, nullable=False, comment="the ingest run that gave it this content"
        ),
        sa.Column("content", sa.Text, nullable=False, comment="JSON: triples and images"),
        sa.PrimaryKeyConstraint("entity", "source", name="pk_statements"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_statements_source", "statements", ["source"])
    op.create_index("ix_journal_entity", "journal", ["entity"])
    op.create_index("ix_proposals_head", "proposals", ["head"])
    for name in _COUNTS:
        op.add_column(
            "ingest_runs", sa.Column(name, sa.Integer, nullable=False, server_default="0")
        )
    op.add_column(
        "sources",
        sa.Column(
            "place",
            sa.Integer,
            nullable=False,
            server_default="0",
            comment="in the order of sources",
        ),
    )
    op.execute("UPDATE sources SET place = id")
    _comment_on_source("stated it last", "states it; 0: several do")
    # A proposal whose product was taken away and came back was forgotten; now it would show again.
    stated_too = (
        "EXISTS (SELECT 1 FROM triples t WHERE t.head = proposals.head "
        "AND t.property = proposals.property {})"
    )
    by_a_source = stated_too.format(
        "AND t.run NOT IN (SELECT id FROM ingest_runs WHERE kind = 'proposal')"
    )
    shown = stated_too.format("AND t.tail = proposals.tail")
    op.execute(
        "DELETE FROM proposals WHERE run IN (SELECT id FROM ingest_runs WHERE undone_at IS NULL) "  # noqa: S608
        "AND head IN (SELECT entity FROM subjects) AND property >= 0 "
        f"AND NOT {by_a_source} AND NOT {shown}"
    )


def downgrade() -> None:
    """A subject of several sources keeps their union, under the newest of them.

    Its hash fits no record, so the next source that states it replaces it. The journal of such
    subjects goes: undo of those runs leaves them as they are now, or removes them.
    """
    newest = (
        "SELECT {} FROM statements s WHERE s.entity = subjects.entity ORDER BY s.run DESC LIMIT 1"
    )
    op.execute("DELETE FROM journal WHERE entity IN (SELECT entity FROM statements)")
    op.execute(
        f"UPDATE subjects SET source = ({newest.format('s.source')}), "  # noqa: S608
        f"run = ({newest.format('s.run')}), record_hash = '' WHERE source = 0"
    )
    # Of others that several sources stated once, undo would bring back what is there already.
    op.execute(
        "DELETE FROM journal WHERE EXISTS (SELECT 1 FROM subjects WHERE "
        "subjects.entity = journal.entity AND subjects.source <> journal.source "
        "AND subjects.run < journal.run) AND change <> 2"
    )
    op.execute("UPDATE ingest_runs SET kind = 'ingest' WHERE kind = 'end'")
    op.drop_table("statements")
    op.drop_index("ix_journal_entity", "journal")
    op.drop_index("ix_proposals_head", "proposals")
    _comment_on_source("states it; 0: several do", "stated it last")
    for table, name in (*(("ingest_runs", name) for name in _COUNTS), ("sources", "place")):
        if _on_postgresql():
            op.drop_column(table, name)
        else:
            op.execute(f"ALTER TABLE {table} DROP COLUMN {name}")
