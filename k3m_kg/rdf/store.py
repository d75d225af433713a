"""The SQL graph as a store of rdflib: read-only, live, and with rdflib's own SPARQL on it."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NoReturn

from rdflib import URIRef
from rdflib.graph import Graph, ModificationException
from rdflib.store import VALID_STORE, Store

from k3m_kg.errors import UsageError
from k3m_kg.graph.reading.bulk import GraphReader
from k3m_kg.graph.store import GraphStore
from k3m_kg.rdf.patterns import Patterns
from k3m_kg.vocabulary import PREFIXES


class GraphStoreRDF(Store):
    """A `rdflib.Graph` over the product knowledge graph in a database:

        graph = rdflib.Graph(store=GraphStoreRDF("sqlite:///k3m-kg.db"))
        graph.query("SELECT * WHERE { ?product schema:category 'coats' }")

    It holds what `k3m-kg export` writes. Nothing is loaded: each pattern is a look-up in SQL, and
    shows what is committed. Patterns that are read at the same time, as in one SPARQL query,
    show one state of the graph. For queries over the whole graph `k3m-kg sparql` is faster.

    Changes are refused with `rdflib.graph.ModificationException`. There is one, default, context.

    Args:
        configuration: the database URL; without one, call `open`.

    Raises:
        UsageError: it is no URL of a database that we know.
        GraphError: there is no graph, or it cannot be read.
    """

    context_aware = False
    formula_aware = False
    graph_aware = False
    transaction_aware = False

    def __init__(self, configuration: str | None = None, identifier: Any = None) -> None:
        self._prefixes = {prefix: URIRef(iri) for prefix, iri in PREFIXES.items()}
        self._session: _Session | None = None
        super().__init__(configuration, identifier)

    def open(self, configuration: Any, create: bool | None = False) -> int | None:
        """Open the graph at a database URL; one that is not there is never made."""
        self.close()
        self._session = _Session(GraphStore.open(str(configuration)))
        return VALID_STORE

    def close(self, commit_pending_transaction: bool = False) -> None:
        """Close every connection."""
        if self._session is not None:
            self._session.store.close()
            self._session = None

    def triples(
        self, triple_pattern: Any, context: Graph | None = None
    ) -> Iterator[tuple[Any, Iterator[Graph | None]]]:
        """The triples that fit a pattern, each once."""
        with self._reading() as reader:
            for triple in Patterns(reader).match(triple_pattern):
                yield triple, iter(())

    def __len__(self, context: Graph | None = None) -> int:
        with self._reading() as reader:
            count = reader.counts()
        once = ("titles", "categories", "values", "triples", "properties", "pictures", "series")
        twice = ("products", "in_series")  # type and id; first and rest of a list's node
        return sum(count[name] for name in once) + 2 * sum(count[name] for name in twice)

    def contexts(self, triple: Any = None) -> Generator[Graph, None, None]:
        """None: everything is in the default graph."""
        yield from ()

    @contextmanager
    def _reading(self) -> Iterator[GraphReader]:
        if self._session is None:
            raise UsageError("the store is not open", hint="GraphStoreRDF('sqlite:///k3m-kg.db')")
        with self._session.reading() as reader:
            yield reader

    def add(self, triple: Any, context: Any, quoted: bool = False) -> NoReturn:
        """Refused."""
        raise ModificationException

    def addN(self, quads: Any) -> NoReturn:
        """Refused."""
        raise ModificationException

    def remove(self, triple: Any, context: Any = None) -> NoReturn:
        """Refused."""
        raise ModificationException

    def bind(self, prefix: str, namespace: URIRef, override: bool = True) -> None:
        """Remember a prefix, in memory only."""
        if override or (prefix not in self._prefixes and self.prefix(namespace) is None):
            self._prefixes[prefix] = namespace

    def namespace(self, prefix: str) -> URIRef | None:
        """The namespace of a prefix."""
        return self._prefixes.get(prefix)

    def prefix(self, namespace: URIRef) -> str | None:
        """A prefix of a namespace."""
        return next((name for name, iri in self._prefixes.items() if iri == namespace), None)

    def namespaces(self) -> Iterator[tuple[str, URIRef]]:
        """Every prefix with its namespace."""
        return iter(list(self._prefixes.items()))


class _Session(threading.local):
    """One read transaction per thread, open as long as anything in it is being read."""

    def __init__(self, store: GraphStore) -> None:
        self.store = store
        self._readers = 0
        self._open = ExitStack()
        self._reader: GraphReader | None = None

    @contextmanager
    def reading(self) -> Iterator[GraphReader]:
        if self._reader is None:
            self._reader = self._open.enter_context(self.store.reading())
        self._readers += 1
        try:
            yield self._reader
        finally:
            self._readers -= 1
            if not self._readers:
                self._reader = None
                self._open.close()
