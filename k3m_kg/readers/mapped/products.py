"""From the cells of rows to products, as a mapping says: the one place where it is applied.

A row is a tree of dicts, lists and scalars; a row of a table is one whose keys are its columns.
`FlatPlan` and `TreePlans` do the same faster for mappings that are plain, as `PlainColumns` and
`WideBatch` do for whole columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from k3m_kg.readers.cells import raw_text, unstorable
from k3m_kg.readers.mapped.continued import ContinuedRows
from k3m_kg.readers.mapped.fields import Field, Fields
from k3m_kg.readers.mapped.flat import FlatPlan, flat_plan
from k3m_kg.readers.mapped.languages import Languages
from k3m_kg.readers.mapped.made import Made, MadeRecords, Placed, check_digits
from k3m_kg.readers.mapped.named import Unseen
from k3m_kg.readers.mapped.nested import MAX_NAME, BadTree, Cell, Trees, first_text
from k3m_kg.readers.mapped.tree_plans import TreePlans
from k3m_kg.readers.mapped.variants import (
    inherited,
    taken_out,
    with_option_names,
    with_title_of_its_own,
)
from k3m_kg.readers.mapped.wrappers import unwrapped
from k3m_kg.readers.mapping import Mapping as MappingFile
from k3m_kg.records import CatalogRecord, Note, ProductRecord, RejectedRow

_PLANS = 1000
"""Sets of keys that objects may have and for which a plan is kept."""
_LOOKED_AT = 1000
"""Rows in which empty fields are looked for too; an id that none of them has is given up."""


class HasTree(Protocol):
    """What is rejected by its tree."""

    @property
    def tree(self) -> dict[str, Any]:
        """Of dicts, lists and scalars."""
        ...

    def text(self) -> str:
        """What is reported of it, if it is rejected."""
        ...


class Products:
    """A mapping applied to rows.

    Args:
        where: the mapping file, for errors.
        folder: that an image table lies in or below.

    Attributes:
        plans: for trees by a plain mapping.
    """

    def __init__(self, mapping: MappingFile, where: str, folder: Path | None = None) -> None:
        """Prepare to read.

        Raises:
            ConfigError: the image table cannot be read.
        """
        self._mapping = mapping
        self._trees = Trees(mapping)
        self._fields = Fields(mapping)
        self._languages = Languages(mapping.languages)
        self._unseen = Unseen(mapping, where)
        self._records = MadeRecords(mapping, where, folder or Path())
        self._plain = not (
            mapping.pairs or mapping.cells or mapping.unprefixed or mapping.languages
        )
        self._plans: dict[tuple[str, ...], FlatPlan | None] = {}
        self.plans = TreePlans(self._trees, self._fields, self._languages, self._see)
        self._continued = (
            ContinuedRows(
                mapping, self._records, self._cells, self._rejected, self._in_best_language
            )
            if mapping.rows == "continue"
            else None
        )
        self._within = mapping.variants.within if mapping.variants is not None else None
        self._by_plans = self._plain and self._continued is None and self._within is None
        self._rows = 0

    def see(self, *columns: str) -> None:
        """Note columns that the source has, whether or not a row fills them."""
        self._unseen.see(*columns)

    @property
    def is_plain(self) -> bool:
        """Whether what rows say may be told by `plans`: they have what the mapping names."""
        return self._by_plans and not self._unseen

    def of_made(self, made: Made, row: HasTree) -> ProductRecord | RejectedRow:
        """The record of what `plans` told of a row."""
        self._rows += 1
        try:
            return self._records.of(made)
        except BadTree as error:
            return self._rejected(str(error), row.tree, made.line, row.text)

    def of_plain(self, row: HasTree, line: int) -> ProductRecord | RejectedRow | None:
        """The record of a row that says plainly what it says, where `is_plain`; None of others."""
        try:
            record: ProductRecord | RejectedRow | None = self._of_plain(row.tree, line)
        except BadTree as error:
            record = self._rejected(str(error), row.tree, line, row.text)
        except RecursionError:  # as `of` will say
            return None
        if record is not None:
            self._rows += 1
        return record

    def of(
        self, tree: dict[str, Any], line: int, raw: Callable[[], str] | None = None
    ) -> Iterator[CatalogRecord]:
        """The records that are complete with a row.

        Args:
            raw: the row as it is reported, if it is rejected.

        Raises:
            ConfigError: the column of the id was in none of many rows.
        """
        self._rows += 1
        if self._rows <= _LOOKED_AT and self._unseen:
            self._look(tree, "")
        elif self._rows == _LOOKED_AT + 1:
            self._unseen.check("id")
        try:
            if self._continued is not None:
                yield from self._continued.of(tree, line)
            elif self._within is not None:
                yield from self._with_variants(tree, line, raw)
            elif self._plain and (record := self._of_plain(tree, line)) is not None:
                yield record
            else:
                yield self._records.of(Made(line, self._cells(tree)))
            return
        except BadTree as error:
            why = str(error)
        except RecursionError:
            why = "nested too deep"
        yield from self.rejected(self._rejected(why, tree, line, raw))

    def rejected(self, row: RejectedRow) -> Iterator[CatalogRecord]:
        """A row that is no part of any product; it does not end the one that it stands in."""
        if self._continued is None:
            yield row
        else:
            yield from self._continued.hold(row)

    def check(self) -> None:
        """See that the source has every column that the mapping names.

        Raises:
            ConfigError: it does not.
        """
        self._unseen.check()

    def rest(self) -> Iterator[CatalogRecord]:
        """What is left after the last row, and what is to be said of all.

        Raises:
            ConfigError: the mapping names a column that no row has.
        """
        if self._continued is not None:
            yield from self._continued.rest()
        if self._rows:
            self._unseen.check()
        yield from map(Note, self._notes())

    def _rejected(
        self, why: str, tree: Any, line: int, raw: Callable[[], str] | None = None
    ) -> RejectedRow:
        said = raw() if raw is not None else raw_text(repr(tree))
        return RejectedRow(line, why, said, self._id_in(tree))

    def _id_in(self, tree: Any) -> str | None:
        """The product that a row is about which is none, where its id lies on top."""
        found = (tree.get(name) for name in self._mapping.ids) if isinstance(tree, dict) else ()
        return next(
            (id_ for text in found if isinstance(text, str) and (id_ := text.strip())), None
        )

    def _look(self, tree: Any, path: str) -> None:
        """Note the paths of fields that are empty: they are there all the same."""
        items = tree if isinstance(tree, list) else (tree,)
        for item in items:
            if isinstance(item, dict):
                for key, value in item.items():
                    key = str(key).strip()
                    below = f"{path}.{key}" if path else key
                    self._see(below)
                    if isinstance(value, dict | list) and below.count(".") < 20:
                        self._look(value, below)

    def _see(self, *paths: str) -> None:
        for path in paths:
            parted = self._languages.parted(path)
            self._unseen.see(path, *(parted[:1] if parted else ()))

    def _cells(self, tree: dict[str, Any], names: dict[str, str] | None = None) -> list[Placed]:
        """What a row says, each text in its best language, with what the mapping says of it.

        Raises:
            BadTree: it holds text that cannot be stored, or a value without a name.
        """
        placed: list[Placed] = []
        aliases = self._trees.aliases
        any_language = bool(self._mapping.languages)
        cells = self._trees.cells(tree, names)
        known = self._fields.known
        for cell in cells:
            path, name, text, origin, language = cell
            if not name:
                raise BadTree(f"a value without a name: {text[:40]!r}")
            field = known(path, origin)
            if field is None:
                alias = aliases.get(path)
                field = self._fields.of(path, origin, alias)
                if self._unseen:
                    self._see(path, origin, *([alias] if alias else []))
            if text in field.missing:
                continue
            placed.append((cell, field))
            if language is not None:
                any_language = True
        whole = "".join([text for cell, _ in placed for text in (cell[1], cell[2])])
        if (not whole.isascii() or "\0" in whole) and (why := unstorable((whole,))):
            raise BadTree(why)
        if self._mapping.language is not None:
            return _spoken(placed)
        if any_language:
            chosen = self._languages.chosen(cell for cell, _ in placed)
            return [(cell, self._field(cell)) for cell in chosen]
        return placed

    def _in_best_language(self, placed: Sequence[Placed]) -> Sequence[Placed]:
        """What the rows of a product say, where each is in a language.

        What is the same in another language is said once.
        """
        if self._mapping.language is None:
            return placed
        chosen = self._languages.chosen(cell for cell, _ in placed)
        best = {(cell.path, cell.text) for cell in chosen}
        return [
            (cell, self._field(cell))
            for cell in chosen
            if cell.language is None
            or not cell.path.endswith(f".{cell.language}")
            or (cell.path.removesuffix(f".{cell.language}"), cell.text) not in best
        ]

    def _field(self, cell: Cell) -> Field:
        """What is said of a cell whose language was chosen, or put behind its name."""
        if cell.language is not None and cell.origin.endswith(f".{cell.language}"):
            return self._fields.apart(cell.path, cell.origin.removesuffix(f".{cell.language}"))
        return self._fields.of(cell.path, cell.origin, self._trees.aliases.get(cell.path))

    def _of_plain(self, tree: dict[str, Any], line: int) -> ProductRecord | None:
        """The record, in less time, of an object that says plainly what it says; None of others.

        Raises:
            BadTree: it holds text that cannot be stored, or has no id.
        """
        if (record := self._of_flat(tree, line)) is not None:
            return record
        made = self.plans.made(tree, line)
        return self._records.of(made) if made is not None else None

    def _of_flat(self, tree: dict[str, Any], line: int) -> ProductRecord | None:
        """The record of an object of texts; None of others.

        Raises:
            BadTree: it holds text that cannot be stored, or has no id.
        """
        keys = tuple(tree)
        plan = self._plans.get(keys)
        if plan is None:
            if keys in self._plans or not all(type(value) is str for value in tree.values()):
                return None
            if len(self._plans) >= _PLANS:
                self._plans.clear()
            plan = self._plans[keys] = self._planned(keys)
            if plan is None:
                return None
        return plan.record(tree, line)

    def _planned(self, keys: Sequence[str]) -> FlatPlan | None:
        """How objects of these keys become records, if that is plain."""
        if not self._mapping.is_plain or unstorable(keys):
            return None
        if any(not key or key != key.strip() or len(key) > MAX_NAME for key in keys):
            return None
        fields = [self._fields.of(key, key, None) for key in keys]
        if self._unseen:
            self._see(*keys)
        return flat_plan(self._mapping, keys, fields)

    def _with_variants(
        self, tree: dict[str, Any], line: int, raw: Callable[[], str] | None
    ) -> Iterator[ProductRecord | RejectedRow]:
        """A product, and the objects in it that are its variants.

        Raises:
            BadTree: it has no id, or cannot be read; nothing of it is given then.
        """
        variants = self._mapping.variants
        assert variants is not None
        rest, items = taken_out(tree, variants.within or "")
        cells = self._cells(rest)
        id_ = self._records.id_of(Made(line, [item for item in cells if item[1].has("id")]))
        others: list[tuple[Any, str | None]] = []
        for item in items:
            item = with_option_names(unwrapped(item), tree) if isinstance(item, dict) else item
            own_id = first_text(item, variants.id or "")
            if own_id == id_:  # the product's own, as of one that has no other
                known = {cell.path for cell, _ in cells}
                cells += [placed for placed in self._cells(item) if placed[0].path not in known]
            else:
                others.append((item, own_id))
        product = self._records.of(Made(line, cells), id_)
        yield product
        for item, own_id in others:
            try:
                if own_id is None:
                    raise BadTree(f"a variant without an id in {variants.id!r}")
                check_digits(own_id)
                placed = [one for one in self._cells(item) if one[0].path != variants.id]
                own = self._records.of(Made(line, placed), own_id)
            except BadTree as error:
                yield self._rejected(f"{error}, of the product {id_!r}", item, line, raw)
            else:
                yield inherited(with_title_of_its_own(own, product), product, variants)

    def _notes(self) -> Iterator[str]:
        if self._trees.mixed:
            listed = ", ".join(map(repr, sorted(self._trees.mixed)[:5]))
            yield (
                f"the objects in {listed} have ids of their own, as variants have: what they say "
                "was read as values of the product that they stand in, one beside the other"
            )
        for path, keys in self._trees.dropped.items():
            some = ", ".join(sorted(keys)[:8])
            yield (
                f"of the objects in {path!r} their name, value and unit were read, and not: "
                f"{some}; `pairs` in a mapping says which keys count"
            )
        if len(self._languages.found) > 1 and not self._mapping.languages:
            tags = ", ".join(sorted(self._languages.found)[:8])
            yield (
                f"texts in several languages ({tags}): English comes first, others are kept "
                "apart; `languages` in a mapping says otherwise"
            )
        if self._records.parents is not None:
            yield from self._records.parents.notes()
        if self._records.pictures is not None:
            yield from self._records.pictures.notes()


_IN_NO_LANGUAGE = frozenset(("id", "image", "place", "variant", "parent"))


def _spoken(placed: Sequence[Placed]) -> list[Placed]:
    """What a row says in its language; what names something is in none."""
    tag = next((cell.text for cell, field in placed if field.has("language")), None)
    return [
        (cell, field)
        if cell.language is not None
        or field.link is not None
        or any(role in _IN_NO_LANGUAGE for role, _ in field.roles)
        else (cell._replace(language=tag), field)
        for cell, field in placed
        if not field.has("language")
    ]
