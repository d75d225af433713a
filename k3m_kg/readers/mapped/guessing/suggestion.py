"""What a mapping could say of columns and their first cells, setting by setting."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from k3m_kg.readers.mapped import contents
from k3m_kg.readers.mapped.guessing.cells import guess_cells
from k3m_kg.readers.mapped.guessing.ids import (
    guessed_id,
    id_of_rows,
    id_of_spoken_rows,
    values_of,
    variant_rows,
)
from k3m_kg.readers.mapped.guessing.pairs import (
    AttributeTable,
    long_pair,
    long_table,
    numbered_pairs,
)
from k3m_kg.readers.mapped.guessing.usual_names import (
    DESCRIPTIONS,
    LINKS,
    MORE_IMAGES,
    PARENTS,
    ROW_NUMBERS,
    InLanguages,
    called,
    guess_columns,
    guess_deep,
    in_languages,
    is_called_image,
    levels_of_category,
    numbered,
    squashed,
)

_AROUND = frozenset(
    (
        "attributes", "properties", "specs", "specifications", "details", "features", "facets",
        "values", "fields", "data", "product", "item", "content", "general",
    )
)  # fmt: skip
_OF_FRAMES = re.compile(r"__index_level_\d+__")
"""What pandas calls the index of a table."""
_SAMPLE = 5_000
_PARENTS_WITHIN = 10_000
OPEN = "???"
"""Stands for the column of the id where none looks like one."""


class Suggestion:
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
            self._name_long(long)
        else:
            self._name_roles()
            self._name_variants()
            self._name_links()
        guess_cells(self.said, self._names, self._of, self._lists, self._used)
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

    def _name_long(self, table: AttributeTable) -> None:
        """A row for each attribute."""
        said = self.said
        heads = values_of(self._rows, table.id)
        runs = [head for place, head in enumerate(heads) if not place or heads[place - 1] != head]
        together = len(set(runs)) == len(runs)
        said |= {"id": table.id if together else OPEN, "rows": "continue", "pairs": [table.pair]}
        if not together:
            self.notes.append(
                f"id: the rows of one {table.id!r} do not stand together: sort the file by it"
            )
        attributes = dict.fromkeys(values_of(self._rows, table.pair["name"]))
        guessed = guess_columns([name for name in attributes if name], sure=False)
        said |= {key: guessed[key] for key in ("title", "category", "image") if key in guessed}
        if table.scope is not None:
            scopes = Counter(filter(None, values_of(self._rows, table.scope)))
            first = sorted(scopes, key=lambda tag: (tag[:2].lower() != "en", -scopes[tag]))
            said |= {"language": table.scope, "languages": first}
            if first:
                self.notes.append(
                    f"languages: what rows of {first[0]!r} in {table.scope!r} say has the plain "
                    "names; the others are kept apart, but where it says nothing"
                )
        if table.others:
            said["leave_out"] = table.others
            self.notes.append(f"leave_out: {', '.join(table.others)} are the database's own")
        self._used.update(table.others)

    def _name_variant_rows(self) -> str | None:
        """The id, where the first row of a product has its title, and others are variants."""
        found = variant_rows(self._single, self._rows)
        if found is None:
            return None
        variants: dict[str, Any] = {"id": found.variant, "own": found.own}
        self.said |= {"rows": "continue", "variants": variants}
        self.notes.append(
            f"id: {found.products:,} products with {found.variants:,} variants, each in a row with "
            f"its own {found.variant!r}; only the first of a product has a title"
        )
        self._used.add(found.variant)
        return found.id

    def _name_id(self) -> None:
        """The id, and which rows go on with a product."""
        said = self.said
        id_: str | None = self._known_id
        why = ""
        if id_ is None and (spoken := id_of_spoken_rows(self._single, self._rows)) is not None:
            id_, why, settings = spoken
            said |= settings
            self._used.update(filter(None, [said.get("language")]))
        elif id_ is None and (id_ := self._name_variant_rows()) is None:
            id_, why = guessed_id(self._single, self._rows)
            if id_ is None and (goes_on := id_of_rows(self._single, self._rows)) is not None:
                id_, why = goes_on
                said["rows"] = "continue"
        said["id"] = id_ or OPEN
        self.notes += [f"id: {why}"] if why else []
        self._used.add(said["id"])

    def _name_roles(self) -> None:
        said, names = self.said, self._names
        self._name_id()
        languages = in_languages(names) if "language" not in said else None
        among = [*names, *(languages.bases if languages is not None else ())]
        guessed = guess_columns(among, sure=False)
        self._look_within(guessed)
        if "group" in guessed and self._known_id is None:  # a person sees it
            guessed.setdefault("category", guessed["group"])
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
        if (category := said.get("category")) is not None and category not in self._lists:
            between, several = contents.paths(self._of(category))
            if between is not None:
                said["category_levels"] = between
            if several is not None:
                said.setdefault("separators", {})[category] = several
        pairs = numbered_pairs(names)
        if said.get("rows") == "continue" and not pairs and (pair := long_pair(names)) is not None:
            pairs = [pair]
        if pairs:
            said["pairs"] = pairs

    def _look_within(self, guessed: dict[str, str]) -> None:
        """Title and category that lie in objects, or are called by what others may be."""
        names = self._names
        around = self.said["id"].rpartition(".")[0]
        inner = {
            name[len(around) + 1 :] if around and name.startswith(f"{around}.") else below: name
            for name in reversed(names)
            if _is_inner(name) or (around and name.startswith(f"{around}."))
            for below in [name.partition(".")[2]]
        }
        within = guess_columns(list(inner), sure=False)
        deep = guess_deep([name for name in names if "." in name])
        for key in ("title", "category") if around else ("title",):
            if key not in guessed and (column := within.get(key)) is not None:
                guessed[key] = inner[column]
        for key in ("title", "category"):
            if key not in guessed and key in deep:
                guessed[key] = deep[key]
        if "title" not in guessed:
            column = called([n for n in self._single if n not in self._used], DESCRIPTIONS)
            if column is not None and contents.are_titles(values_of(self._rows[:_SAMPLE], column)):
                guessed["title"] = column
        kind = guessed.get("category")
        if kind is not None and squashed(kind) == "type" and len(set(self._of(kind))) == 1:
            del guessed["category"]  # as resources of an interface have it: all are products

    def _name_levels(self, guessed: dict[str, str]) -> None:
        """Columns of which each holds a level of the category."""
        levels = levels_of_category([name for name in self._single if name not in self._used])
        if not levels or squashed(guessed.get("category", "")) in ("category", "categories"):
            return
        columns = [values_of(self._rows[:_SAMPLE], name) for name in levels]
        if contents.are_levels(columns) and contents.levels(list(filter(None, columns[0]))) is None:
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
        for name in [n for n in names if n not in self._used and called([n], MORE_IMAGES)]:
            if contents.are_pictures(self._of(name)) or contents.are_addresses(self._of(name)):
                several = [*several, name]
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
            said["separators"] = said.get("separators", {}) | between

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

    def _leave_out(self) -> None:
        free = [name for name in self._single if name not in self._used]
        counting = called(free, ROW_NUMBERS)
        found = [name for name in free if _OF_FRAMES.fullmatch(name)]
        if counting is not None and contents.count_up(values_of(self._rows[:_SAMPLE], counting)):
            found.append(counting)
        if found:
            self.said["leave_out"] = [*self.said.get("leave_out", ()), *found]
            self.notes.append(f"leave_out: {', '.join(map(repr, found))} counts the rows")

    def _say_missing(self) -> None:
        found = contents.placeholders([self._of(n) for n in self._single if n != self.said["id"]])
        self.said["missing"] = found
        if found:
            self.notes.append(
                "missing: these stand where nothing is known; take out what is meant as a value"
            )


def _is_inner(name: str) -> bool:
    return squashed(name.partition(".")[0]) in _AROUND
