"""The contract of catalog readers, without torch: what `ReaderPlugin.factory` builds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

from k3m_kg.records import CatalogRecord


class Confidence:
    """The scale of `CatalogReader.sniff`, 0 to 1; anything between is fine.

    The reader that is surest reads the file. So a dialect answers a little more than the general
    format that its files also are, and nobody needs to know who else is installed.

    Attributes:
        NONE: it is not this format.
        POSSIBLE: nothing in its beginning speaks against it.
        LIKELY: the ending of its name says so, or it looks like it.
        STRONG: it has marks that files of other formats do not have.
        CERTAIN: it begins with the format's own signature.
    """

    NONE: Final = 0.0
    POSSIBLE: Final = 0.25
    LIKELY: Final = 0.5
    STRONG: Final = 0.75
    CERTAIN: Final = 1.0


@runtime_checkable
class CatalogReader(Protocol):
    """Turns one catalog source into product records."""

    def sniff(self, path: Path, head: bytes) -> float:
        """How sure it is that `path` is in its format, from 0 to 1 as `Confidence` names it.

        Args:
            path: the file, for its name; sniffing opens nothing.
            head: its first 64 KiB, unpacked where it is gzip or zstd.
        """
        ...

    def read(self, path: Path, mapping: Path | None) -> Iterator[CatalogRecord]:
        """Stream the records of `path` in order, bad rows as `RejectedRow`.

        Raises:
            CatalogError: the source as a whole cannot be read.
            ConfigError: the mapping does not fit the source.
        """
        ...
