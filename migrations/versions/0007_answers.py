"""What was answered stands in the queue: how far a review is, is counted without its decisions."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_NEWEST = """
    UPDATE review_items SET answer = (
        SELECT d.answer FROM decisions d JOIN ingest_runs r ON r.id = d.run
        WHERE d.item = review_items.id AND d.answer <> 'skip' AND r.undone_at IS NULL
        ORDER BY d.run DESC LIMIT 1
    ) WHERE state = 1
"""


def upgrade() -> None:
    comment = "of the newest decision that holds; none of a skipped one"
    op.add_column("review_items", sa.Column("answer", sa.Text, comment=comment))
    op.execute(_NEWEST)
    op.create_index("ix_review_items_answer", "review_items", ["property", "kind", "answer"])


def downgrade() -> None:
    op.drop_index("ix_review_items_answer", "review_items")
    op.drop_column("review_items", "answer")
