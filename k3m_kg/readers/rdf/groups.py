"""From runs of triples to whole subjects, in bounded memory.

The first `GROUPED` triples of a file are held and grouped, in whatever order they come. A file that
goes on after that must have the triples of each subject together, blank nodes beside the subject
that refers to them: it is streamed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from k3m_kg.errors import CatalogError
from k3m_kg.readers.rdf.names import Blank, Iri, TripleRun
from k3m_kg.records import RejectedRow
from k3m_kg.vocabulary import TYPE

GROUPED = 200_000
_HELD_REJECTS = 1000

Pairs = list[tuple[Iri, str]]


@dataclass(slots=True)
class SubjectPart:
    """Whole subjects.

    Attributes:
        subjects: pairs of predicate and object by subject, and the line of the first of them.
        nodes: the blank nodes that these may refer to.
        rejected: what could not be read among them.
    """

    subjects: dict[Iri, tuple[int, Pairs]]
    nodes: dict[str, tuple[int, Pairs]]
    rejected: list[RejectedRow] = field(default_factory=list)


class Grouper:
    """Collects the runs of one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._subjects: dict[Iri, tuple[int, Pairs]] = {}
        self._nodes: dict[str, tuple[int, Pairs]] = {}
        self._rejected: list[RejectedRow] = []
        self._current: Iri | None = None
        self._scattered: Iri | None = None
        self._size = 0
        self._streaming = False

    def parts(self, runs: Iterable[TripleRun | RejectedRow]) -> Iterator[SubjectPart]:
        """Whole subjects, the first part with all that was held.

        Raises:
            CatalogError: too many triples are not beside those of their subject.
        """
        for run in runs:
            if isinstance(run, RejectedRow):
                self._rejected.append(run)
                if len(self._rejected) >= _HELD_REJECTS:
                    yield SubjectPart({}, {}, self._take_rejected())
                continue
            subject = run.subject
            if isinstance(subject, Iri) and subject != self._current:
                if self._streaming:
                    yield self._take()
                elif subject in self._subjects:
                    self._scattered = self._scattered or subject
                self._current = subject
            self._add(run)
            if self._size > GROUPED:
                yield from self._begin_to_stream()
        yield SubjectPart(self._subjects, self._nodes, self._rejected)

    def _add(self, run: TripleRun) -> None:
        if isinstance(run.subject, Iri):
            known = self._subjects.setdefault(run.subject, (run.line, run.pairs))
        else:
            known = self._nodes.setdefault(run.subject, (run.line, run.pairs))
        if known[1] is not run.pairs:
            known[1].extend(run.pairs)
        self._size += len(run.pairs)

    def _begin_to_stream(self) -> Iterator[SubjectPart]:
        """Let go of everything but the subject that is being read."""
        if self._streaming or self._scattered or self._current is None:
            far = self._scattered or self._current or "a blank node"
            raise CatalogError(
                f"the triples of <{far}> are not together, among more than {GROUPED:,}",
                where=str(self._path),
                hint="sort the file by subject, such as `LC_ALL=C sort catalog.nt`, with blank "
                "nodes beside the subjects that refer to them",
            )
        self._streaming = True
        current = self._subjects.pop(self._current)
        nodes = dict(self._nodes)
        yield SubjectPart(self._subjects, nodes, self._take_rejected())
        self._subjects = {self._current: current}
        self._size = len(current[1])
        self._nodes = _referred(current[1], nodes)

    def _take(self) -> SubjectPart:
        part = SubjectPart(self._subjects, self._nodes, self._take_rejected())
        self._subjects, self._nodes, self._size = {}, {}, 0
        return part

    def _take_rejected(self) -> list[RejectedRow]:
        rejected, self._rejected = self._rejected, []
        return rejected


def _referred(pairs: Pairs, nodes: dict[str, tuple[int, Pairs]]) -> dict[str, tuple[int, Pairs]]:
    """The nodes that pairs refer to, and those that these refer to."""
    found: dict[str, tuple[int, Pairs]] = {}
    ask = [term for _, term in pairs if isinstance(term, Blank)]
    while ask:
        node = ask.pop()
        if node in nodes and node not in found:
            found[node] = nodes[node]
            ask += [term for _, term in nodes[node][1] if isinstance(term, Blank)]
    return found


def is_typed(part: SubjectPart) -> bool:
    """Whether any subject says what it is."""
    groups = (*part.subjects.values(), *part.nodes.values())
    return any(pair[0] == TYPE for _, pairs in groups for pair in pairs)
