"""Settings of the built-in formats that have some: what a file cannot tell of itself.

What a table's columns mean is not a setting of a format; the mapping file says it.
"""

from __future__ import annotations

from typing import Literal

from k3m_kg.config import Settings


class MagentoSettings(Settings):
    """Settings of `magento`.

    Attributes:
        encoding: of the text.
    """

    encoding: str = "utf-8"


class RdfSettings(Settings):
    """Settings of `rdf`.

    Attributes:
        form: the format among those of RDF; `auto` goes by the ending of the name, else by the
            beginning of the file.
    """

    form: Literal["auto", "nt", "nq", "ttl", "trig", "rdfxml", "jsonld"] = "auto"
