"""Full text of titles, ids and values (docs/decisions/0057).

The tables of words are made empty: whoever searches first fills them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_WORDS = ("title_words", "entity_words")


def upgrade() -> None:
    op.create_table(
        "words_state",
        sa.Column(
            "below", sa.Integer, autoincrement=False, nullable=False, comment="have their words"
        ),
        sa.PrimaryKeyConstraint("below", name="pk_words_state"),
    )
    op.execute("INSERT INTO words_state (below) VALUES (0)")
    op.create_table(
        "retitled",
        sa.Column("entity", sa.Integer, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("entity", name="pk_retitled"),
    )
    if op.get_bind().dialect.name == "postgresql":
        for name in _WORDS:
            op.execute(
                f"CREATE TABLE {name} (entity integer CONSTRAINT pk_{name} PRIMARY KEY, "
                "words tsvector NOT NULL)"
            )
            op.execute(f"CREATE INDEX ix_{name}_words ON {name} USING gin (words)")
        return
    for name in _WORDS:
        # Texts of entities never change, so those need not be kept to be taken out again.
        content = ", content=''" if name == "entity_words" else ""
        op.execute(
            f"CREATE VIRTUAL TABLE {name} USING fts5(text, columnsize=0{content}, "
            "prefix='2 3', tokenize='unicode61 remove_diacritics 2')"
        )


def downgrade() -> None:
    for name in (*_WORDS, "retitled", "words_state"):
        op.drop_table(name)
