"""What the worker does in `test_fetching`: fetches from hostile servers, and opens archives."""

from __future__ import annotations

import hashlib
import shutil
import socket
import threading
from pathlib import Path
from typing import Any

import httpcore

from k3m_kg.errors import K3MError
from k3m_kg.pictures.archives import ArchiveLocator
from k3m_kg.pictures.checker import check_image
from k3m_kg.pictures.content_store import ContentStore
from k3m_kg.pictures.fetch import guarded_transport
from k3m_kg.pictures.fetch.addresses import AllowedAddresses
from k3m_kg.pictures.fetch.fetcher import ImageFetcher
from k3m_kg.pictures.fetch.settings import FetchSettings
from k3m_kg.pictures.index import PictureIndex
from k3m_kg.pictures.locate import is_fetchable
from k3m_kg.workers.inside import Answer

from .archive_inputs import archive
from .fetch_inputs import ALLOWED_HOSTS, ALLOWED_NETWORKS, LIMIT, NAMES, url

SETTINGS = FetchSettings(
    connections=8,
    per_host=8,
    max_bytes=LIMIT,
    tries=2,
    backoff_seconds=0.001,
    dead_after=1_000_000,
    read_seconds=60,
    allowed=AllowedAddresses.of(ALLOWED_HOSTS, ALLOWED_NETWORKS),
)


def _stored(root: Path) -> int:
    """How many pictures a store has.

    Raises:
        AssertionError: something else lies there.
    """
    count = 0
    for path in root.rglob("*"):
        name = str(path.relative_to(root))
        if path.is_dir() or name.startswith("index.db"):
            continue
        data = path.read_bytes()
        assert path.is_file(), name
        assert not path.is_symlink(), name
        assert name.replace("/", "") == hashlib.sha256(data).hexdigest(), name
        assert len(data) <= LIMIT, name
        checked = check_image(path)
        assert checked.error or checked.width
        count += 1
    return count


def fetch_attacks(answer: Answer, *, port: int, folder: str, first: int, count: int) -> None:
    """Answers ("batch", (URLs, errors, connections, pictures)) for each store."""
    asked = threading.local()
    connected: list[tuple[str, str]] = []
    real = httpcore.SyncBackend.connect_tcp

    def resolve(host: str, port: int) -> list[str]:
        asked.host = host
        if (named := NAMES.get(host.lower().rstrip("."))) is not None:
            return named
        numeric = socket.AI_NUMERICHOST
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=numeric)
        return [str(entry[4][0]) for entry in found]

    def connect(self: Any, host: str, there: int, *rest: Any, **options: Any) -> Any:
        connected.append((asked.host, host))
        return real(self, "127.0.0.1", port, *rest, **options)

    guarded_transport.resolve = resolve
    httpcore.SyncBackend.connect_tcp = connect  # type: ignore[method-assign]
    for start in range(first, first + count, 50):
        answer.send("begun", start)
        answer.renew()
        urls = [url(n) for n in range(start, min(start + 50, first + count))]
        root = Path(folder) / "store"
        store = ContentStore(root)
        with PictureIndex(store) as index:
            ImageFetcher(store, index, SETTINGS).fetch(urls)
            known = [index.url(one) for one in urls if is_fetchable(one)]
        assert all(one is not None for one in known)
        errors = [one.error for one in known if one is not None and one.error is not None]
        kept = {one.digest for one in known if one is not None and one.digest is not None}
        pictures = _stored(root)
        assert len(kept) == pictures
        answer.send("batch", (len(urls), errors, connected, pictures))
        connected.clear()
        shutil.rmtree(root)


def open_archives(answer: Answer, *, folder: str, first: int, count: int) -> None:
    """Answers ("begun", number) and ("done", pictures, or the error's text) for each."""
    root, path = Path(folder) / "store", Path(folder) / "archive"
    for number in range(first, first + count):
        answer.send("begun", number)
        answer.renew()
        path.write_bytes(archive(number))
        store = ContentStore(root)
        try:
            with PictureIndex(store) as index, ArchiveLocator(path, store, index) as locate:
                for name in ("1.png", "a/2.png", "../x.png", "/etc/passwd", "long.png", "3.png"):
                    for image in locate("7", (name,)):
                        assert (image.path is None) != (image.error is None)
            answer.send("done", _stored(root))
        except K3MError as error:
            answer.send("done", str(error))
            _stored(root)
        shutil.rmtree(root, ignore_errors=True)
        assert sorted(one.name for one in Path(folder).iterdir()) == ["archive"]
