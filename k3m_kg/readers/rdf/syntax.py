"""RDF files as runs of triples of one subject.

N-Triples and N-Quads are read line by line: a line that is none is rejected alone. Plain lines
take a short way, odd ones (escapes, comments, other spacing) go through pyoxigraph. The other
forms are documents: one syntax error is the end of them. Names of graphs are dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, compress, pairwise, repeat
from operator import ne
from pathlib import Path
from typing import BinaryIO, cast

from k3m_kg.errors import CatalogError
from k3m_kg.rdf.nesting import MAX_DEPTH, nesting_scanner
from k3m_kg.readers.cells import raw_text
from k3m_kg.readers.lines import MAX_LINE, line_blocks, split_block
from k3m_kg.readers.memo import Memo
from k3m_kg.readers.rdf.names import Blank, Iri, Tagged, TripleRun, term_of
from k3m_kg.readers.rdf.schema_org import WithSchemaOrg
from k3m_kg.records import RejectedRow
from k3m_kg.vocabulary import PRODUCT

LONGEST_RUN = 1 << 16
_IRI = r"<([A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>\"{}|^`\\]*)>"
_BLANK = r"_:([A-Za-z0-9_](?:[A-Za-z0-9_-]*))"
_LITERAL = rf'"([^"\\\r\n]*)"(?:@([A-Za-z]+(?:-[A-Za-z0-9]+)*)|\^\^{_IRI})?'
_GRAPH = rf"(?: (?:{_IRI}|{_BLANK}))?"
_NODE = re.compile(f"{_IRI}|{_BLANK}")
_OBJECT = {"nt": f"(?:{_IRI}|{_BLANK}|{_LITERAL})"}
_OBJECT["nq"] = _OBJECT["nt"] + _GRAPH
_DOCTYPE = re.compile(rb"<!\s*DOCTYPE|<!\s*ENTITY", re.IGNORECASE)
_DOCUMENTS = {"ttl": "TURTLE", "trig": "TRIG", "rdfxml": "RDF_XML", "jsonld": "JSON_LD"}


def line_runs(
    file: BinaryIO, form: str, max_depth: int = MAX_DEPTH
) -> Iterator[TripleRun | RejectedRow]:
    """The runs of N-Triples (`nt`) or N-Quads (`nq`)."""
    lines = _LineRuns(form, max_depth)
    for block, cut in line_blocks(file):
        plain = lines.of_plain(block) if len(block) <= MAX_LINE else None
        yield from lines.of_any(block, cut) if plain is None else plain
    if lines.run.pairs:
        yield lines.run


class _LineRuns:
    """The state between the blocks of one file.

    Attributes:
        run: the run that the next line may belong to.
        subject: that of its lines, as written; None where the next line begins another one.
        number: of the last line.
    """

    def __init__(self, form: str, max_depth: int) -> None:
        self._form = form
        self._max_depth = max_depth
        self._tails = Memo(_tail_reader(form))
        self.run = TripleRun(0, Iri(""), [])
        self.subject: str | None = None
        self.number = 0

    def of_plain(self, block: bytes) -> list[TripleRun] | None:
        """The runs that end in a block whose lines are all plain; None for any other block.

        Plain is one blank between the terms, and an object without escapes. No loop of ours goes
        over the lines: this is where large files spend their time.
        """
        try:
            lines = block.decode().removesuffix("\n").split("\n")
        except UnicodeDecodeError:
            return None
        subjects, _, tails = zip(*map(str.partition, lines, repeat(" ")), strict=True)
        found = list(map(self._tails.__getitem__, tails))
        pairs = [pair for pair in found if pair is not None]
        if len(pairs) < len(found):
            return None
        changes = map(ne, subjects, chain((self.subject,), subjects))
        starts = list(compress(range(len(subjects)), changes))
        if len(self.run.pairs) >= LONGEST_RUN and 0 not in starts[:1]:
            starts.insert(0, 0)
        nodes = [node for start in starts if (node := _node(subjects[start])) is not None]
        if len(nodes) < len(starts):
            return None
        ended = []
        self.run.pairs.extend(pairs[: starts[0]] if starts else pairs)
        bounds = pairwise([*starts, len(pairs)])
        for (start, end), node in zip(bounds, nodes, strict=True):
            if self.run.pairs:
                ended.append(self.run)
            self.run = TripleRun(self.number + start + 1, node, pairs[start:end])
        self.subject = subjects[-1]
        self.number += len(lines)
        return ended

    def of_any(self, block: bytes, cut: bool) -> Iterator[TripleRun | RejectedRow]:
        """The runs that end in a block, line by line."""
        for line, raw in _lines(block, cut):
            self.number += 1
            if raw is not None:
                yield RejectedRow(self.number, line, raw_text(raw))
                continue
            first, _, tail = line.partition(" ")
            if (pair := self._tails[tail]) is not None:
                if first == self.subject and len(self.run.pairs) < LONGEST_RUN:
                    self.run.pairs.append(pair)
                    continue
                if (node := _node(first)) is not None:
                    if self.run.pairs:
                        yield self.run
                    self.subject, self.run = first, TripleRun(self.number, node, [pair])
                    continue
            found = _odd_line(line, self.number, self._form, self._max_depth)
            if isinstance(found, RejectedRow):
                yield found
            elif found is not None:
                if self.run.pairs:
                    yield self.run
                self.subject, self.run = None, found


def _lines(block: bytes, cut: bool) -> Iterable[tuple[str, bytes | None]]:
    """Each line, or why it is none with its bytes."""
    try:
        if len(block) <= MAX_LINE:
            text = block.decode().replace("\r\n", "\n")
            return zip(text.removesuffix("\n").split("\n"), repeat(None))
    except UnicodeDecodeError:
        pass
    return _lines_apart(block, cut)


def _lines_apart(block: bytes, cut: bool) -> Iterator[tuple[str, bytes | None]]:
    for raw, too_long in split_block(block, cut):
        if too_long:
            yield f"line longer than {MAX_LINE:,} bytes", raw
            continue
        try:
            yield raw.decode(), None
        except UnicodeDecodeError as error:
            yield f"invalid UTF-8 at byte {error.start + 1} of the line", raw


def _node(text: str) -> Iri | Blank | None:
    match = _NODE.fullmatch(text)
    if match is None:
        return None
    return Blank(match[2]) if match[1] is None else Iri(match[1])


def _tail_reader(form: str) -> Callable[[str], tuple[Iri, str] | None]:
    """Reads predicate and object behind the subject of a line; None for odd ones."""
    iris = Memo(Iri)
    match_tail = re.compile(rf"{_IRI} {_OBJECT[form]} \.").fullmatch

    def read(tail: str) -> tuple[Iri, str] | None:
        match = match_tail(tail)
        if match is None:
            return None
        predicate, iri, blank, literal, language = match.group(1, 2, 3, 4, 5)
        if literal is not None:
            text = literal.strip()
            return iris[predicate], Tagged(text, language) if language else text
        return iris[predicate], iris[iri] if blank is None else Blank(blank)

    return read


def _odd_line(line: str, number: int, form: str, max_depth: int) -> TripleRun | RejectedRow | None:
    """A line that the short way does not know; None for a comment or nothing."""
    if not line.strip() or line.lstrip().startswith("#"):
        return None
    import pyoxigraph as ox

    if nesting_scanner(form, max_depth).too_deep(line.encode()):
        return RejectedRow(number, "a triple as a term is not read", raw_text(line))
    format = ox.RdfFormat.N_TRIPLES if form == "nt" else ox.RdfFormat.N_QUADS
    try:
        quads = list(ox.parse(input=line.encode(), format=format))
    except (SyntaxError, ValueError, MemoryError) as error:
        return RejectedRow(number, _message(error), raw_text(line))
    if not quads:
        return None
    if len(quads) > 1:
        return RejectedRow(number, "more than one triple in the line", raw_text(line))
    subject, term = term_of(quads[0].subject), term_of(quads[0].object)
    if term is None or not isinstance(subject, (Iri, Blank)):
        return RejectedRow(number, "a triple as a term is not read", raw_text(line))
    return TripleRun(number, subject, [(Iri(quads[0].predicate.value), term)])


def document_runs(
    file: BinaryIO, form: str, path: Path, max_depth: int = MAX_DEPTH
) -> Iterator[TripleRun | RejectedRow]:
    """The runs of Turtle, TriG, RDF/XML or JSON-LD; relative IRIs are ids of products.

    Args:
        max_depth: levels that it may be nested.

    Raises:
        CatalogError: the syntax is wrong anywhere, it is nested too deeply, or a literal is
            longer than the parser takes.
    """
    import pyoxigraph as ox

    if form == "jsonld":
        file = cast(BinaryIO, WithSchemaOrg(file))
    source = _Source(file, path, form, max_depth)
    format = getattr(ox.RdfFormat, _DOCUMENTS[form])
    run = TripleRun(0, Iri(""), [])
    try:
        quads = ox.parse(input=cast(BinaryIO, source), format=format, base_iri=PRODUCT)
        for number, quad in enumerate(quads, start=1):
            subject, term = term_of(quad.subject), term_of(quad.object)
            if term is None or not isinstance(subject, (Iri, Blank)):
                yield RejectedRow(number, "a triple as a term is not read", raw_text(str(quad)))
                continue
            if subject != run.subject or len(run.pairs) >= LONGEST_RUN:
                if run.pairs:
                    yield run
                run = TripleRun(number, subject, [])
            run.pairs.append((Iri(quad.predicate.value), term))
    except (SyntaxError, ValueError, OSError, RecursionError, MemoryError) as error:
        if source.error is not None:
            raise source.error from None
        if isinstance(error, MemoryError):
            if "maximal size" not in str(error):
                raise
            raise CatalogError(
                "a text in it is longer than 16 MiB, the most that is read",
                where=str(path),
                hint="shorten it, or leave it out",
            ) from None
        line = getattr(error, "lineno", None)
        where = f"{path}:{line}" if line else str(path)
        asked = "LoadDocument" in str(error)
        hint = "write the context in place: nothing is fetched" if asked else None
        raise CatalogError(_message(error), where=where, hint=hint) from None
    if run.pairs:
        yield run


class _Source:
    """A file whose own errors come through the parser as they are."""

    def __init__(self, file: BinaryIO, path: Path, form: str, max_depth: int) -> None:
        self._file = file
        self._path = path
        self._refused = _DOCTYPE if form == "rdfxml" else None
        self._max_depth = max_depth
        self._nesting = nesting_scanner(form, max_depth)
        self._end = b""
        self.error: Exception | None = None

    def read(self, size: int = -1) -> bytes:
        try:
            content = self._file.read(size)
            # The parser expands entities, and entities within entities, without a bound.
            if self._refused and self._refused.search(self._end + content):
                raise CatalogError(
                    "has a document type, which may declare entities: not read",
                    where=str(self._path),
                    hint="write the entities out, or convert the file to Turtle",
                )
            self._end = content[-16:]
            if self._nesting.too_deep(content):
                raise CatalogError(
                    f"is nested more than {self._max_depth} deep",
                    where=str(self._path),
                    hint="write it flat: give inner nodes an id, and refer to them by it; or allow "
                    "more with --set max_depth=N, up to 1000",
                )
            return content
        except (CatalogError, OSError) as error:
            self.error = error
            raise OSError(str(error)) from None


def _message(error: Exception) -> str:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"no RDF: {' '.join(text.split())[:300]}"
