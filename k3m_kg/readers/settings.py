"""Settings of the built-in formats that have some: what a file cannot tell of itself.

What a table's columns mean is not a setting of a format; the mapping file says it.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from k3m_kg.config import Settings
from k3m_kg.rdf.nesting import MAX_DEPTH


class RdfSettings(Settings):
    """Settings of `rdf`.

    Attributes:
        form: the format among those of RDF; `auto` goes by the ending of the name, else by the
            beginning of the file.
        max_depth: levels that a document may be nested; a deeper one is refused before the parser
            sees it, which would take memory by the square of the depth.
        languages: those of texts that are preferred, such as `[de, en]`; English by default. A
            mapping file has a setting of its own for that.
    """

    form: Literal["auto", "nt", "nq", "ttl", "trig", "rdfxml", "jsonld"] = "auto"
    max_depth: int = Field(MAX_DEPTH, ge=1, le=1000)
    languages: list[str] = Field(default_factory=list)


class JSONDocumentSettings(Settings):
    """Settings of `json`.

    Attributes:
        items: where the list of products is, such as `data.products`; empty: an array, or the first
            list of objects in the outermost object.
    """

    items: str = ""


class WorkbookSettings(Settings):
    """Settings of `workbook`.

    Attributes:
        sheet: its name; empty: the first one.
    """

    sheet: str = ""
