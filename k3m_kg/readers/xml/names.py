"""Names in XML."""

from __future__ import annotations


def local_name(name: str) -> str:
    """A name without namespace or prefix, however the parser marks a namespace."""
    return name.rpartition("}")[2].rpartition(" ")[2].rpartition(":")[2]
