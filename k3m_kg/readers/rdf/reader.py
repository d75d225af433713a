"""RDF: N-Triples, N-Quads, Turtle, TriG, RDF/XML and JSON-LD.

- A product is a subject of the class schema:Product or below `.../product/`; where no subject has
  a class, each IRI is a product. Its id is what follows `/product/`, else the whole IRI. A blank
  node of that class is named by its `k3m:id` or sku.
- schema:name, category and image are title, category and pictures; `k3m:images` is an ordered
  list of pictures. `additionalProperty` gives the name and value of each `PropertyValue`.
- Any other predicate is a property, called by its rdfs:label where that came before, else by its
  local name. A literal is its text; another product is a link; any other IRI is a value, by its
  label, its name or its local name. A blank node is its name, or its properties with dotted names.
- Texts of several languages stay apart: English has the plain name, others theirs behind it.
- What is said of other subjects is said of values.
- With a mapping file a product is a tree of its predicates, to which the mapping is applied.

Datatypes and names of graphs are dropped. `http://schema.org/` counts as `https://`.
See `k3m_kg.readers.rdf.groups` for the order that large files must have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from k3m_kg.errors import CatalogError
from k3m_kg.plugin.catalog_reader import Confidence
from k3m_kg.rdf.nesting import MAX_DEPTH
from k3m_kg.readers.compressed import open_bytes, read_head, unpacked_suffix, unreadable
from k3m_kg.readers.rdf.groups import Grouper
from k3m_kg.readers.rdf.languages import LiteralLanguages
from k3m_kg.readers.rdf.mapped import no_product, read_by_mapping
from k3m_kg.readers.rdf.records import Records
from k3m_kg.readers.rdf.syntax import document_runs, line_runs
from k3m_kg.records import CatalogRecord, Note

_SUFFIXES = {
    ".nt": "nt",
    ".nq": "nq",
    ".ttl": "ttl",
    ".trig": "trig",
    ".rdf": "rdfxml",
    ".owl": "rdfxml",
    ".jsonld": "jsonld",
}
_AUTO = "auto"
_NAMED_JSON_LD = 0.8
"""More than JSON Lines answers to an object without `@id`, or to one too long to see them all."""
_HEAD = 65_536
_TRIPLE = re.compile(rb'(?:<[^<>\s"]+>|_:\S+)[ \t]+<[^<>\s"]+>[ \t]+(?:<[^<>\s"]+>|_:|")')
_SUBJECT = re.compile(rb'(?:<[A-Za-z][\w+.-]*:[^<>\s"]*>|_:\S+)\s')
_XML = re.compile(rb"<[?!]|<[A-Za-z_][\w.-]*(?::[\w.-]+)?[\s/>]")
_TURTLE = re.compile(rb"(?:@prefix|@base|PREFIX|BASE)\s", re.IGNORECASE)
_JSON_LD = re.compile(rb'"@(?:context|graph|id|type)"\s*:')


class RdfReader:
    """Reads RDF as pyoxigraph parses it; nothing is fetched."""

    def __init__(
        self, form: str = _AUTO, max_depth: int = MAX_DEPTH, languages: Sequence[str] = ()
    ) -> None:
        """Read the RDF format `form`, or with `auto` the one that a file seems to be in.

        Args:
            max_depth: levels that a document may be nested.
            languages: those of texts that are preferred; English, if none is named.
        """
        self._form = form
        self._max_depth = max_depth
        self._languages = languages

    def sniff(self, path: Path, head: bytes) -> float:
        """Strong if the first lines are those of an RDF format, likely if the name is.

        JSON-LD only where the name says so: by its content it is likely, since what is JSON Lines
        too is that.
        """
        form = form_by_content(head)
        if unpacked_suffix(path) == ".jsonld" and head.lstrip().startswith((b"{", b"[")):
            return _NAMED_JSON_LD
        if form is not None and form != "jsonld":
            return Confidence.STRONG
        return Confidence.LIKELY if form_of(path, head) else Confidence.NONE

    def read(self, path: Path, mapping: Path | None) -> Iterator[CatalogRecord]:
        """Stream the records; the line of each is that of its first triple.

        In documents (all but N-Triples and N-Quads) the number of the triple stands for the line.

        Raises:
            CatalogError: the file cannot be read, is a document with a syntax error, is large and
                in no order, or no product is in it.
            ConfigError: the mapping does not fit it.
        """
        form = form_of(path, read_head(path, _HEAD)) if self._form == _AUTO else self._form
        if form is None:
            raise CatalogError(
                "is in none of the RDF formats, as far as its beginning tells",
                where=str(path),
                hint="say it with --set form=NAME, or give its name the ending of its format: "
                f"{' '.join(_SUFFIXES)}",
            )
        try:
            with open_bytes(path) as file:
                if form in ("nt", "nq"):
                    runs = line_runs(file, form, self._max_depth)
                else:
                    runs = document_runs(file, form, path, self._max_depth)
                parts = Grouper(path).parts(runs)
                if mapping is not None:
                    yield from read_by_mapping(parts, path, mapping)
                    return
                languages = LiteralLanguages(self._languages)
                records = Records(languages)
                for part in parts:
                    yield from records.of(part)
                if records.any_foreign and not records.any_product:
                    raise no_product(path, records.classes)
                if note := languages.note():
                    yield Note(note)
        except OSError as error:
            raise unreadable(path, error) from None


def form_of(path: Path, head: bytes) -> str | None:
    """The RDF format of a file, by its name and else by its first bytes."""
    return _SUFFIXES.get(unpacked_suffix(path)) or form_by_content(head)


def form_by_content(head: bytes) -> str | None:
    """The RDF format that a file begins as."""
    if b"\0" in head:
        return None
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    while start.startswith(b"#"):
        start = start.partition(b"\n")[2].lstrip()
    line = start.partition(b"\n")[0].rstrip()
    if _TRIPLE.match(line) and line.endswith(b"."):
        return "nq"
    if _XML.match(start) and (b"<rdf:RDF" in head or b"22-rdf-syntax-ns#" in head):
        return "rdfxml"
    if _SUBJECT.match(start) or _TURTLE.match(start):
        return "trig"
    if start.startswith((b"{", b"[")) and _JSON_LD.search(head):
        return "jsonld"
    return None
