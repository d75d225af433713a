"""Selections of products, and how many of them have which value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, reduce

import numpy as np

from k3m_kg.graph.fulltext.phrases import Phrase, phrases
from k3m_kg.graph.fulltext.tables import WordTable
from k3m_kg.graph.reading.bulk import GraphReader
from k3m_kg.serve.browse.columns import CATEGORY, SOURCE, ProductColumns, read_columns
from k3m_kg.serve.browse.words import FullText

LACKING = ("title", "image", "triples")
"""What a product can be without."""
_REMEMBERED = 64
"""Phrases of which the products are remembered: an eighth of a byte for each of the catalog."""
_FACETS = 8
_MOST_VALUES = 5000
_LEAST_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which products.

    Attributes:
        query: words of title, id or values.
        values: (property, value) pairs that they have.
        lacks: properties that they have not.
        without: of `LACKING`.
        category, source: theirs, as shown.
    """

    query: str = ""
    values: tuple[tuple[str, str], ...] = ()
    lacks: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    source: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Selection:
    """Some products.

    Attributes:
        among_N: bool, which; None: all.
        total: how many.
        places: theirs in order, the best of a search first.
    """

    among_N: np.ndarray | None
    total: int
    places: np.ndarray


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value, and how many of the selected products have it."""

    tail: int
    count: int


@dataclass(frozen=True, slots=True)
class Facet:
    """The most frequent values of a property among selected products.

    Attributes:
        property: its number, or `CATEGORY`, `SOURCE`.
        different: how many values there are.
        products: that have the property at all.
    """

    property: int
    name: str
    values: list[FacetValue]
    different: int
    products: int


@dataclass(frozen=True, slots=True)
class PropertyCount:
    """A property in the whole catalog."""

    property: int
    name: str
    products: int
    values: int
    triples: int


_Having = tuple[np.ndarray, np.ndarray]
"""Products, a bit for each."""


@dataclass(slots=True)
class BrowseIndex:
    """The catalog in memory.

    Attributes:
        columns: arrays.
        words: full text.
        properties: by how many products have them.
        numbers: from a property's name to its number.
    """

    columns: ProductColumns
    words: FullText
    properties: list[PropertyCount] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)
    _having: Callable[[Phrase], _Having] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Who pages, or chooses values, asks for the same words again."""
        self._having = lru_cache(_REMEMBERED)(self._find)

    @classmethod
    def read(cls, reader: GraphReader, words: FullText) -> BrowseIndex:
        """Of a whole graph."""
        columns = read_columns(reader)
        index = cls(columns, words)
        names = np.unique(columns.property_P)
        for number in names[names >= 0].tolist():
            some = columns.pairs_of(number)
            rows = columns.rows_of_property(number)
            index.properties.append(
                PropertyCount(
                    number,
                    columns.names[number],
                    int(np.count_nonzero(np.bincount(rows, minlength=len(columns)))),
                    some.stop - some.start,
                    len(rows),
                )
            )
        index.properties.sort(key=lambda one: (-one.products, one.name))
        index.numbers = {one.name: one.property for one in index.properties}
        return index

    def __len__(self) -> int:
        return len(self.columns)

    def select(self, wanted: Wanted, numbers: Mapping[str, Sequence[int]]) -> Selection:
        """The products that are wanted.

        Args:
            numbers: of the values that are named in `wanted`, as entities of the graph: a value
                and a product may be spelled the same.
        """
        columns = self.columns
        masks: list[np.ndarray] = []
        hits_N: np.ndarray | None = None
        for phrase in phrases(wanted.query):
            found = self._having(phrase)
            title_N, any_N = (np.unpackbits(bits, count=len(columns)) for bits in found)
            hits_N = title_N if hits_N is None else hits_N + title_N
            masks.append(any_N.view(bool))
        for name, value in wanted.values:
            masks.append(self._with(self.numbers.get(name), numbers.get(value, ())))
        for name in wanted.lacks:
            number = self.numbers.get(name)
            rows = () if number is None else columns.rows_of_property(number)
            masks.append(~self._mask(rows))
        lacking = {"title": ~columns.titled_N, "image": ~columns.pictured_N}
        lacking["triples"] = columns.bare_N
        masks += [lacking[name] for name in wanted.without if name in lacking]
        for property_, texts in ((CATEGORY, wanted.category), (SOURCE, wanted.source)):
            known = columns.texts[property_]
            for text in texts:
                masks.append(self._with(property_, [known.index(text)] if text in known else []))
        if not masks:
            return Selection(None, len(columns), np.arange(len(columns)))
        among_N = reduce(np.logical_and, masks)
        places = np.flatnonzero(among_N)
        if hits_N is not None:
            hits = hits_N[places]
            # The most first, each lot in the order of the catalog: quicker than to sort.
            lots = [places[hits == count] for count in range(int(hits.max(initial=0)), -1, -1)]
            places = np.concatenate(lots)
        return Selection(among_N, len(places), places)

    def _mask(self, rows: Sequence[int] | np.ndarray) -> np.ndarray:
        among_N = np.zeros(len(self.columns), bool)
        if len(rows):
            among_N[np.asarray(rows)] = True
        return among_N

    def _with(self, property_: int | None, tails: Sequence[int]) -> np.ndarray:
        among_N = self._mask(())
        for tail in tails:
            if property_ is not None and (pair := self.columns.pair(property_, tail)) is not None:
                among_N[self.columns.rows_of(pair)] = True
        return among_N

    def _find(self, phrase: Phrase) -> _Having:
        """The products whose title or id has a phrase, and those that have it anywhere."""
        columns = self.columns
        known = int(max(columns.entities_N.max(initial=-1), columns.tail_P.max(initial=-1))) + 1
        has_E = np.zeros(known, bool)
        texts = self.words.find(WordTable.ENTITIES, phrase)
        has_E[texts[texts < known]] = True
        pairs = np.flatnonzero(has_E[columns.tail_P] & (columns.property_P >= 0))
        titles = self.words.find(WordTable.TITLES, phrase)
        has_E[titles[titles < known]] = True
        title_N = has_E[columns.entities_N]
        any_N = title_N.copy()
        for pair in pairs.tolist() if len(pairs) < 10_000 else ():
            any_N[columns.rows_of(pair)] = True
        if len(pairs) >= 10_000:
            wanted_P = np.zeros(len(columns.tail_P), bool)
            wanted_P[pairs] = True
            any_N[columns.row_T[np.repeat(wanted_P, np.diff(columns.start_P1))]] = True
        return np.packbits(title_N), np.packbits(any_N)

    def facets(
        self, selection: Selection, further: Sequence[str] = (), top: int = 10
    ) -> Iterator[Facet]:
        """Category, source, the properties that tell most, and `further` ones."""
        for number, name in ((CATEGORY, "category"), (SOURCE, "source")):
            facet = self.facet(number, name, selection, top)
            if facet.different > 1 or (number == CATEGORY and facet.different):
                yield facet
        chosen = [name for name in further if name in self.numbers]
        for one in self.properties:
            telling = (
                2 <= one.values <= _MOST_VALUES
                and one.products >= _LEAST_SHARE * len(self)
                and one.values <= 0.3 * one.triples + 2
            )
            if telling and one.name not in chosen and len(chosen) < _FACETS + len(further):
                chosen.append(one.name)
        for name in chosen:
            facet = self.facet(self.numbers[name], name, selection, top)
            if facet.different:
                yield facet

    def facet(self, property_: int, name: str, selection: Selection, top: int = 10) -> Facet:
        """The most frequent values of one property among the selected products."""
        some = self.columns.pairs_of(property_)
        counts = self.columns.counts(some, selection.among_N)
        best = np.argsort(-counts, kind="stable")[:top]
        return Facet(
            property_,
            name,
            [
                FacetValue(int(self.columns.tail_P[some.start + place]), int(counts[place]))
                for place in best.tolist()
                if counts[place]
            ],
            int(np.count_nonzero(counts)),
            int(counts.sum()),
        )

    def alike(self, entity: int, top: int = 8) -> list[tuple[int, float]]:
        """Products that share most with one, by how rare what they share is: (entity, 0 to 1)."""
        columns = self.columns
        place = int(np.searchsorted(columns.entities_N, entity))
        if place == len(columns) or columns.entities_N[place] != entity:
            return []
        pairs = columns.pairs_with(place)
        if not len(pairs):
            return []
        sizes = np.diff(columns.start_P1)[pairs]
        weights = np.log(len(columns) / sizes)
        shared_N = np.zeros(len(columns), np.float32)
        for pair, weight in zip(pairs.tolist(), weights.tolist(), strict=True):
            shared_N[columns.rows_of(pair)] += weight
        whole = float(weights.sum())
        shared_N[place] = 0
        best = np.argpartition(-shared_N, min(top, len(shared_N) - 1))[: top + 1]
        best = best[np.argsort(-shared_N[best], kind="stable")][:top]
        return [
            (int(columns.entities_N[one]), round(float(shared_N[one]) / whole, 4))
            for one in best.tolist()
            if whole > 0 and shared_N[one] > 0
        ]
