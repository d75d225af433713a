"""URLs that were fetched are files of the image store: the look-up, without any network."""

from __future__ import annotations

from k3m_kg.graph.stored import LocatedImage
from k3m_kg.graph.writing.writer import Locate
from k3m_kg.pictures.content_store import ContentStore
from k3m_kg.pictures.index import PictureIndex
from k3m_kg.pictures.locate import is_fetchable


class RememberingLocator:
    """Another locator's pictures, with those URLs that it leaves open looked up in the store.

    A URL whose fetch failed has the failure as its error, so an unchanged source gives the same
    pictures each time.
    """

    def __init__(self, locate: Locate, store: ContentStore, index: PictureIndex) -> None:
        self._locate = locate
        self._store = store
        self._index = index

    def __call__(self, product: str, written: tuple[str, ...]) -> tuple[LocatedImage, ...]:
        """The pictures of one product, in order."""
        located = self._locate(product, written)
        if not any(map(is_open, located)):
            return located
        return tuple(self._look_up(image) if is_open(image) else image for image in located)

    def _look_up(self, image: LocatedImage) -> LocatedImage:
        origin = self._index.url(image.source)
        if origin is None:
            return image
        if origin.digest is None:
            return LocatedImage(image.source, error=origin.error)
        stored = self._store.find(origin.digest)
        if stored is None:
            return image
        return LocatedImage(image.source, stored.path, stored.size, stored.mtime_ns)


def is_open(image: LocatedImage) -> bool:
    """Whether a picture is known by nothing but a URL that could be fetched."""
    return image.path is None and image.error is None and is_fetchable(image.source)
