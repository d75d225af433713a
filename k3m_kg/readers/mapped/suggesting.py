"""A mapping to start from, told from the names of columns and what stands in them.

The id is a column whose values are all there and all different; names only say which of several,
and make up for a row in fifty.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from k3m_kg.readers.mapped import contents
from k3m_kg.readers.mapped.pairs_guess import long_pair, long_table, numbered_pairs
from k3m_kg.readers.mapped.usual_names import (
    LANGUAGE_COLUMNS,
    LINKS,
    OF_ONE_KIND,
    PARENTS,
    ROW_NUMBERS,
    InLanguages,
    called,
    called_ids,
    guess_columns,
    in_languages,
    is_called_image,
    numbered,
    squashed,
)
from k3m_kg.readers.numbers import lost_digits

_OF_PROPERTIES = frozenset(
    ("attributes", "properties", "specs", "specifications", "details", "features", "facets")
)
_AROUND = _OF_PROPERTIES | {"values", "fields", "data", "product", "item", "content", "general"}
_FEW_IDS = 20
"""Rows below which any column may look like an id."""
_LONGEST_ID = 100
_BAD = 0.02
"""Share of rows without an id of their own that a column which is called so may have."""
_SAMPLE = 5_000
_PARENTS_WITHIN = 10_000
_ID_ENDS = ("id", "sku", "code", "nr", "no", "number", "nummer", "asin")
OPEN = "???"
"""Stands for the column of the id where none looks like one."""


def suggested_mapping(
    names: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    lists: Iterable[str] = (),
    header: int | None = None,
) -> str:
    """The text of a mapping file to start from.

    Args:
        names: the columns, dotted paths for what lies in objects.
        rows: the first rows, text by column.
        lists: columns that hold several values, or lie in lists.
        header: the row that was taken for the header, if it is not the first.
    """
    made = _Suggestion(names, rows, frozenset(lists))
    said, notes = made.said, made.notes
    if header is not None:
        said["header"] = header
        notes.append(f"header: the first row with a name for most columns is row {header}")
    text = yaml.safe_dump(said, sort_keys=False, allow_unicode=True, width=1000)
    if said["id"] == OPEN:
        text = text.replace(f"id: {OPEN!r}", f"id: {OPEN}  # which column?").replace(
            f"id: {OPEN}\n", f"id: {OPEN}  # which column? {_some(names)}\n"
        )
    return "".join(f"# {note}\n" for note in notes) + text


def suggested_beside(
    names: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    lists: Iterable[str],
    id_: str,
    sure: Mapping[str, str],
) -> tuple[dict[str, Any], list[str]]:
    """What is taken beside the usual names where nobody is asked, and what is to be said of it.

    That a column is called by another name, that texts are in several languages or HTML, that a
    text is several pictures: what else is suggested changes what a file says too much.

    Args:
        id_: the field of the id.
        sure: the columns by their usual names.
    """
    made = _Suggestion(names, rows, frozenset(lists), id_).said
    said: dict[str, Any] = {}
    notes: list[str] = []
    for key in ("title", "category", "image"):
        if (column := made.get(key)) is not None and column != sure.get(key):
            said[key] = column
            listed = [column] if isinstance(column, str) else column
            notes.append(f"{key}: taken from {', '.join(map(repr, listed[:5]))}")
    if languages := made.get("languages"):
        said["languages"] = languages
        notes.append(
            f"texts in several languages, told by their names: {languages[0]} has the plain names"
        )
    between = {
        name: text
        for name, text in made.get("separators", {}).items()
        if name in ([image] if isinstance(image := made.get("image"), str) else image or ())
    }
    if between:
        said["separators"] = between
        notes.append(f"several pictures in one text of {', '.join(map(repr, between))}")
    if markup := {name: how for name, how in made.get("cells", {}).items() if how == "html"}:
        said["cells"] = markup
        notes.append(f"HTML became text in {', '.join(map(repr, list(markup)[:8]))}")
    if notes:
        notes = [f"{'; '.join(notes)}. A mapping says otherwise"]
    return said, notes


def is_open(mapping: str) -> bool:
    """Whether a suggested mapping leaves the id to be named."""
    return any(line.startswith(f"id: {OPEN}") for line in mapping.splitlines())


class _Suggestion:
    """What is suggested, setting by setting.

    Attributes:
        said: the mapping.
        notes: why, a line each.
    """

    def __init__(
        self,
        names: Sequence[str],
        rows: Sequence[Mapping[str, Any]],
        lists: frozenset[str],
        id_: str | None = None,
    ) -> None:
        self.said: dict[str, Any] = {}
        self.notes: list[str] = []
        self._names = list(dict.fromkeys(names))
        self._rows = rows
        self._lists = lists
        self._single = [name for name in self._names if name not in lists]
        self._filled: dict[str, list[str]] = {}
        self._used: set[str] = set()
        self._known_id = id_
        if id_ is None and (long := long_table(self._names)) is not None:
            head, pair = long
            self.said |= {"id": head, "rows": "continue", "pairs": [pair]}
        else:
            self._name_roles()
            self._name_variants()
            self._name_links()
        self._say_cells()
        self.said["properties"] = "*"
        self._leave_out()
        self._say_missing()
        if doubled := [name for name, count in Counter(names).items() if count > 1]:
            listed = ", ".join(" ".join(name.split()) for name in doubled[:8])
            self.notes.append(
                f"columns of one name: {listed}; their cells are several values of it"
            )

    def _of(self, name: str) -> list[str]:
        """The cells of a column that are not empty, in the first rows."""
        if name not in self._filled:
            found = _values(self._rows[:_SAMPLE], name)
            self._filled[name] = [value for value in found if value]
        return self._filled[name]

    def _name_roles(self) -> None:
        said, names = self.said, self._names
        id_, why = (self._known_id, "") if self._known_id else _id(self._single, self._rows)
        if id_ is None and (goes_on := self._id_of_rows()) is not None:
            id_, why = goes_on
            said |= {"id": id_, "rows": "continue"}
        said["id"] = id_ or OPEN
        self.notes += [f"id: {why}"] if why else []
        self._used.add(said["id"])
        languages = in_languages(names)
        among = [*names, *(languages.bases if languages is not None else ())]
        guessed = guess_columns(among, sure=False)
        if "title" not in guessed:  # it may lie in an object around all that is said
            inner = {name.partition(".")[2]: name for name in reversed(names) if _is_inner(name)}
            if (title := guess_columns(list(inner), sure=False).get("title")) is not None:
                guessed["title"] = inner[title]
        for key in ("title", "category", "image"):
            column = guessed.get(key)
            if (
                column
                and column not in self._used
                and (key != "title" or column not in self._lists)
            ):
                said[key] = column
                self._used.add(column)
        if languages is not None:
            said["languages"] = self._languages(languages)
            self.notes.append(
                f"languages: {said['languages'][0]} has the plain names, such as of "
                + ", ".join(repr(name) for name in languages.columns[languages.bases[0]][:4])
                + "; the others are kept apart"
                + (", but where it says nothing" if len(said["languages"]) > 1 else "")
            )
        self._name_pictures()
        if (category := said.get("category")) and (between := contents.levels(self._of(category))):
            said["category_levels"] = between
        pairs = numbered_pairs(names)
        if said.get("rows") == "continue" and not pairs and (pair := long_pair(names)) is not None:
            pairs = [pair]
        if pairs:
            said["pairs"] = pairs

    def _languages(self, found: InLanguages) -> list[str]:
        """The first language, and the others where the title cannot do without them."""
        first = found.languages[0]
        title = found.columns.get(self.said.get("title", ""), [])
        own = [name for name in title if found.tag(name) == first]
        filled = sum(any(row.get(name) for name in own) for row in self._rows[:_SAMPLE])
        whole = not title or filled == len(self._rows[:_SAMPLE])
        return [first] if whole else found.languages

    def _name_links(self) -> None:
        """Columns that name other products by their ids."""
        ids = set(_values(self._rows, self.said["id"])) - {""}
        for name in [n for n in self._single if called([n], LINKS) and n not in self._used]:
            values = self._of(name)
            for between in ("|", ";", ","):
                parts = [part.strip() for value in values for part in value.split(between)]
                if parts and ids.issuperset(filter(None, parts)):
                    self.said.setdefault("links", {})[name] = name
                    self._used.add(name)
                    if len(parts) > len(values):
                        self.said.setdefault("separators", {})[name] = between
                    break

    def _id_of_rows(self) -> tuple[str, str] | None:
        """A column that is called as an id is, the rows of each of which stand together."""
        if called(self._names, LANGUAGE_COLUMNS) is not None:
            return None  # what such a row says is in one language
        for name in called_ids(self._single):
            values = self._filled_down(_values(self._rows, name))
            if len(values) < 2 or not all(values) or len(set(values)) < 2:
                continue
            heads = [
                value
                for place, value in enumerate(values)
                if not place or values[place - 1] != value
            ]
            if _is_id(heads) and len(heads) < len(values):
                return name, (
                    f"{len(values):,} rows looked at are of {len(heads):,} products, and those of "
                    "one stand together: `rows: continue` makes them one product with all values"
                )
        return None

    def _filled_down(self, values: list[str]) -> list[str]:
        """Ids of rows, where those without one go on with the product above: they have no title."""
        title = guess_columns(self._names, sure=False).get("title")
        if title is None or not values[:1] or not values[0]:
            return values
        filled: list[str] = []
        for row, value in zip(self._rows, values, strict=True):
            filled.append(value or ("" if row.get(title) else filled[-1]))
        return filled

    def _name_pictures(self) -> None:
        said, names = self.said, self._names
        column = said.get("image")
        if column is None:
            free = [name for name in names if name not in self._used]
            column = next((name for name in free if contents.are_pictures(self._of(name))), None)
        if column is None:
            return
        groups = numbered([name for name in names if name not in self._used or name == column])
        several = next((found for found in groups.values() if column in found), [column])
        for group in groups.values():
            cells = [value for name in group for value in self._of(name)]
            if column not in group and (is_called_image(group[-1]) or contents.are_pictures(cells)):
                several = [*several, *group]
        several = list(dict.fromkeys(several))
        said["image"] = several[0] if len(several) == 1 else several
        self._used.update(several)
        between = {
            name: found
            for name in several
            if name not in self._lists
            and not contents.are_literals(self._of(name))
            and (found := contents.between_pictures(self._of(name)))
        }
        if between:
            said["separators"] = between

    def _name_variants(self) -> None:
        """Rows that name the product which they are a variant of."""
        column = called([name for name in self._single if name not in self._used], PARENTS)
        if column is None or self.said["id"] == OPEN or "rows" in self.said:
            return
        seen: dict[str, int] = {}
        late = alone = variants = 0
        parents = _values(self._rows, column)
        ids = _values(self._rows, self.said["id"])
        known = set(ids)
        for place, (id_, parent) in enumerate(zip(ids, parents, strict=True)):
            seen[id_] = place
            if parent and parent != id_:
                variants += 1
                alone += parent not in known
                late += place - seen.get(parent, -_PARENTS_WITHIN) >= _PARENTS_WITHIN
        if not variants or alone * 2 > variants:
            return
        if late == alone:
            self.said["variants"] = {"parent": column}
            self.notes.append(
                f"variants: {variants:,} rows name in {column!r} the product that they are a "
                "variant of, and take over what they do not say themselves"
            )
        else:
            self.said.setdefault("links", {})[column] = "variant of"
            self.notes.append(
                f"links: {column!r} names the product that a row is a variant of; variants would "
                "take over what they do not say if their products stood before them (`variants`)"
            )
        self._used.add(column)

    def _say_cells(self) -> None:
        """What the cells are, and what stands between several values in one."""
        said = self.said
        cells: dict[str, Any] = {}
        separators: dict[str, str] = dict(said.pop("separators", {}))
        unprefixed = _unprefixed(self._names)
        title = said.get("title")
        of_pairs = {
            text for pair in said.get("pairs", ()) for text in pair.values() if "{n}" not in text
        }
        for name in self._names:
            values = self._of(name)
            if name in self._lists:
                if contents.holds_markup(values):
                    cells[name] = "html"
                continue
            if not values or name == said["id"] or name in of_pairs:
                continue
            if contents.are_literals(values):
                cells[name] = "json"
                if squashed(name) in _OF_PROPERTIES and all(v.startswith("{") for v in values):
                    unprefixed.append(name)
            elif name in separators or (name in self._used and name not in (title,)):
                continue
            elif contents.holds_markup(values):
                cells[name] = "html"
            elif name == title:
                continue
            elif (found := contents.names_and_values(values)) is not None:
                cells[name] = {"between": found[0], "after_name": found[1]}
            elif between := contents.between_values(values):
                separators[name] = between
        if unprefixed:
            said["unprefixed"] = unprefixed
        if cells:
            said["cells"] = cells
        if separators:
            said["separators"] = separators
        names = [name for name in self._names if name not in self._used]
        renamed = {
            column: base.rstrip(" _-.#")
            for base, columns in numbered(names).items()
            if squashed(base) in OF_ONE_KIND and not said.get("pairs")
            for column in columns
            if column != base
        }
        if renamed:
            said["rename"] = renamed

    def _leave_out(self) -> None:
        free = [name for name in self._single if name not in self._used]
        column = called(free, ROW_NUMBERS)
        if column is not None and contents.count_up(_values(self._rows[:_SAMPLE], column)):
            self.said["leave_out"] = [column]
            self.notes.append(f"leave_out: {column!r} counts the rows")

    def _say_missing(self) -> None:
        found = contents.placeholders([self._of(n) for n in self._single if n != self.said["id"]])
        self.said["missing"] = found
        if found:
            self.notes.append(
                "missing: these stand where nothing is known; take out what is meant as a value"
            )


def _is_inner(name: str) -> bool:
    return squashed(name.partition(".")[0]) in _AROUND


def _some(names: Sequence[str]) -> str:
    return "one of " + ", ".join(" ".join(name.split()) for name in names[:12])


def _values(rows: Iterable[Mapping[str, Any]], name: str) -> list[str]:
    return [str(row.get(name) or "") for row in rows]


def _id(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> tuple[str | None, str]:
    """The column of the id and why; None where no column looks like one."""
    if not rows:
        return guess_columns(names, sure=False).get("id"), ""
    usual = called_ids(names)
    for name in usual:
        if _is_id(_values(rows, name)):
            return name, f"all {len(rows):,} rows looked at have one, and all are different"
    for name in usual:
        values = _values(rows, name)
        kept = list(dict.fromkeys(value for value in values if value))
        if len(rows) - len(kept) <= len(rows) * _BAD and _is_id(kept):
            return name, (
                f"called as an id is, and all but {len(rows) - len(kept):,} of {len(rows):,} rows "
                "looked at have one of their own; an ingest rejects the others"
            )
    left = [name for name in names if name not in usual and not _counts_rows(name, rows)]
    likely = [name for name in left if _last_word(name) in _ID_ENDS]
    others = [name for name in left if name not in likely]
    for name in (*likely, *(others if len(rows) >= _FEW_IDS else ())):
        values = _values(rows, name)
        if _is_id(values) and not any(" " in value for value in values[:_SAMPLE]):
            return name, (
                f"all {len(rows):,} rows looked at have one, and all are different; its name does "
                "not say that it is an id"
            )
    if usual and len(rows) > 1:
        values = _values(rows, usual[0])
        lacking = values.count("")
        doubled = len(values) - lacking - len(set(values) - {""})
        return None, (
            f"{usual[0]!r} is called as an id is, but {lacking:,} of {len(rows):,} rows have none "
            f"and {doubled:,} have one that came before; if such rows go on with the product "
            "before them, say `rows: continue`"
            if lacking or doubled
            else f"{usual[0]!r} is called as an id is, but some are too long or lost their digits "
            "in spreadsheet software"
        )
    return None, "no column has a value in every row, all of them different"


def _last_word(name: str) -> str:
    return re.split(r"[\s._-]+", name.strip().lower().rstrip("._#"))[-1]


def _counts_rows(name: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    return called([name], ROW_NUMBERS) is not None and contents.count_up(_values(rows, name))


def _is_id(values: Sequence[str]) -> bool:
    return (
        all(values)
        and len(set(values)) == len(values)
        and max(map(len, values)) <= _LONGEST_ID
        and not any(map(lost_digits, values))
    )


def _unprefixed(names: Sequence[str]) -> list[str]:
    """Objects of which each key is a property: called so, and without names that others have."""
    known = set(names)
    found = dict.fromkeys(name.partition(".")[0] for name in names if "." in name)
    keys = {
        column: [n[len(column) + 1 :] for n in names if n.startswith(f"{column}.")]
        for column in found
        if squashed(column) in _OF_PROPERTIES
    }
    return [column for column, below in keys.items() if not known.intersection(below)]
