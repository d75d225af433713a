"""The database under the graph: connections, where SQLite and PostgreSQL differ, its schema."""
