"""An index of the runs that were undone: few among all that people's decisions are."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    undone = sa.text("undone_at IS NOT NULL")
    op.create_index(
        "ix_ingest_runs_undone",
        "ingest_runs",
        ["undone_at"],
        sqlite_where=undone,
        postgresql_where=undone,
    )


def downgrade() -> None:
    op.drop_index("ix_ingest_runs_undone", "ingest_runs")
