"""Where the pictures of one ingest come from: folders, an archive, the image store, the network.

An ingest makes one of these after planning and asks it, for each source in turn, first to fetch and
then for the locator with which the step `locate` finds the pictures of each product. Nothing here
reads a source or knows the graph's tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from k3m_kg.errors import K3MError, UsageError
from k3m_kg.graph.database.engine import parse_url, sqlite_file
from k3m_kg.graph.writing.writer import Locate
from k3m_kg.pictures.archive_formats import format_of
from k3m_kg.pictures.archives import ArchiveLocator, ExtractedPictures
from k3m_kg.pictures.content_store import ContentStore
from k3m_kg.pictures.earlier import Earlier, EarlierFirst
from k3m_kg.pictures.fetch.settings import FetchCounts, FetchSettings
from k3m_kg.pictures.index import PictureIndex
from k3m_kg.pictures.locate import ImageLocator, OneFileOneAddress
from k3m_kg.pictures.remembered import RememberingLocator, is_open
from k3m_kg.records import CatalogRecord, ProductRecord


def check_given(images: Path | None) -> None:
    """See that `--images` is a folder or an archive, before anything else is done.

    Raises:
        UsageError: it is neither.
        CatalogError: it cannot be read.
    """
    if images is None or images.is_dir():
        return
    if not images.exists():
        raise UsageError(f"{images}: no such folder or archive", where="--images")
    if not images.is_file():
        raise UsageError(f"{images} is no folder and no archive", where="--images")
    format_of(images)


def store_of_earlier(
    database: str, image_store: Path | None, file_called_by_content: Callable[[], str | None]
) -> Path | None:
    """The image store that an earlier ingest was told to use, where none is told now.

    Args:
        database: URL; beside a SQLite file there may be a store.
        image_store: as it is told.
        file_called_by_content: of a picture in the graph, if it has any such.
    """
    if image_store is not None:
        return None
    beside = _root(database, None)
    if beside is not None and PictureIndex.exists(ContentStore(beside)):
        return None
    file = file_called_by_content()
    if file is None:
        return None
    root = Path(file).parent.parent
    return root if PictureIndex.exists(ContentStore(root)) else None


class PictureSources:
    """Makes the locator of each source, and fetches what it leaves open; a context manager.

    The image store is opened only where it is needed, or is there already: then URLs that an
    earlier ingest fetched stay pictures. A dry run fetches nothing and unpacks into a folder that
    goes away.
    """

    def __init__(
        self,
        database: str,
        images: Path | None,
        image_store: Path | None,
        fetch: FetchSettings | None,
        *,
        dry_run: bool,
        earlier: Mapping[Path, Path] = {},
    ) -> None:
        """Open what is needed.

        Args:
            database: URL; the image store is beside a SQLite file.
            images: the folder or archive with pictures, or None.
            image_store: the image store's folder, if it is elsewhere.
            fetch: how URLs are fetched; None: not at all.
            earlier: without `images`, the folder or archive of the last ingest, by source.

        Raises:
            UsageError: `images` is neither folder nor archive, or no place for the store is known.
            CatalogError: the archive or the image store cannot be used.
        """
        self._images = images
        self._fetch = None if dry_run else fetch
        self._stack = ExitStack()
        self._archive: Locate | None = None
        self._store: ContentStore | None = None
        self._index: PictureIndex | None = None
        self._earlier: dict[Path, Earlier] = {}
        try:
            self._open(_root(database, image_store), dry_run, earlier)
            found = {path: self._earlier_in(path) for path in set(earlier.values())}
            self._earlier = {source: found[path] for source, path in earlier.items()}
        except BaseException:
            self._stack.close()
            raise

    def _open(self, root: Path | None, dry_run: bool, earlier: Mapping[Path, Path]) -> None:
        archive = self._images if self._images is not None and self._images.is_file() else None
        needed = archive is not None or self._fetch is not None
        if root is None:
            if needed:
                raise UsageError(
                    "say in which folder pictures are to be stored",
                    where="--image-store",
                    hint="only beside a SQLite file there is a default",
                )
            return
        scratch = None
        if dry_run:
            folder = TemporaryDirectory(prefix="k3m-kg-images-")
            scratch = Path(self._stack.enter_context(folder))
        store = ContentStore(root, scratch)
        needed = needed or any(map(_is_file, earlier.values()))
        if not needed and not PictureIndex.exists(store):
            return
        store.sweep()
        self._store = store
        self._index = self._stack.enter_context(PictureIndex(store))
        if archive is not None:
            opened = ArchiveLocator(archive, store, self._index)
            self._archive = self._stack.enter_context(opened)

    def _earlier_in(self, given: Path) -> Earlier:
        """What an earlier ingest was given, as far as it is there."""
        with suppress(OSError):
            if given.is_dir():
                again = f"pictures are looked for in {given} again, as in the last ingest"
                return Earlier(ImageLocator(given, given), again)
        is_there = _is_file(given)
        if self._store is None or self._index is None:
            if is_there:
                return Earlier(
                    None, f"pictures are not looked for in {given}: that needs --image-store"
                )
            return Earlier(None, f"{given} is not there: give the pictures again with --images")
        why = "is not there any more"
        if is_there:
            try:
                opened = ArchiveLocator(given, self._store, self._index)
            except K3MError as error:
                why = f"cannot be used: {error.message}"
            else:
                again = f"pictures are looked for in {given} again, as in the last ingest"
                return Earlier(self._stack.enter_context(opened), again)
        extracted = ExtractedPictures(given, self._store, self._index)
        if not extracted:
            return Earlier(None, f"{given} {why}: give the pictures again with --images")
        return Earlier(
            extracted,
            f"{given} {why}: what was taken from it before stays, for other pictures give --images",
        )

    def note(self, source: Path) -> str | None:
        """What a user should know of where the pictures of a source are looked for."""
        earlier = self._earlier.get(source)
        return None if earlier is None else earlier.note

    def locator(self, source: Path) -> Locate:
        """Finds the pictures of one source's products, without the network.

        Raises:
            UsageError: `--images` is no folder.
        """
        locate = self._local(source)
        if self._store is None or self._index is None:
            return locate
        return RememberingLocator(locate, self._store, self._index)

    def _local(self, source: Path) -> Locate:
        locate = self._archive or ImageLocator(source, self._images)
        earlier = self._earlier.get(source)
        if earlier is not None and earlier.locate is not None:
            locate = EarlierFirst(earlier.locate, locate)
        return OneFileOneAddress(locate, leave_open=self._store is not None)

    @property
    def fetches(self) -> bool:
        """Whether `fetch` fetches anything."""
        return self._fetch is not None and self._index is not None

    def fetch(
        self,
        source: Path,
        records: Iterable[CatalogRecord],
        on_progress: Callable[[FetchCounts], None],
    ) -> FetchCounts | None:
        """Fetch the pictures of those URLs that are not found locally; None: nothing is fetched.

        Before anything is written to the graph, so no transaction waits for a server.
        """
        if self._fetch is None or self._store is None or self._index is None:
            return None
        # It loads an HTTP client, which most ingests have no use for.
        from k3m_kg.pictures.fetch.fetcher import ImageFetcher

        fetcher = ImageFetcher(self._store, self._index, self._fetch)
        return fetcher.fetch(self._open_urls(source, records), on_progress)

    def _open_urls(self, source: Path, records: Iterable[CatalogRecord]) -> Iterator[str]:
        locate = self._local(source)
        for record in records:
            if isinstance(record, ProductRecord) and record.images:
                for image in locate(record.id, record.images):
                    if is_open(image):
                        yield image.source

    def __enter__(self) -> PictureSources:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def _root(database: str, image_store: Path | None) -> Path | None:
    if image_store is not None:
        return image_store
    file = sqlite_file(parse_url(database))
    return None if file is None else file.with_name(f"{file.name}.images")


def _is_file(path: Path) -> bool:
    with suppress(OSError):
        return path.is_file()
    return False
