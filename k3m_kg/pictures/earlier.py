"""An ingest without `--images`: pictures are where its source's last ingest was told they are."""

from __future__ import annotations

from dataclasses import dataclass

from k3m_kg.graph.stored import LocatedImage
from k3m_kg.graph.writing.writer import Locate


@dataclass(frozen=True, slots=True)
class Earlier:
    """The folder or archive of a source's last ingest.

    Attributes:
        locate: finds pictures in it; None where it can no longer be used.
        note: what a user should know of it.
    """

    locate: Locate | None
    note: str


class EarlierFirst:
    """Pictures of the earlier folder or archive, and those that it lacks from another locator."""

    def __init__(self, earlier: Locate, other: Locate) -> None:
        self._earlier = earlier
        self._other = other

    def __call__(self, product: str, written: tuple[str, ...]) -> tuple[LocatedImage, ...]:
        """The pictures of one product, in order."""
        found = self._earlier(product, written)
        if not written or all(image.path for image in found):
            return found
        others = self._other(product, written)
        return tuple(
            other if one.path is None and other.path is not None else one
            for one, other in zip(found, others, strict=True)
        )
