"""Products that are in no snapshot: a text as a title, a picture; and their vectors."""

from __future__ import annotations

import copy
import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

from k3m_kg.errors import ArtifactError, CatalogError
from k3m_kg.lpm.questions import Triples, Visibility, heads_of
from k3m_kg.pictures.checker import check_image
from k3m_kg.snapshot import Snapshot
from k3m_kg.snapshot.read import SnapshotProduct
from k3m_kg.snapshot.settings import MAX_IMAGE_SIZE
from k3m_kg.snapshot.thumbnails import PictureError, decode, decoder_warnings_off, make_thumbnail
from k3m_kg.use.open_model import OpenModel

_NO_NUMBERS = np.empty(0, np.int32)
_USUAL_SIZE = 224


@dataclass(frozen=True, slots=True)
class AskedProduct:
    """All that is known of a product.

    Attributes:
        title: any text.
        image: RGB, of the size that the snapshot's pictures have.
    """

    title: str | None = None
    image: Image.Image | None = None


def read_picture(path: Path, snapshot: Snapshot) -> Image.Image:
    """A picture file as the snapshot would have stored it.

    Raises:
        CatalogError: it cannot be read, or is none.
    """
    with decoder_warnings_off():
        found = check_image(path)
        if found.content_hash is None:
            raise CatalogError(found.error or "no picture", where=str(path))
        try:
            return decode(make_thumbnail(path, found.content_hash, _size_of(snapshot)))
        except PictureError as error:
            raise CatalogError(str(error), where=str(path)) from None


def _size_of(snapshot: Snapshot) -> int:
    """The longest side of its pictures, as far as its manifest can be believed."""
    settings = snapshot.manifest.get("settings")
    size = settings.get("image_size") if isinstance(settings, dict) else None
    return size if type(size) is int and 0 < size <= MAX_IMAGE_SIZE else _USUAL_SIZE


def asked_vectors(
    opened: OpenModel, products: Sequence[AskedProduct], *, batch_size: int = 256
) -> np.ndarray:
    """(N, H) float32 vectors `c*` of products without triples.

    Raises:
        ArtifactError: a model that looks products up, or that sees nothing of what is given.
    """
    trained = opened.trained
    if trained.known_products is not None:
        raise ArtifactError(
            "this model looks products up: it has no vector of anything else",
            where=str(trained.path),
            hint="ask for products like one of the catalog",
        )
    for name, given in (
        ("title", any(one.title is not None for one in products)),
        ("image", any(one.image is not None for one in products)),
    ):
        if given and name not in trained.sees:
            raise ArtifactError(f"this model sees no {name}", where=str(trained.path))
    with _table(products) as table:
        # the terms are those of the catalog that is searched; nothing here has any
        batcher = copy.copy(opened.batcher)
        batcher.snapshot = table
        batcher.modalities = {name: one.open(table) for name, one in trained.modalities.items()}
        blocks = heads_of(
            opened.predictor,
            batcher,
            Triples.each(np.arange(len(products))),
            Visibility(cut_title=False),
            batch_size=batch_size,
        )
        found = [head_BH.cpu().numpy() for head_BH in blocks]
    return np.concatenate(found) if found else np.empty((0, 0), np.float32)


@contextmanager
def _table(products: Sequence[AskedProduct]) -> Iterator[_AskedTable]:
    # modalities keep what they prepare beside a snapshot: here it goes with the question
    with tempfile.TemporaryDirectory(prefix="k3m-kg-asked-") as folder:
        yield _AskedTable(Path(folder, "asked"), products)


class _AskedTable(Snapshot):
    """Reads as a snapshot of products without triples."""

    def __init__(self, path: Path, products: Sequence[AskedProduct]) -> None:
        self.path = path
        self.manifest = {}
        self._products = products
        told = hashlib.sha256()
        self._hashes_of = []
        for one in products:
            digest = b"" if one.image is None else hashlib.sha256(one.image.tobytes()).digest()
            told.update(repr((one.title, digest)).encode("utf-8", "surrogatepass"))
            if one.image is not None:
                self._hashes_of.append(digest.hex())
        self.id = told.hexdigest()
        titles = [one.title for one in products]
        self.titles = pa.chunked_array([pa.array(titles, pa.string())])
        self.categories = pa.chunked_array([pa.nulls(len(products), pa.string())])
        pictured = [one.image is not None for one in products]
        self.image_offsets = np.concatenate([[0], np.cumsum(pictured)]).astype(np.int64)
        self.image_thumbnail = np.arange(sum(pictured), dtype=np.int32)
        self.split = np.zeros(len(products), np.uint8)
        none_N1 = np.zeros(len(products) + 1, np.int64)
        self.triple_offsets = self.link_offsets = none_N1
        self.triple_property = self.triple_value = _NO_NUMBERS
        self.link_property = self.link_product = _NO_NUMBERS
        self.triple_holdout = self.link_holdout = np.empty(0, np.uint8)
        self.fact_head = self.fact_property = self.fact_tail = _NO_NUMBERS

    def __repr__(self) -> str:
        return f"<{len(self)} asked products>"

    def product(self, row: int) -> SnapshotProduct:
        """Its title."""
        first, last = self.image_offsets[row : row + 2].tolist()
        return SnapshotProduct(
            row,
            str(row),
            self._products[row].title,
            None,
            "none",
            tuple(self._hashes_of[first:last]),
            (),
            (),
            (),
            (),
        )

    def image(self, row: int, position: int = 0) -> Image.Image | None:
        """Its picture."""
        return self._products[row].image if position == 0 else None

    def image_hash(self, number: int) -> str:
        """Of the pixels."""
        return self._hashes_of[number]
