"""Fetching pictures from a real server: polite, resumable, bounded, and only where it may go."""

from __future__ import annotations

import dataclasses
import email.utils
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from k3m_kg.errors import CatalogError
from k3m_kg.graph.stored import LocatedImage
from k3m_kg.pictures.checker import check_image
from k3m_kg.pictures.content_store import ContentStore
from k3m_kg.pictures.fetch import addresses, guarded_transport
from k3m_kg.pictures.fetch.addresses import AllowedAddresses
from k3m_kg.pictures.fetch.fetcher import ImageFetcher
from k3m_kg.pictures.fetch.settings import FetchCounts, FetchSettings
from k3m_kg.pictures.index import Origin, PictureIndex
from k3m_kg.pictures.locate import is_fetchable
from k3m_kg.pictures.remembered import RememberingLocator
from tests.pictures.picture_server import PictureServer, Request, picture_server, png

NOTHING = AllowedAddresses()
# So patient that no picture fails because this machine is busy.
SETTINGS = FetchSettings(
    allowed=AllowedAddresses.of([], ["127.0.0.0/8", "::1/128"]),
    backoff_seconds=0.01,
    tries=3,
    connect_seconds=600,
    read_seconds=600,
    total_seconds=3600,
)


@pytest.fixture
def server() -> Iterator[PictureServer]:
    with picture_server() as server:
        yield server


class Shelf:
    """A store with its index."""

    def __init__(self, root: Path) -> None:
        self.store = ContentStore(root)
        self.index = PictureIndex(self.store)

    def fetch(self, *urls: str, **changes: Any) -> FetchCounts:
        settings = dataclasses.replace(SETTINGS, **changes)
        return ImageFetcher(self.store, self.index, settings).fetch(urls)

    def error(self, url: str) -> str | None:
        origin = self.index.url(url)
        assert origin is not None
        return origin.error

    def content(self, url: str) -> bytes | None:
        origin = self.index.url(url)
        stored = self.store.find(origin.digest) if origin and origin.digest else None
        return Path(stored.path).read_bytes() if stored else None

    def located(self, *written: str) -> tuple[LocatedImage, ...]:
        locate = RememberingLocator(
            lambda _, texts: tuple(map(LocatedImage, texts)), self.store, self.index
        )
        return locate("id", written)

    def files(self) -> list[Path]:
        return [p for p in self.store.root.rglob("*") if p.is_file() and "index.db" not in p.name]


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "images")


def redirect(to: str) -> Callable[[Request], None]:
    return lambda request: request.reply(302, headers={"Location": to})


def test_pictures_are_fetched_once(server: PictureServer, shelf: Shelf) -> None:
    urls = [server.picture(f"/{number}.png", number) for number in range(30)]
    counts = shelf.fetch(*urls, *urls)
    assert (counts.fetched, counts.failed) == (30, 0)
    assert counts.bytes == sum(len(png(number)) for number in range(30))
    assert [shelf.content(url) for url in urls] == [png(number) for number in range(30)]
    assert shelf.fetch(*urls) == FetchCounts()
    assert set(server.asked.values()) == {1}
    assert server.headers_of["/1.png"]["User-Agent"].startswith("k3m-kg/")
    assert check_image(Path(str(shelf.located(urls[3])[0].path))).width == 16


def test_what_was_fetched_is_located_again_without_the_network(
    server: PictureServer, shelf: Shelf
) -> None:
    good, bad = server.picture("/1.png"), server.url("/gone.png")
    assert shelf.located(good, bad) == (LocatedImage(good), LocatedImage(bad))
    shelf.fetch(good, bad)
    found = shelf.located(good, bad, "data:image/png,x")
    assert found[0].size == len(png())
    assert found[1] == LocatedImage(bad, error="HTTP 404 Not Found")
    assert found[2] == LocatedImage("data:image/png,x")
    assert shelf.located(*(image.source for image in found)) == found


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 204])
def test_a_failure_that_stays_is_asked_once(
    server: PictureServer, shelf: Shelf, status: int
) -> None:
    url = server.on("/x", lambda request: request.reply(status))
    assert shelf.fetch(url).failed == 1
    assert shelf.fetch(url) == FetchCounts()
    assert server.asked["/x"] == 1
    assert str(shelf.error(url)).startswith(f"HTTP {status}")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_failure_that_may_pass_is_tried_again_and_by_the_next_run(
    server: PictureServer, shelf: Shelf, status: int
) -> None:
    url = server.on("/x", lambda request: request.reply(status))
    assert shelf.fetch(url).failed == 1
    assert server.asked["/x"] == SETTINGS.tries
    assert str(shelf.error(url)).startswith(f"HTTP {status}")
    server.picture("/x")
    assert shelf.fetch(url).fetched == 1
    assert shelf.content(url) == png()


def test_a_server_that_asks_to_wait_is_left_alone_meanwhile(
    server: PictureServer, shelf: Shelf
) -> None:
    times: list[float] = []

    def busy(request: Request) -> None:
        times.append(time.monotonic())
        if len(times) == 1:
            request.reply(429, headers={"Retry-After": "1"})
        else:
            request.reply(200, png())

    urls = [server.on(f"/{number}", busy) for number in range(3)]
    assert shelf.fetch(*urls, per_host=1).fetched == 3
    assert times[1] - times[0] >= 1


@pytest.mark.parametrize(
    "wait",
    ["3600", email.utils.formatdate(time.time() + 90_000, usegmt=True)],
    ids=["seconds", "date"],
)
def test_a_server_that_asks_to_wait_long_is_left_to_the_next_run(
    server: PictureServer, shelf: Shelf, wait: str
) -> None:
    url = server.on("/x", lambda request: request.reply(429, headers={"Retry-After": wait}))
    shelf.fetch(url)
    assert server.asked["/x"] == 1
    origin = shelf.index.url(url)
    assert origin is not None
    assert origin.temporary


def test_a_server_that_hangs_is_cut_off(server: PictureServer, shelf: Shelf) -> None:
    over = threading.Event()
    hang = server.on("/hang", lambda _: over.wait() and None)
    try:
        shelf.fetch(hang, tries=1, read_seconds=0.1)
    finally:
        over.set()
    assert str(shelf.error(hang)).startswith("timeout")


class Clock:
    """Stands in for `time`: a second goes by when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


def test_a_server_that_drips_is_cut_off(
    server: PictureServer, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drip(request: Request) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "image/png")
        request.send_header("Content-Length", str(1 << 24))
        request.end_headers()
        while True:  # until nobody listens
            clock.now += 1
            request.wfile.write(b"x")

    def drip_headers(request: Request) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        while True:
            clock.now += 1
            request.wfile.write(b"y")

    for path, answer in (("/drip", drip), ("/headers", drip_headers)):
        clock = Clock()
        monkeypatch.setattr(guarded_transport, "time", clock)
        url = server.on(path, answer)
        assert shelf.fetch(url, tries=1, total_seconds=5).failed == 1
        assert str(shelf.error(url)).startswith("timeout")
    assert shelf.files() == []


def test_what_is_too_large_is_cut_off(server: PictureServer, shelf: Shelf) -> None:
    sent = []

    def endless(request: Request) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "image/png")
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        for _ in range(2000):
            request.wfile.write(b"8000\r\n" + bytes(0x8000) + b"\r\n")
            sent.append(0x8000)

    said = server.on("/said", lambda request: request.reply(200, bytes(100_001)))
    unsaid = server.on("/unsaid", endless)
    shelf.fetch(said, unsaid, max_bytes=100_000)
    assert shelf.error(said) == shelf.error(unsaid) == "larger than 100,000 bytes"
    assert sum(sent) < 20 << 20
    assert shelf.files() == []


def test_what_is_no_picture_is_refused(server: PictureServer, shelf: Shelf) -> None:
    def typed(path: str, kind: str, body: bytes) -> str:
        return server.on(path, lambda request: request.reply(200, body, {"Content-Type": kind}))

    html = typed("/html", "text/html; charset=utf-8", png())
    binary = typed("/binary", "application/octet-stream", png())
    junk = typed("/junk", "application/octet-stream", b"MZ\x90\0")
    nothing = typed("/nothing", "image/png", b"")
    packed = server.on(
        "/gz", lambda request: request.reply(200, png(), {"Content-Encoding": "gzip"})
    )
    shelf.fetch(html, binary, junk, nothing, packed)
    assert shelf.error(html) == "text/html is no picture"
    assert shelf.content(binary) == png()
    assert shelf.error(junk) == "not a picture in a format that is read"
    assert shelf.error(nothing) == "the answer is empty"
    assert "Content-Encoding" in str(shelf.error(packed))


def test_a_body_that_breaks_off_is_not_kept(server: PictureServer, shelf: Shelf) -> None:
    def cut(request: Request) -> None:
        request.reply(200, png()[:40], {"Content-Length": "4000"})
        request.close_connection = True
        request.connection.shutdown(socket.SHUT_RDWR)

    url = server.on("/cut", cut)
    shelf.fetch(url)
    assert server.asked["/cut"] == SETTINGS.tries
    assert str(shelf.error(url)).startswith("broken off")
    assert shelf.files() == []


def test_redirects_are_followed_but_not_for_ever(server: PictureServer, shelf: Shelf) -> None:
    server.picture("/end.png")
    for number in range(1, 8):
        server.on(f"/{number}", redirect("/end.png" if number == 1 else f"/{number - 1}"))
    server.on("/loop", redirect("/loop"))
    good, long, loop = server.url("/5"), server.url("/6"), server.url("/loop")
    shelf.fetch(good, long, loop)
    assert shelf.content(good) == png()
    assert shelf.error(long) == shelf.error(loop) == "more than 5 redirects"


@pytest.mark.parametrize("to", ["file:///etc/passwd", "ftp://x.org/1.png", "http://", "//[::"])
def test_redirects_lead_to_http_only(server: PictureServer, shelf: Shelf, to: str) -> None:
    url = server.on("/x", redirect(to))
    shelf.fetch(url)
    assert shelf.error(url)
    assert shelf.files() == []


def test_private_addresses_are_refused(server: PictureServer, shelf: Shelf) -> None:
    server.picture("/1.png")
    hosts = ("127.0.0.1", "localhost", "[::1]", "127.1", "2130706433", "0.0.0.0", "169.254.169.254")
    urls = [server.url("/1.png", host) for host in hosts]
    assert shelf.fetch(*urls, allowed=NOTHING).failed == len(urls)
    assert not server.asked
    assert shelf.error(urls[0]) == "127.0.0.1 is 127.0.0.1, no public address"


@pytest.fixture
def only_127_0_0_1_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "is_public", lambda address: address == "127.0.0.1")


@pytest.mark.usefixtures("only_127_0_0_1_is_public")
def test_a_redirect_to_a_private_address_is_refused(server: PictureServer, shelf: Shelf) -> None:
    server.picture("/secret.png")
    url = server.on("/x", redirect(server.url("/secret.png", "127.0.0.2")))
    shelf.fetch(url, allowed=NOTHING)
    assert shelf.error(url) == "127.0.0.2 is 127.0.0.2, no public address"
    assert server.asked["/x"] == 1
    assert not server.asked["/secret.png"]


def resolving(monkeypatch: pytest.MonkeyPatch, **names: str) -> None:
    monkeypatch.setattr(guarded_transport, "resolve", lambda host, port: [names.get(host, host)])


def test_a_host_is_allowed_by_its_name_and_no_other(
    server: PictureServer, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving(monkeypatch, pim="127.0.0.1", other="127.0.0.1", metadata="169.254.169.254")
    server.picture("/1.png")
    server.on("/other", redirect(server.url("/1.png", "other")))
    server.on("/metadata", redirect("http://metadata/latest"))
    server.on("/same", redirect(server.url("/1.png", "PIM")))
    paths = ("/1.png", "/other", "/metadata", "/same")
    good, other, metadata, same = (server.url(path, "pim") for path in paths)
    direct = server.url("/1.png", "other")
    allowed = AllowedAddresses.of(["pim", "metadata"], [])
    shelf.fetch(good, other, metadata, same, direct, allowed=allowed)
    assert shelf.content(good) == shelf.content(same) == png()
    assert shelf.error(other) == shelf.error(direct) == "other is 127.0.0.1, no public address"
    assert "never fetched from" in str(shelf.error(metadata))
    assert server.asked["/1.png"] == 2


def test_a_network_is_allowed_also_after_a_redirect_and_no_other(
    server: PictureServer, shelf: Shelf
) -> None:
    server.picture("/1.png")
    inside = server.on("/in", redirect(server.url("/1.png", "127.0.0.2")))
    outside = server.on("/out", redirect(server.url("/1.png", "127.0.1.1")))
    metadata = server.on("/metadata", redirect("http://169.254.169.254/latest/meta-data"))
    allowed = AllowedAddresses.of([], ["127.0.0.0/24"])
    shelf.fetch(inside, outside, metadata, allowed=allowed)
    assert shelf.content(inside) == png()
    assert shelf.error(outside) == "127.0.1.1 is 127.0.1.1, no public address"
    assert "never fetched from" in str(shelf.error(metadata))


def test_an_allowed_name_that_comes_to_resolve_to_metadata_is_refused(
    server: PictureServer, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(["127.0.0.1", "169.254.169.254"])
    monkeypatch.setattr(guarded_transport, "resolve", lambda *_: [next(answers)])
    for path in ("/1.png", "/2.png"):
        server.on(path, lambda request: request.reply(200, png(), {"Connection": "close"}))
    first, second = server.url("/1.png", "pim"), server.url("/2.png", "pim")
    allowed = AllowedAddresses.of(["pim"], [])
    shelf.fetch(first, allowed=allowed)
    shelf.fetch(second, allowed=allowed)
    assert shelf.content(first) == png()
    assert "never fetched from" in str(shelf.error(second))
    assert not server.asked["/2.png"]


@pytest.mark.usefixtures("only_127_0_0_1_is_public")
def test_a_name_that_resolves_differently_the_second_time_gains_nothing(
    server: PictureServer, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected: list[str] = []
    answers = iter(["127.0.0.1", "127.0.0.2", "127.0.0.2"])
    real = socket.create_connection

    def connect(address: tuple[str, int], *rest: Any, **options: Any) -> socket.socket:
        connected.append(address[0])
        return real(address, *rest, **options)

    monkeypatch.setattr(
        guarded_transport, "resolve", lambda host, port: [next(answers)] if host == "evil" else []
    )
    monkeypatch.setattr(socket, "create_connection", connect)
    server.on("/1.png", lambda request: request.reply(200, png(), {"Connection": "close"}))
    server.on("/2.png", lambda request: request.reply(200, png(), {"Connection": "close"}))
    first, second = server.url("/1.png", "evil"), server.url("/2.png", "evil")
    shelf.fetch(first, allowed=NOTHING)
    shelf.fetch(second, allowed=NOTHING)
    assert shelf.content(first) == png()
    assert server.headers_of["/1.png"]["Host"] == f"evil:{server.port}"
    assert shelf.error(second) == "evil is 127.0.0.2, no public address"
    assert connected == ["127.0.0.1"]


@pytest.mark.usefixtures("only_127_0_0_1_is_public")
def test_a_host_with_public_and_private_addresses_is_reached_at_the_public_one(
    server: PictureServer, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarded_transport, "resolve", lambda *_: ["127.0.0.3", "127.0.0.1"])
    server.picture("/1.png")
    url = server.url("/1.png", "two")
    shelf.fetch(url, allowed=NOTHING)
    assert shelf.content(url) == png()


def test_no_credentials_and_no_cookies_are_sent(server: PictureServer, shelf: Shelf) -> None:
    server.on("/a", lambda r: r.reply(302, headers={"Location": "/b", "Set-Cookie": "k=v; Path=/"}))
    server.picture("/b")
    url = server.url("/a", "user:secret@127.0.0.1")
    shelf.fetch(url)
    assert shelf.content(url) == png()
    for path in ("/a", "/b"):
        assert not {"authorization", "cookie"} & {n.lower() for n in server.headers_of[path]}


def test_proxies_of_the_environment_are_not_used(
    server: PictureServer, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert shelf.fetch(server.picture("/1.png")).fetched == 1


def test_asking_again_transfers_only_what_has_changed(server: PictureServer, shelf: Shelf) -> None:
    version = [1]

    def marked(request: Request) -> None:
        mark = f'"{version[0]}"'
        if request.headers.get("If-None-Match") == mark:
            request.reply(304, headers={"Content-Length": "0"})
        else:
            request.reply(200, png(version[0]), {"ETag": mark})

    def dated(request: Request) -> None:
        date = "Wed, 21 Oct 2015 07:28:00 GMT"
        same = request.headers.get("If-Modified-Since") == date
        request.reply(304 if same else 200, b"" if same else png(9), {"Last-Modified": date})

    url, other = server.on("/x", marked), server.on("/y", dated)
    assert shelf.fetch(url, other).fetched == 2
    assert shelf.fetch(url, other, refetch=True) == FetchCounts(kept=2)
    version[0] = 2
    assert shelf.fetch(url, refetch=True).fetched == 1
    assert shelf.content(url) == png(2)
    server.on("/x", lambda request: request.reply(503))
    shelf.fetch(url, refetch=True)
    assert shelf.content(url) == png(2)


def test_headers_that_no_library_expects_cost_their_picture_only(
    server: PictureServer, shelf: Shelf
) -> None:
    wait = server.on("/wait", lambda r: r.reply(503, headers={"Retry-After": "\xb2"}))
    long = server.on("/long", lambda r: r.reply(200, png(1), {"Content-Length": "\xb2"}))
    mark = server.on("/mark", lambda r: r.reply(200, png(2), {"ETag": '\xb2\xff"'}))
    good = server.picture("/good.png", 3)
    assert shelf.fetch(wait, long, mark, good).fetched >= 2
    assert shelf.content(good) == png(3)
    assert shelf.content(mark) == png(2)
    assert shelf.fetch(mark, good, refetch=True).failed == 0


def test_a_host_gets_only_so_many_requests_at_a_time(server: PictureServer, shelf: Shelf) -> None:
    together = threading.Barrier(3)

    def answer(request: Request) -> None:
        together.wait()  # three are under way at once, or this never ends
        request.reply(200, png())

    urls = [server.on(f"/{number}", answer) for number in range(18)]
    assert shelf.fetch(*urls, per_host=3).fetched == 18
    assert server.most_under_way == 3


def test_a_host_that_never_answers_does_not_hold_up_the_others(
    server: PictureServer, shelf: Shelf
) -> None:
    dead = [f"http://127.0.0.1:1/{number}.png" for number in range(200)]
    good = [server.picture(f"/{n}.png", n).replace("127.0.0.1", "localhost") for n in range(5)]
    counts = shelf.fetch(*dead, *good, tries=1)
    assert (counts.fetched, counts.failed) == (5, 200)
    assert shelf.error(dead[-1]) == "the host did not answer many times in a row"
    assert str(shelf.error(dead[0])).startswith("no connection")


@pytest.mark.parametrize(
    "url",
    ["http://", "http:///x.png", "http://[::", "http://a b/", "http://x:99999/", "https://\0/"],
)
def test_a_url_that_is_none_is_a_failure_of_its_own(shelf: Shelf, url: str) -> None:
    assert shelf.fetch(url, tries=1).failed == 1
    assert shelf.error(url)


def test_a_store_that_cannot_be_written_ends_the_run(
    server: PictureServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Shelf(tmp_path / "images")
    (tmp_path / "images" / "incoming").write_text("in the way")
    urls = [server.picture(f"/{number}", number) for number in range(50)]
    with pytest.raises(CatalogError, match="cannot be written"):
        shelf.fetch(*urls)


def test_only_http_is_fetched() -> None:
    assert all(map(is_fetchable, ("http://x", "HTTPS://x", "//x.org/1.png")))
    assert not any(map(is_fetchable, ("ftp://x", "file:///x", "data:,x", "x.png", "/x.png")))


_CHILD = """
import sys
from pathlib import Path
from tests.pictures.test_fetch import Shelf
Shelf(Path(sys.argv[1])).fetch(*sys.argv[2:], per_host=2)
"""


def test_a_run_that_was_killed_goes_on_where_it_was(server: PictureServer, tmp_path: Path) -> None:
    count, answered = 40, 12
    reached, over = threading.Event(), threading.Event()
    numbers = iter(range(count))

    def answer(request: Request) -> None:
        if next(numbers, count) >= answered and not over.is_set():
            reached.set()
            over.wait()
        request.reply(200, png(int(request.path[1:])))

    urls = [server.on(f"/{number}", answer) for number in range(count)]
    command = [sys.executable, "-c", _CHILD, str(tmp_path / "images"), *urls]
    child = subprocess.Popen(command, cwd=Path(__file__).parent.parent.parent)
    reached.wait()
    child.send_signal(signal.SIGKILL)
    child.wait()
    over.set()

    shelf = Shelf(tmp_path / "images")
    known = {url for url in urls if shelf.index.url(url)}
    assert answered - 2 < len(known) <= answered  # two at a time: one may be between
    counts = shelf.fetch(*urls)
    assert counts.fetched == count - len(known)
    assert [shelf.content(url) for url in urls] == [png(number) for number in range(count)]
    assert all(server.asked[url.removeprefix(server.url(""))] == 1 for url in known)


def test_an_interrupted_run_ends_its_workers(server: PictureServer, shelf: Shelf) -> None:
    def urls() -> Iterator[str]:
        for number in range(10):
            yield server.picture(f"/{number}", number)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ImageFetcher(shelf.store, shelf.index, SETTINGS).fetch(urls())
    for thread in threading.enumerate():
        if thread.name == "k3m-kg-fetch":
            thread.join()  # a worker that goes on for ever holds this test up


def test_an_interrupted_run_keeps_the_connections_that_are_read(
    server: PictureServer, shelf: Shelf
) -> None:
    asked, over = threading.Event(), threading.Event()

    def answer(request: Request) -> None:
        asked.set()
        over.wait()
        request.reply(200, png(1))

    url = server.on("/1", answer)

    def urls() -> Iterator[str]:
        yield url
        asked.wait()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ImageFetcher(shelf.store, shelf.index, SETTINGS).fetch(urls())
    over.set()
    for thread in threading.enumerate():
        if thread.name == "k3m-kg-fetch":
            thread.join()
    assert shelf.content(url) == png(1)


def test_the_index_of_a_dry_run_is_a_copy(tmp_path: Path) -> None:
    real = Shelf(tmp_path / "images")
    real.index.set_url("http://x/1", Origin(error="HTTP 404"))
    rehearsal = ContentStore(tmp_path / "images", scratch=tmp_path / "scratch")
    with PictureIndex(rehearsal) as copy:
        assert copy.url("http://x/1") == Origin(error="HTTP 404")
        copy.set_url("http://x/2", Origin(error="HTTP 404"))
    assert real.index.url("http://x/2") is None


def test_an_index_that_is_none_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "index.db").write_text("no database, but long enough to be read" * 50)
    with pytest.raises(CatalogError, match="index of the image store"):
        PictureIndex(ContentStore(tmp_path / "images"))
