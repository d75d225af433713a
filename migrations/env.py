"""Runs the migrations on the connection that `k3m_kg.graph.database.schema` hands over."""

from alembic import context

from k3m_kg.graph.tables import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
