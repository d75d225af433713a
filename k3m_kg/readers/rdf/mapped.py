"""RDF by a mapping file: each node of a class is an object, to which the mapping is applied.

Its predicates are fields, by what follows their namespace or by their whole IRI; a blank node is an
object within, a literal with a language an object of `language` and `value`. `@id` is what names
the node. So all that a mapping says means here what it means in JSON.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from k3m_kg.errors import CatalogError
from k3m_kg.readers.cells import raw_text
from k3m_kg.readers.mapped.tree_rows import tree_records
from k3m_kg.readers.mapping import NODE, load_mapping, refuse_settings_of_others
from k3m_kg.readers.mapping import Mapping as MappingFile
from k3m_kg.readers.rdf.groups import Pairs, SubjectPart
from k3m_kg.readers.rdf.names import Blank, Iri, Tagged, local_name, product_id
from k3m_kg.readers.rdf.nodes import Nodes, TooNested, schema_name_of
from k3m_kg.records import CatalogRecord, RejectedRow
from k3m_kg.vocabulary import FIRST, TYPE

_CLASSES_KEPT = 1000
_DEEPEST = 20
_TYPE_NAME = "type"


def read_by_mapping(
    parts: Iterable[SubjectPart], path: Path, mapping: Path
) -> Iterator[CatalogRecord]:
    """Stream the products of a file; what is said of other nodes is read only where they hold it.

    Raises:
        CatalogError: no node is of a class of the mapping.
        ConfigError: the mapping does not fit the file.
    """
    settings = load_mapping(mapping)
    refuse_settings_of_others(settings, "rdf", str(mapping), ("classes",))
    yield from tree_records(_rows(parts, settings, path), settings, path, mapping)


class _Node(NamedTuple):
    """A node that is a product."""

    line: int
    tree: dict[str, Any]

    @property
    def size(self) -> int:
        return len(self.text())

    def text(self) -> str:
        return raw_text(json.dumps(self.tree, ensure_ascii=False))


def _rows(
    parts: Iterable[SubjectPart], settings: MappingFile, path: Path
) -> Iterator[_Node | RejectedRow]:
    """The nodes that are products, and what cannot be read, in the order of a part's lines.

    Raises:
        CatalogError: no node is of a class of the mapping.
    """
    products = _Products(settings)
    nothing = True
    for part in parts:
        found: list[_Node | RejectedRow] = [*part.rejected]
        for line, made in products.of(part):
            found.append(made if isinstance(made, RejectedRow) else _Node(line, made))
        found.sort(key=lambda row: row.line)
        nothing = nothing and not found
        yield from found
    if nothing:
        raise no_product(path, products.others, products.classes)


def no_product(path: Path, found: Mapping[str, int], asked: Collection[str] = ()) -> CatalogError:
    """The error for a file in which no node is a product; `found` counts its classes."""
    of = ", ".join(asked) or "schema:Product, and none lies below .../product/"
    listed = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    classes = ", ".join(f"<{name}> ({count:,})" for name, count in listed[:10])
    example = local_name(Iri(listed[0][0])) if listed else "NAME"
    return CatalogError(
        f"there is no product in this file: no node is of class {of}",
        where=str(path),
        hint=f"classes found: {classes or 'none'}\n  a mapping file says which one is a product: "
        f"`classes: [{example}]`, with `title`, `image` and the like (docs/formats.md)",
    )


class _Products:
    """The nodes that are products, as trees.

    Attributes:
        classes: of products, as the mapping names them.
        others: classes of other nodes, and how many there are of each.
    """

    def __init__(self, mapping: MappingFile) -> None:
        self.classes = mapping.classes
        self.others: dict[str, int] = {}
        self._nodes = Nodes()
        self._whole = {
            column for column in (*mapping.images, *mapping.ids, *mapping.links) if column != NODE
        }
        self._by_iri = {name for name in _columns(mapping) if "://" in name}

    def of(self, part: SubjectPart) -> Iterator[tuple[int, dict[str, Any] | RejectedRow]]:
        """Line and tree of each product in a part."""
        self._nodes.part = part
        found: list[tuple[int, Iri | Blank, Pairs]] = [
            (line, subject, pairs) for subject, (line, pairs) in part.subjects.items()
        ]
        found += [(line, Blank(node), pairs) for node, (line, pairs) in part.nodes.items()]
        found.sort(key=lambda item: item[0])
        for _, subject, pairs in found:
            if isinstance(subject, Iri):
                self._nodes.learn_label(subject, pairs)
        for line, subject, pairs in found:
            if not self._is_product(subject, pairs):
                continue
            self._nodes.begin()
            try:
                tree = self._tree(pairs, "", 0)
            except TooNested:
                why = "refers to too many nodes, or in a circle"
                yield line, RejectedRow(line, why, raw_text(str(subject)))
                continue
            if isinstance(subject, Iri):
                tree[NODE] = product_id(subject) or str(subject)
            yield line, tree

    def _is_product(self, subject: Iri | Blank, pairs: Pairs) -> bool:
        is_one = False
        for predicate, term in pairs:
            if predicate != TYPE:
                continue
            if self.classes:
                is_one = is_one or term in self.classes or local_name(Iri(term)) in self.classes
            else:
                is_one = is_one or schema_name_of(term) == "Product"
            if term in self.others or len(self.others) < _CLASSES_KEPT:
                self.others[term] = self.others.get(term, 0) + 1
        if not self.classes and isinstance(subject, Iri):
            return is_one or product_id(subject) is not None
        return is_one

    def _tree(self, pairs: Pairs, path: str, depth: int) -> dict[str, Any]:
        tree: dict[str, Any] = {}  # lists: objects in them may be names and values, or a language
        for predicate, term in pairs:
            if predicate == TYPE:
                name = _TYPE_NAME
                if depth or term in self.classes or local_name(Iri(term)) in self.classes:
                    continue
            else:
                name = str(predicate) if predicate in self._by_iri else self._name(predicate)
            below = f"{path}.{name}" if path else name
            for value in self._values(term, below, depth + 1):
                tree.setdefault(name, []).append(value)
        return {
            name: found[0] if len(found) == 1 and not isinstance(found[0], dict) else found
            for name, found in tree.items()
        }

    def _name(self, predicate: Iri) -> str:
        return schema_name_of(predicate) or local_name(predicate)

    def _values(self, term: str, path: str, depth: int) -> Iterator[Any]:
        if isinstance(term, Tagged):
            yield {"language": term.language, "value": str(term)}
        elif isinstance(term, Iri):
            if path in self._whole:
                yield product_id(term) or str(term)
            else:
                yield self._nodes.name(term)
        elif not isinstance(term, Blank):
            if term:
                yield str(term)
        elif depth > _DEEPEST:
            raise TooNested
        else:
            pairs = self._nodes.pairs(term)
            if any(predicate == FIRST for predicate, _ in pairs):
                for item in self._nodes.list(term):
                    yield from self._values(item, path, depth + 1)
            else:
                yield self._tree(pairs, path, depth)


def _columns(mapping: MappingFile) -> Iterator[str]:
    """Every column that a mapping names."""
    yield from (*mapping.ids, *mapping.titles, *mapping.categories, *mapping.images)
    yield from (*mapping.links, *mapping.rename, *mapping.leave_out, *mapping.separators)
    if mapping.properties != "*":
        yield from mapping.properties
