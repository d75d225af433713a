"""From the cells of rows to products, as a mapping says: the one place where it is applied.

A row is a tree of dicts, lists and scalars; a row of a table is one whose keys are its columns.
`PlainColumns` and `WideBatch` do the same faster for mappings that are plain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from k3m_kg.readers.cells import raw_text, unstorable
from k3m_kg.readers.mapped.fields import Field, Fields
from k3m_kg.readers.mapped.flat import FlatPlan, flat_plan
from k3m_kg.readers.mapped.image_table import ImageTablePictures
from k3m_kg.readers.mapped.languages import Languages
from k3m_kg.readers.mapped.named import Unseen
from k3m_kg.readers.mapped.nested import MAX_NAME, BadTree, Cell, Trees, first_text, unwrapped
from k3m_kg.readers.mapped.variants import (
    Parents,
    inherited,
    taken_out,
    with_option_names,
    with_title_of_its_own,
)
from k3m_kg.readers.mapping import PLACEHOLDER, CategoryLevels
from k3m_kg.readers.mapping import Mapping as MappingFile
from k3m_kg.readers.numbers import digits_lost, lost_digits
from k3m_kg.records import CatalogRecord, Note, ProductRecord, RejectedRow

LEVEL = " > "
"""Between the levels of a category."""
MAX_ROWS = 10_000
"""Rows that one product may have."""
_TOO_LONG = f"more than {MAX_ROWS:,} rows of one product"
_MAX_REJECTED = 1000
_PLANS = 1000
"""Sets of keys that objects may have and for which a plan is kept."""
_LOOKED_AT = 1000
"""Rows in which empty fields are looked for too; an id that none of them has is given up."""


_Placed = tuple[Cell, Field]


class Products:
    """A mapping applied to rows.

    Args:
        where: the mapping file, for errors.
        folder: that an image table lies in or below.
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
        self._pictures = (
            ImageTablePictures(mapping.image_table, folder or Path(), where)
            if mapping.image_table is not None
            else None
        )
        parented = mapping.variants is not None and mapping.variants.parent is not None
        self._parents = Parents(mapping.variants) if parented and mapping.variants else None
        self._flat = not (mapping.pairs or mapping.cells or mapping.unprefixed or mapping.languages)
        self._plans: dict[tuple[str, ...], FlatPlan | None] = {}
        self._ids = mapping.ids
        self._chosen = (("title", mapping.titles), ("category", mapping.categories))
        self._image_parts = [(image, PLACEHOLDER.split(image)) for image in mapping.images]
        self._goes_on = mapping.rows == "continue"
        self._within = mapping.variants.within if mapping.variants is not None else None
        self._open: _Open | None = None
        self._too_long: str | None = None
        self._rows = 0

    def see(self, *columns: str) -> None:
        """Note columns that the source has, whether or not a row fills them."""
        self._unseen.see(*columns)

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
            if self._goes_on:
                yield from self._continued(tree, line)
            elif self._within is not None:
                yield from self._with_variants(tree, line, raw)
            elif self._flat and (record := self._of_flat(tree, line)) is not None:
                yield record
            else:
                yield self._finished(self._made(self._cells(tree), line))
            return
        except BadTree as error:
            why = str(error)
        except RecursionError:
            why = "nested too deep"
        yield from self.rejected(self._rejected(why, tree, line, raw))

    def rejected(self, row: RejectedRow) -> Iterator[CatalogRecord]:
        """A row that is no part of any product; it does not end the one that it stands in."""
        if self._open is None:
            yield row
            return
        self._open.rejected.append(row)
        if len(self._open.rejected) > _MAX_REJECTED:  # held back only to keep the order of lines
            yield from self._closed()

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
        yield from self._closed()
        if self._rows:
            self._unseen.check()
        yield from map(Note, self._notes())

    def _rejected(
        self, why: str, tree: Any, line: int, raw: Callable[[], str] | None
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

    def _cells(self, tree: dict[str, Any], names: dict[str, str] | None = None) -> list[_Placed]:
        """What a row says, each text in its best language, with what the mapping says of it.

        Raises:
            BadTree: it holds text that cannot be stored, or a value without a name.
        """
        placed: list[_Placed] = []
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
        if any_language:
            chosen = self._languages.chosen(cell for cell, _ in placed)
            return [(cell, self._field(cell)) for cell in chosen]
        return placed

    def _field(self, cell: Cell) -> Field:
        """What is said of a cell whose language was chosen, or put behind its name."""
        if cell.language is not None and cell.origin.endswith(f".{cell.language}"):
            return self._fields.apart(cell.path, cell.origin.removesuffix(f".{cell.language}"))
        return self._fields.of(cell.path, cell.origin, self._trees.aliases.get(cell.path))

    def _made(self, placed: Sequence[_Placed], line: int) -> _Made:
        """A product of cells, before what is the title, say, and what is left of it."""
        made = _Made(line)
        properties = made.properties
        for (_, name, text, _, _), field in placed:
            if field.is_plain:  # most are
                properties.append((field.rename or name, text))
            else:
                made.add(field, field.rename or name, text)
        return made

    def _of_flat(self, tree: dict[str, Any], line: int) -> ProductRecord | None:
        """The record, in less time, of an object of texts; None of others.

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

    def _finished(self, made: _Made, id_: str | None = None) -> ProductRecord:
        """The record.

        Raises:
            BadTree: it has no id, or several, or one that lost its digits.
        """
        id_ = id_ or self._id(made)
        chosen: dict[str, tuple[str, str]] = {}
        for role, columns in self._chosen:
            for column in columns:
                if values := made.roles.get((role, column)):
                    chosen[role] = (column, values[0])
                    break
        category: str | None = None
        levels: list[tuple[str, str]] = []
        if "category" in chosen:
            column, first = chosen["category"]
            every = made.roles["category", column]
            category, used, levels = _leveled(self._mapping.category_levels, first, every)
            taken = {("category", column): used}
        else:
            taken = {}
        if "title" in chosen:
            taken["title", chosen["title"][0]] = (chosen["title"][1],)
        properties = made.kept(taken)
        images = self._images(made)
        if self._pictures is not None:
            images = self._pictures.of(images)
        for _, target in made.links:
            _check_digits(target)
        record = ProductRecord(
            id=id_,
            title=chosen["title"][1] if "title" in chosen else None,
            category=category,
            images=tuple(dict.fromkeys(images)),
            properties=tuple(dict.fromkeys((*properties, *levels))),
            line=made.line,
            links=tuple(dict.fromkeys(made.links)),
        )
        return self._parents.of(record, self._parent(made)) if self._parents else record

    def _parent(self, made: _Made) -> str | None:
        variants = self._mapping.variants
        column = variants.parent if variants is not None else None
        return next(iter(made.roles.get(("parent", column or ""), ())), None)

    def _id(self, made: _Made) -> str:
        for column in self._ids:
            if values := made.roles.get(("id", column)):
                if len(values) > 1 and len(values := list(dict.fromkeys(values))) > 1:
                    several = ", ".join(repr(value[:40]) for value in values[:3])
                    raise BadTree(f"several ids in {column!r}: {several}")
                _check_digits(values[0])
                return values[0]
        names = " and ".join(map(repr, self._mapping.ids))
        raise BadTree(f"no id: {names} {'are' if ' and ' in names else 'is'} not there or empty")

    def _images(self, made: _Made) -> list[str]:
        found: list[str] = []
        for image, texts in self._image_parts:
            if len(texts) == 1:
                found += made.roles.get(("image", image), ())
                continue
            parts = list(texts)
            places = [made.roles.get(("place", name)) for name in parts[1::2]]
            if all(places):
                parts[1::2] = [values[0] for values in places if values]
                found.append("".join(parts))
        return found

    def _continued(self, tree: dict[str, Any], line: int) -> Iterator[CatalogRecord]:
        """A row of a product that may have several."""
        names = dict(self._open.names) if self._open is not None else {}
        cells = self._cells(tree, names)
        id_ = self._row_id(cells)
        if self._open is None and self._too_long is not None and id_ in (None, self._too_long):
            raise BadTree(_TOO_LONG)
        if id_ is None and self._open is None:
            raise BadTree("no id, and no product before it that this row could continue")
        if self._open is None or (id_ is not None and id_ != self._open.id):
            yield from self._closed()
            names = {}
            if self._mapping.pairs:  # names of another product do not count
                cells = self._cells(tree, names)
            self._open = _Open(id_ or "", line, tree)
            self._too_long = None
        into = self._open
        into.names = names
        into.rows += 1
        if into.rows > MAX_ROWS:
            self._too_long = into.id
            yield from self._closed()
            raise BadTree(_TOO_LONG)
        into.add(cells, line)

    def _row_id(self, cells: Sequence[_Placed]) -> str | None:
        made = self._made([item for item in cells if item[1].has("id")], 0)
        for column in self._mapping.ids:
            if values := made.roles.get(("id", column)):
                return values[0]
        return None

    def _closed(self) -> Iterator[CatalogRecord]:
        """The product whose rows have ended, and its variants."""
        done, self._open = self._open, None
        if done is None:
            return
        records: list[ProductRecord | RejectedRow] = [*done.rejected]
        try:
            _check_digits(done.id)
            product = self._finished(self._made(done.cells, done.line), done.id)
        except BadTree as error:
            records.append(self._rejected(str(error), done.tree, done.line, None))
        else:
            records.append(product)
            records += self._variants(done, product)
        records.sort(key=lambda record: record.line)
        yield from records

    def _variants(
        self, done: _Open, product: ProductRecord
    ) -> Iterator[ProductRecord | RejectedRow]:
        variants = self._mapping.variants
        for id_, (line, cells) in done.variants.items():
            assert variants is not None
            try:
                _check_digits(id_)
                own = self._finished(self._made(cells, line), id_)
            except BadTree as error:
                yield self._rejected(str(error), done.tree, line, None)
            else:
                yield inherited(own, product, variants)

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
        id_ = self._id(self._made([item for item in cells if item[1].has("id")], line))
        others: list[tuple[Any, str | None]] = []
        for item in items:
            item = with_option_names(unwrapped(item), tree) if isinstance(item, dict) else item
            own_id = first_text(item, variants.id or "")
            if own_id == id_:  # the product's own, as of one that has no other
                known = {cell.path for cell, _ in cells}
                cells += [placed for placed in self._cells(item) if placed[0].path not in known]
            else:
                others.append((item, own_id))
        product = self._finished(self._made(cells, line), id_)
        yield product
        for item, own_id in others:
            try:
                if own_id is None:
                    raise BadTree(f"a variant without an id in {variants.id!r}")
                _check_digits(own_id)
                placed = [one for one in self._cells(item) if one[0].path != variants.id]
                own = self._finished(self._made(placed, line), own_id)
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
        if self._parents is not None:
            yield from self._parents.notes()
        if self._pictures is not None:
            yield from self._pictures.notes()


class _Made:
    """What the cells of a product say.

    Attributes:
        roles: (role, column as the mapping names it) to its values.
        properties: names and values, those included that may turn out to be title or category.
        spare: place in `properties` of such a one to its role and column.
    """

    def __init__(self, line: int) -> None:
        self.line = line
        self.roles: dict[tuple[str, str], list[str]] = {}
        self.properties: list[tuple[str, str]] = []
        self.spare: dict[int, tuple[str, str]] = {}
        self.links: list[tuple[str, str]] = []

    def add(self, field: Field, name: str, text: str) -> None:
        """One more cell."""
        properties = self.properties
        values = field.values(text)
        for role in field.roles:
            if role in self.roles:
                self.roles[role] += values
            else:
                self.roles[role] = list(values)
        for value in values:
            if field.link is not None:
                self.links.append((field.link, value))
            if field.is_property:
                properties.append((name, value))
                continue
            for role in field.roles:
                if role[0] in ("title", "category"):
                    self.spare[len(properties)] = role
                    properties.append((name, value))

    def kept(self, taken: Mapping[tuple[str, str], Sequence[str]]) -> list[tuple[str, str]]:
        """The properties without what became title or category.

        Of several columns that are tried, those that were not taken are not kept either.
        """
        if not self.spare:
            return self.properties
        return [
            pair
            for place, pair in enumerate(self.properties)
            if (role := self.spare.get(place)) is None
            or (role in taken and pair[1] not in taken[role])
        ]


class _Open:
    """A product whose rows may go on."""

    def __init__(self, id_: str, line: int, tree: Any) -> None:
        self.id = id_
        self.line = line
        self.tree = tree
        self.rows = 0
        self.cells: list[_Placed] = []
        self.names: dict[str, str] = {}
        self.variants: dict[str, tuple[int, list[_Placed]]] = {}
        self.rejected: list[RejectedRow] = []

    def add(self, cells: Sequence[_Placed], line: int) -> None:
        """What a row says, of the product or of its variant."""
        variant = next((cell.text for cell, field in cells if field.has("variant")), self.id)
        if variant == self.id:
            self.cells += cells
            return
        own = self.variants.setdefault(variant, (line, []))[1]
        for placed in cells:
            if not placed[1].has("variant"):
                (own if placed[1].own else self.cells).append(placed)


def _leveled(
    levels: CategoryLevels | None, first: str, every: Sequence[str]
) -> tuple[str, Sequence[str], list[tuple[str, str]]]:
    """The category, which values it is made of, and the properties that its levels are."""
    if levels is None:
        return first, [first], []
    if levels.between is None:
        path, used = list(every), every
    else:
        path, used = [part.strip() for part in first.split(levels.between)], [first]
    path = [part for part in path if part]
    named = list(zip(levels.names, path, strict=False))
    return LEVEL.join(path[: levels.keep]) or first, used, named


def _check_digits(text: str) -> None:
    if lost_digits(text):
        raise BadTree(digits_lost(text))
