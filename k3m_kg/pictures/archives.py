"""Pictures in an archive: found by the rules of a folder, extracted into the image store."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

from k3m_kg.graph.stored import LocatedImage
from k3m_kg.pictures.archive_formats import (
    Archive,
    MemberError,
    TarArchive,
    ZipArchive,
    format_of,
    stream_tar,
)
from k3m_kg.pictures.checker import MAX_FILE_BYTES, looks_like_picture
from k3m_kg.pictures.content_store import ContentStore, StoredFile, TooLargeError
from k3m_kg.pictures.index import Origin, PictureIndex
from k3m_kg.pictures.locate import Collection
from k3m_kg.pictures.names import PictureNames

_NOTED_AT_ONCE = 512


class _Members(Collection):
    """Pictures that an archive's names lead to."""

    def _find(self, written: str, path: str) -> LocatedImage:
        name = self._names.find(path)
        error = f"{'several files of that name' if name.several else 'no such file'} in the archive"
        return self._named(written, name, LocatedImage(written, error=error))

    def _name_by_id(self, product: str) -> str | None:
        return self._names.of_product(product)

    @cached_property
    def _names(self) -> PictureNames:
        return PictureNames(self._named_in_archive())

    @abstractmethod
    def _named_in_archive(self) -> Iterable[str]:
        """The names of its members."""


class ExtractedPictures(_Members):
    """The pictures of an archive that were extracted before, found without the archive."""

    def __init__(self, archive: Path, store: ContentStore, index: PictureIndex) -> None:
        """Ask the index."""
        self._store = store
        self._members = index.members_of(str(archive))

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._members)

    def _file(self, written: str, relative: str) -> LocatedImage:
        origin = self._members[relative]
        stored = self._store.find(origin.digest) if origin.digest else None
        if stored is None:
            return LocatedImage(written, error=origin.error or "is gone from the image store")
        return LocatedImage(written, stored.path, stored.size, stored.mtime_ns)

    def _named_in_archive(self) -> Iterable[str]:
        return self._members


class ArchiveLocator(_Members):
    """Finds pictures in the zip or tar archive given with `--images`.

    The rules are those of a folder: a file name is looked for at the top, then in every folder,
    and a name that several folders have is an error of that picture.

    A picture is extracted when a product asks for it, at most once for one state of the archive
    (path, size and modification time). A compressed tar can be read in one direction only: the
    first product extracts all of its pictures. A context manager: what was extracted is noted in
    the index when it is on the disk, some hundreds at a time and at the end.
    """

    def __init__(self, archive: Path, store: ContentStore, index: PictureIndex) -> None:
        """Open the archive.

        Raises:
            UsageError: it is no archive that can be read.
            CatalogError: it is damaged, incomplete, or unpacks to more than it may.
        """
        self._path = archive
        self._kind = format_of(archive)
        self._store = store
        self._index = index
        found = archive.stat()
        self._key = index.archive(str(archive.resolve()), found.st_size, found.st_mtime_ns)
        self._unpacked_here = False
        self._fresh: dict[str, Origin] = {}
        self._unsynced: list[str] = []
        self._archive: Archive | None = None
        if self._kind == "zip":
            self._archive = ZipArchive(archive)
        elif self._kind == "tar":
            self._archive = TarArchive(archive)
        elif not index.is_complete(self._key):
            self._unpack()

    def _file(self, written: str, relative: str) -> LocatedImage:
        origin, stored = self._extracted(relative)
        if stored is None:
            return LocatedImage(written, error=origin.error or "is gone from the image store")
        return LocatedImage(written, stored.path, stored.size, stored.mtime_ns)

    def _named_in_archive(self) -> Iterable[str]:
        return self._archive.names() if self._archive else self._index.members(self._key)

    def _extracted(self, name: str) -> tuple[Origin, StoredFile | None]:
        origin = self._known(name) or self._extract(name)
        if origin.digest is None:
            return origin, None
        stored = self._store.find(origin.digest)
        if stored is None:  # someone has cleared the store
            origin = self._extract(name)
            stored = self._store.find(origin.digest) if origin.digest else None
        return origin, stored

    def _extract(self, name: str) -> Origin:
        if self._archive is not None:
            return self._keep(name, self._archive.read(name))
        if not self._unpacked_here:
            self._unpack()
        return self._known(name) or Origin(error="no such file in the archive")

    def _known(self, name: str) -> Origin | None:
        return self._fresh.get(name) or self._index.member(self._key, name)

    def _unpack(self) -> None:
        for name, chunks in stream_tar(self._path, self._kind):
            self._keep(name, chunks)
        self._flush()
        self._index.set_complete(self._key)
        self._unpacked_here = True

    def _keep(self, name: str, chunks: Iterator[bytes]) -> Origin:
        try:
            head = next(chunks, b"")
            if not looks_like_picture(head):
                raise MemberError("not a picture in a format that is read")
            content = itertools.chain([head], chunks)
            stored = self._store.add(content, MAX_FILE_BYTES, synced=False)
            self._unsynced.append(stored.path)
            origin = Origin(stored.digest)
        except MemberError as error:
            origin = Origin(error=str(error))
        except TooLargeError:
            origin = Origin(error=f"file larger than {MAX_FILE_BYTES >> 20} MiB")
        self._fresh[name] = origin
        if len(self._fresh) >= _NOTED_AT_ONCE:
            self._flush()
        return origin

    def _flush(self) -> None:
        self._store.sync(self._unsynced)
        self._index.set_members(self._key, self._fresh)
        self._unsynced.clear()
        self._fresh.clear()

    def __enter__(self) -> ArchiveLocator:
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
