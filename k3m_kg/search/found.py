"""What a search finds: plain data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FoundProduct:
    """A product that was found.

    Attributes:
        score: orders what one search found: BM25, a cosine, or of both the share of the best BM25
            and a tenth of the cosine.
        by: what found it: `words` or `model`.
    """

    product: str
    title: str | None
    score: float
    by: str

    def record(self) -> dict[str, Any]:
        """As it is written in JSON."""
        return asdict(self)
