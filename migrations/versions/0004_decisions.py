"""What people decide about proposals and findings (docs/decisions/0050).

`review_items` is the queue, `decisions` who decided what in which run, `judgements` what follows
for triples: right ones show, wrong ones are never proposed again, misstated ones are hidden.
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_MISSTATED = 2
_CATEGORY = -1


def upgrade() -> None:
    op.create_table(
        "review_items",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False, comment="ItemKind"),
        sa.Column("head", sa.Integer, nullable=False),
        sa.Column("property", sa.Integer, nullable=False),
        sa.Column("tail", sa.Integer, nullable=False, comment="the value that is proposed"),
        sa.Column("stated", sa.Integer, comment="of a finding: the value that is doubted"),
        sa.Column("probability", sa.Float, nullable=False, comment="that it is so, 0 to 1"),
        sa.Column("uncertainty", sa.Float, nullable=False, comment="0 sure, 1/2 undecided"),
        sa.Column("worth", sa.Float, nullable=False, comment="what an answer is worth"),
        sa.Column("promised", sa.Float, comment="the precision that its threshold promises"),
        sa.Column("lot", sa.Integer, nullable=False, comment="place in the random stream"),
        sa.Column("model", sa.Integer, nullable=False, comment="the source that proposes"),
        sa.Column("details", sa.Text, nullable=False, comment="JSON: evidence, alternatives"),
        sa.Column("state", sa.SmallInteger, nullable=False, comment="ItemState"),
        sa.Column("held_by", sa.Integer, comment="the reviewer who has it before him"),
        sa.Column("held_until", sa.Float, comment="seconds since 1970; then it is free again"),
        sa.Column("drawn", sa.SmallInteger, nullable=False, comment="1: came by lot"),
        sa.PrimaryKeyConstraint("id", name="pk_review_items"),
    )
    for column in ("uncertainty", "worth", "lot"):
        op.create_index(f"ix_review_items_{column}", "review_items", ["state", column, "id"])
    op.create_index("ix_review_items_head", "review_items", ["head"])
    op.create_index("ix_review_items_equal", "review_items", ["property", "tail", "state"])
    op.create_index(
        "ix_review_items_property", "review_items", ["property", "state", "uncertainty", "id"]
    )
    op.create_index("ix_review_items_held", "review_items", ["held_by"])
    op.create_table(
        "decisions",
        sa.Column("run", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("item", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("reviewer", sa.Integer, nullable=False, comment="a source"),
        sa.Column("answer", sa.Text, nullable=False, comment="accept, reject, correct, skip"),
        sa.Column("value", sa.Integer, comment="the right value of a correction"),
        sa.Column("drawn", sa.SmallInteger, nullable=False, comment="1: the item came by lot"),
        sa.Column("blind", sa.SmallInteger, nullable=False, comment="1: no probability was shown"),
        sa.PrimaryKeyConstraint("run", "item", name="pk_decisions"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_decisions_item", "decisions", ["item"])
    op.create_index("ix_decisions_reviewer", "decisions", ["reviewer", "run"])
    op.create_table(
        "judgements",
        sa.Column("run", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("head", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("property", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("tail", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("says", sa.SmallInteger, nullable=False, comment="Judgement"),
        sa.PrimaryKeyConstraint("run", "head", "property", "tail", name="pk_judgements"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_judgements_head", "judgements", ["head"])


def downgrade() -> None:
    """Decided values become proposals of the decision's run; what was hidden shows again.

    What was rejected, and the queue, is forgotten.
    """
    connection = op.get_bind()
    held = (
        "judgements j JOIN ingest_runs r ON r.id = j.run "
        "WHERE r.undone_at IS NULL AND j.property <> -1"
    )
    op.execute(
        "INSERT INTO proposals (run, head, property, tail, probability) "  # noqa: S608
        f"SELECT j.run, j.head, j.property, j.tail, 1.0 FROM {held} AND j.says = 0"
    )
    hidden = connection.execute(
        sa.text(f"SELECT DISTINCT j.head FROM {held} AND j.says = {_MISSTATED}")  # noqa: S608
    ).scalars()
    for head in list(hidden):
        _show_again(connection, head)
    op.execute("UPDATE ingest_runs SET kind = 'proposal' WHERE kind = 'decision'")
    for table in ("judgements", "decisions", "review_items"):
        op.drop_table(table)


def _show_again(connection: sa.Connection, head: int) -> None:
    """All triples that sources state of a subject, behind those that show."""
    rows = connection.execute(
        sa.text("SELECT property, tail, position FROM triples WHERE head = :head"), {"head": head}
    ).all()
    shown = {(row[0], row[1]) for row in rows}
    position = max((row[2] for row in rows), default=-1)
    contents = connection.execute(
        sa.text("SELECT content FROM statements WHERE entity = :head ORDER BY source"),
        {"head": head},
    ).scalars()
    for content in list(contents):
        for property_, tail, _, run in json.loads(content)[0]:
            if (property_, tail) not in shown:
                shown.add((property_, tail))
                position += 1
                connection.execute(
                    sa.text("INSERT INTO triples VALUES (:head, :property, :tail, :at, :run)"),
                    {"head": head, "property": property_, "tail": tail, "at": position, "run": run},
                )
