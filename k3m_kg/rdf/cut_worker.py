"""What the worker does that makes a cut for SPARQL: it is fed N-Triples, and fills a folder."""

from __future__ import annotations

import pyoxigraph as ox

from k3m_kg.errors import K3MError
from k3m_kg.workers.inside import Answer


def fill_cut(answer: Answer, *, folder: str, where: str) -> None:
    """Fill an empty folder with an oxigraph store of the lines of N-Triples that come.

    Args:
        where: what errors call the folder.

    Raises:
        K3MError: it cannot be written.
    """
    try:
        cut = ox.Store(folder)
        for lines in answer.fed():
            cut.bulk_load(lines, ox.RdfFormat.N_TRIPLES, lenient=True)
        cut.flush()
    except OSError as error:
        raise K3MError(
            f"the cut that SPARQL runs on cannot be written: {error.strerror or error}",
            where=where,
            hint="free some space, or set XDG_CACHE_HOME to another folder",
        ) from None
