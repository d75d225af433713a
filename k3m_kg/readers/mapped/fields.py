"""What a mapping says of one column: its role, its values, its name as a property."""

from __future__ import annotations

from collections.abc import Sequence

from k3m_kg.readers.mapped.named import ByName, above
from k3m_kg.readers.mapped.splitting import values_in
from k3m_kg.readers.mapping import PLACEHOLDER, Mapping, Separator

_FIELDS_KNOWN = 10_000


class Field:
    """What the mapping says of one path.

    Attributes:
        roles: (role, column as the mapping names it): `id`, `title`, `category`, `level` of a
            category, `image`, `place` of a template, `variant`, `parent`, `language`.
        link: the property of the link, or None.
        missing: texts that mean "not known".
        is_property: whether its values are a property; under `*` not where it has a role.
        own: whether it is said of the variant alone.
        is_plain: whether it is a property of one value and nothing else.
        is_nothing: whether nothing is made of it: it is left out.
        only: the one role of a column whose texts are one value each, and nothing else.
    """

    __slots__ = (
        "_separator", "is_nothing", "is_plain", "is_property", "link", "missing", "only", "own",
        "rename", "roles",
    )  # fmt: skip

    def __init__(
        self,
        roles: list[tuple[str, str]],
        link: str | None,
        rename: str | None,
        separator: Separator | None,
        missing: frozenset[str],
        *,
        is_property: bool,
        own: bool,
    ) -> None:
        self.roles = roles
        self.link = link
        self.rename = rename
        self.is_property = is_property
        self.own = own
        self._separator = separator
        self.missing = missing
        self.is_plain = is_property and not (roles or link is not None or separator is not None)
        self.is_nothing = not (is_property or roles or link is not None)
        is_more = is_property or link is not None or separator is not None
        self.only = None if is_more or len(roles) != 1 else roles[0]

    def has(self, role: str) -> bool:
        """Whether it has a role."""
        return any(name == role for name, _ in self.roles)

    @property
    def is_split(self) -> bool:
        """Whether a text of it may be several values."""
        return self._separator is not None

    def values(self, text: str) -> Sequence[str]:
        """The values in a cell."""
        if self._separator is None:
            return () if text in self.missing else (text,)
        return values_in(text, self._separator, self.missing)


class Fields:
    """What a mapping says of every path, worked out when one is first met."""

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping
        self._fields: dict[tuple[str, str], Field] = {}
        self._same: dict[str, Field] = {}  # where a value stands at its path, as most do
        self._separators = ByName(mapping.separators)
        self._missing = frozenset(("", *mapping.missing))
        self._missing_in = ByName(mapping.missing_in)
        self._links = ByName(mapping.links)
        self._rename = ByName(mapping.rename)
        self._leave_out = ByName(dict.fromkeys(mapping.leave_out, True))
        named = [] if mapping.properties == "*" else mapping.properties
        self._named = ByName(dict.fromkeys(named, True))
        variants = mapping.variants
        self._own = ByName(dict.fromkeys(variants.own if variants else [], True))
        self._roles: dict[str, list[tuple[str, str]]] = {}
        for role, columns in (
            ("id", mapping.ids), ("title", mapping.titles), ("category", mapping.categories),
            ("language", [mapping.language] if mapping.language else []),
            ("level", mapping.category_levels.columns if mapping.category_levels else []),
            ("image", [image for image in mapping.images if not PLACEHOLDER.search(image)]),
            ("place", [name for image in mapping.images for name in PLACEHOLDER.findall(image)]),
            ("variant", [variants.id] if variants and variants.id and not variants.within else []),
            ("parent", [variants.parent] if variants and variants.parent else []),
        ):  # fmt: skip
            for column in columns:
                self._roles.setdefault(column, []).append((role, column))

    def known(self, path: str, origin: str) -> Field | None:
        """What is said of a path, and of where its value stands, if it was asked before."""
        return self._same.get(path) if origin is path else self._fields.get((path, origin))

    def of(self, path: str, origin: str, alias: str | None) -> Field:
        """What is said of a path, of where its value stands, or of another name of it."""
        found = self.known(path, origin)
        if found is None:
            if len(self._fields) + len(self._same) >= _FIELDS_KNOWN:
                self._fields.clear()
                self._same.clear()
            found = self._made(path, origin, alias)
            if origin is path:
                self._same[path] = found
            else:
                self._fields[path, origin] = found
        return found

    def apart(self, path: str, base: str) -> Field:
        """What is said of a text in a language that is kept apart: it is split as others are."""
        key = path, f"{base}\0"  # no path has that
        if key not in self._fields:
            if len(self._fields) >= _FIELDS_KNOWN:
                self._fields.clear()
            self._fields[key] = self._made(path, path, None, base)
        return self._fields[key]

    def _made(self, path: str, origin: str, alias: str | None, base: str = "") -> Field:
        names = tuple(dict.fromkeys(name for name in (path, alias, origin) if name))
        roles = [role for name in names for role in self._roles.get(name, ())]
        link = self._links.get(*names)
        used = link is not None or any(role != "place" for role, _ in roles)
        if self._mapping.properties != "*":
            # A pattern is for what is left; a name is what it says.
            exact = any(up in self._mapping.properties for name in names for up in above(name))
            is_property = exact or (
                not used and any(self._named.get(up) for name in names for up in above(name))
            )
        else:
            is_property = not used and not any(
                self._leave_out.get(up) for name in names for up in above(name)
            )
        missing_in = self._missing_in.get(*names, base) or ()
        return Field(
            roles,
            link,
            self._rename.get(*names),
            self._separators.get(*names, base),
            self._missing.union(missing_in),
            is_property=is_property,
            own=any(self._own.get(up) for name in names for up in above(name)),
        )
