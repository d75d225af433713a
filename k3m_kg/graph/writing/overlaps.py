"""How far a source states what others state: it may be a newer version of one of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import Connection, select

from k3m_kg.graph.history.journal import Version
from k3m_kg.graph.stored import Overlap
from k3m_kg.graph.tables import sources


class Overlaps:
    """The products of a source that others state too."""

    def __init__(self, connection: Connection, source: int) -> None:
        self._connection = connection
        self._source = source
        self._by_source: defaultdict[int, Overlap] = defaultdict(Overlap)

    def note(
        self, title: str | None, category: str | None, by_source: Mapping[int, Version]
    ) -> None:
        """Count a product that the source states for the first time.

        Args:
            by_source: what each source says of it.
        """
        for source, version in by_source.items():
            if source != self._source:
                overlap, other = self._by_source[source], version.subject
                overlap.products += 1
                overlap.titles += None not in (title, other.title) and title != other.title
                overlap.categories += (
                    None not in (category, other.category) and category != other.category
                )

    def largest(self) -> tuple[str, Overlap, bool] | None:
        """The source that states most of the same products, and whether it is believed first."""
        if not self._by_source:
            return None
        number, overlap = max(self._by_source.items(), key=lambda item: item[1].products)
        places = {
            source: (place, source, name)
            for source, place, name in self._connection.execute(
                select(sources.c.id, sources.c.place, sources.c.name).where(
                    sources.c.id.in_([number, self._source])
                )
            )
        }
        return places[number][2], overlap, places[number] < places[self._source]
