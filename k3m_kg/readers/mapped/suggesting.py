"""A mapping to start from, told from the names of columns and what stands in them.

The id is a column whose values are all there and all different; names only say which of several,
and make up for a row in fifty.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from k3m_kg.readers.mapped import contents
from k3m_kg.readers.mapped.id_guess import (
    guessed_id,
    id_of_rows,
    id_of_spoken_rows,
    values_of,
)
from k3m_kg.readers.mapped.pairs_guess import long_pair, long_table, numbered_pairs
from k3m_kg.readers.mapped.usual_names import (
    LINKS,
    OF_ONE_KIND,
    PARENTS,
    ROW_NUMBERS,
    InLanguages,
    called,
    guess_columns,
    in_languages,
    is_called_image,
    levels_of_category,
    numbered,
    squashed,
)

_OF_PROPERTIES = frozenset(
    ("attributes", "properties", "specs", "specifications", "details", "features", "facets")
)
_AROUND = _OF_PROPERTIES | {"values", "fields", "data", "product", "item", "content", "general"}
_SAMPLE = 5_000
_PARENTS_WITHIN = 10_000
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
            found = values_of(self._rows[:_SAMPLE], name)
            self._filled[name] = [value for value in found if value]
        return self._filled[name]

    def _name_roles(self) -> None:
        said, names = self.said, self._names
        spoken = id_of_spoken_rows(self._single, self._rows) if self._known_id is None else None
        if spoken is not None:
            id_, why, settings = spoken
            said |= {"id": id_ or OPEN} | settings
            self._used.update(filter(None, [said.get("language")]))
        else:
            id_, why = (
                (self._known_id, "") if self._known_id else guessed_id(self._single, self._rows)
            )
        if (
            id_ is None
            and spoken is None
            and (goes_on := id_of_rows(self._single, self._rows)) is not None
        ):
            id_, why = goes_on
            said |= {"id": id_, "rows": "continue"}
        said["id"] = id_ or OPEN
        self.notes += [f"id: {why}"] if why else []
        self._used.add(said["id"])
        languages = in_languages(names) if "language" not in said else None
        among = [*names, *(languages.bases if languages is not None else ())]
        guessed = guess_columns(among, sure=False)
        if "title" not in guessed:  # it may lie in an object around all that is said
            inner = {name.partition(".")[2]: name for name in reversed(names) if _is_inner(name)}
            if (title := guess_columns(list(inner), sure=False).get("title")) is not None:
                guessed["title"] = inner[title]
        self._name_levels(guessed)
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

    def _name_levels(self, guessed: dict[str, str]) -> None:
        """Columns of which each holds a level of the category."""
        levels = levels_of_category([name for name in self._single if name not in self._used])
        if not levels or squashed(guessed.get("category", "")) in ("category", "categories"):
            return
        if contents.are_levels([values_of(self._rows[:_SAMPLE], name) for name in levels]):
            guessed.pop("category", None)
            self.said["category_levels"] = {"columns": levels}
            self._used.update(levels)

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
        ids = set(values_of(self._rows, self.said["id"])) - {""}
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
        parents = values_of(self._rows, column)
        ids = values_of(self._rows, self.said["id"])
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
        if column is not None and contents.count_up(values_of(self._rows[:_SAMPLE], column)):
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
