"""Literals in several languages: which one counts, and the others kept apart."""

from __future__ import annotations

from collections.abc import Sequence

from k3m_kg.readers.mapped.languages import language_rank, normal_tag
from k3m_kg.readers.rdf.names import Tagged

_FAR = float("inf")


class LiteralLanguages:
    """Chooses among literals as `Languages` does among the texts of a tree.

    A literal without a language belongs to none: it stays where it is.

    Attributes:
        found: the languages that there were.
    """

    def __init__(self, wanted: Sequence[str] = ()) -> None:
        """Prefer these languages, the first most; English where none is named."""
        self.found: set[str] = set()
        self._wanted = [normal_tag(tag) for tag in wanted]
        self._ranks: dict[str, tuple[float, str]] = {}

    def pick(self, terms: Sequence[str]) -> str | None:
        """The term to go by: in a wanted language, else without one, else in any."""
        if all(type(term) is not Tagged for term in terms):
            return terms[0] if terms else None
        best = min(terms, key=self._order)
        return None if self._wanted and self._order(best)[0] == 2 else best

    def chosen(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """The values of each property in its best language, others behind its name with theirs."""
        best: dict[str, tuple[float, str]] = {}
        for name, text in pairs:
            if type(text) is Tagged:
                rank = self._rank(text.language)
                best[name] = min(best.get(name, rank), rank)
        if not best:
            return list(pairs)
        return [
            (self._name(name, text, best), str(text)) if type(text) is Tagged else (name, text)
            for name, text in pairs
        ]

    def note(self) -> str | None:
        """What is to be said of a file, if it has several languages."""
        if len(self.found) < 2 or self._wanted:
            return None
        tags = ", ".join(sorted(self.found)[:8])
        return (
            f"texts in several languages ({tags}): English comes first, others are kept apart; "
            "--set languages=[de] or `languages` in a mapping says otherwise"
        )

    def _name(self, name: str, text: Tagged, best: dict[str, tuple[float, str]]) -> str:
        rank = best[name]
        is_best = self._rank(text.language) == rank and not (self._wanted and rank[0] == _FAR)
        return name if is_best else f"{name}.{text.language}"

    def _order(self, term: str) -> tuple[int, float, str]:
        if type(term) is not Tagged:
            return 1, 0, ""
        rank, tag = self._rank(term.language)
        return (0 if rank < _FAR else 2), rank, tag

    def _rank(self, language: str) -> tuple[float, str]:
        found = self._ranks.get(language)
        if found is None:
            tag = normal_tag(language)
            if len(self.found) < 1000:
                self.found.add(tag)
            found = language_rank(tag, self._wanted or ("en",)), tag
            if len(self._ranks) < 1000:
                self._ranks[language] = found
        return found
