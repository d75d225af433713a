"""Both databases pass the conformance case that a further one would have to pass."""

from __future__ import annotations

from k3m_kg.testing import StoreCase


class TestStore(StoreCase):
    """On SQLite and on PostgreSQL, by the fixture `database_url`."""
