"""One URL asked for a picture: what may be asked, what may be answered, what is kept."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from k3m_kg.pictures.checker import looks_like_picture
from k3m_kg.pictures.content_store import ContentStore, TooLargeError
from k3m_kg.pictures.fetch.addresses import RefusedAddressError
from k3m_kg.pictures.fetch.settings import FetchSettings
from k3m_kg.pictures.index import Origin

_TEMPORARY = frozenset((408, 425, 429, 500, 502, 503, 504))
_UNTYPED = frozenset(("", "application/octet-stream", "binary/octet-stream"))
_HEAD_BYTES = 16
_LONGEST_REASON, _LONGEST_MARK = 100, 1000
"""Characters that are kept of what a server may send at any length."""


class RetryError(Exception):
    """A failure that may pass."""

    def __init__(self, why: str, *, wait: float | None = None, answered: bool = True) -> None:
        super().__init__(why)
        self.wait = wait
        self.answered = answered


class FailureError(Exception):
    """A failure that stays."""


class PictureRequests:
    """Asks for pictures and stores what comes."""

    def __init__(self, client: httpx.Client, store: ContentStore, settings: FetchSettings) -> None:
        self._client = client
        self._store = store
        self._settings = settings

    def get(self, url: str, known: Origin | None) -> tuple[Origin, int]:
        """The picture at a URL, stored, and its bytes; `known` itself if it has not changed.

        Args:
            known: what the store has of this URL, to be asked for only if it has changed.

        Raises:
            RetryError, FailureError: there is none, for now or for good.
            CatalogError: the image store cannot be written.
        """
        target = _url(_absolute(url))
        for hop in range(self._settings.max_redirects + 1):
            headers = _conditions(known) if hop == 0 else {}
            request = self._client.build_request("GET", target, headers=headers)
            with _network_errors():
                response = self._client.send(request, stream=True)
            try:
                if response.status_code == 304 and headers and known is not None:
                    return known, 0
                if response.has_redirect_location:
                    target = _redirected(target, response)
                    continue
                return self._keep(response, direct=hop == 0)
            finally:
                response.close()
        raise FailureError(f"more than {self._settings.max_redirects} redirects")

    def _keep(self, response: httpx.Response, *, direct: bool) -> tuple[Origin, int]:
        """Store the body of an answer that has a picture."""
        _check_status(response)
        limit = self._settings.max_bytes
        too_large = FailureError(f"larger than {limit:,} bytes")
        if (
            length := _number(response.headers.get("Content-Length"))
        ) is not None and length > limit:
            raise too_large
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise FailureError("sent with a Content-Encoding that was not asked for")
        try:
            stored = self._store.add(_picture(response), limit)
        except TooLargeError:
            raise too_large from None
        if not direct:  # the marks are those of another URL
            return Origin(stored.digest), stored.size
        etag, modified = (_mark(response.headers.get(n)) for n in ("ETag", "Last-Modified"))
        return Origin(stored.digest, etag=etag, last_modified=modified), stored.size


def host_of(url: str) -> str:
    """The host of a URL; empty where it has none."""
    try:
        return httpx.URL(_absolute(url)).host
    except (httpx.InvalidURL, ValueError):
        return ""


def _absolute(url: str) -> str:
    return f"https:{url}" if url.startswith("//") else url


def _url(text: str) -> httpx.URL:
    """A URL that may be asked: http or https, without credentials.

    Raises:
        FailureError: it is none.
    """
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        raise FailureError("no valid URL") from None
    if url.scheme not in ("http", "https"):
        raise FailureError(f"redirects to {url.scheme or 'no scheme'}, not http or https")
    if not url.host:
        raise FailureError("no host in the URL")
    return url.copy_with(username=None, password=None, fragment=None)


def _redirected(url: httpx.URL, response: httpx.Response) -> httpx.URL:
    try:
        target = str(url.join(response.headers["Location"]))
    except (httpx.InvalidURL, ValueError):
        raise FailureError("redirects to no valid URL") from None
    return _url(target)


def _conditions(known: Origin | None) -> dict[str, str]:
    if known is None:
        return {}
    marks = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
    return {name: mark for name, found in marks.items() if (mark := _mark(found))}


def _mark(text: str | None) -> str | None:
    """What a server says of its picture's state, if it may be sent back as a header."""
    fits = text and text.isascii() and text.isprintable() and len(text) <= _LONGEST_MARK
    return text if fits else None


def _number(text: str | None) -> int | None:
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def _check_status(response: httpx.Response) -> None:
    status = response.status_code
    if status == 200:
        return
    reason = f"HTTP {status} {response.reason_phrase[:_LONGEST_REASON]}".strip()
    if status in _TEMPORARY:
        raise RetryError(reason, wait=_retry_after(response.headers.get("Retry-After")))
    raise FailureError(reason)


def _retry_after(value: str | None) -> float | None:
    """Seconds of a Retry-After header, which may be a number or a date."""
    if not value:
        return None
    if (seconds := _number(value)) is not None:
        return float(seconds)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def _picture(response: httpx.Response) -> Iterator[bytes]:
    """The body, if its type or its first bytes are those of a picture."""
    type_ = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if not type_.startswith("image/") and type_ not in _UNTYPED:
        raise FailureError(f"{type_[:80]} is no picture")
    with _network_errors():
        chunks = response.iter_raw()
        head = b""
        while len(head) < _HEAD_BYTES and (chunk := next(chunks, b"")):
            head += chunk
        if not head:
            raise FailureError("the answer is empty")
        if type_ in _UNTYPED and not looks_like_picture(head):
            raise FailureError("not a picture in a format that is read")
        yield head
        yield from chunks


@contextmanager
def _network_errors() -> Iterator[None]:
    """From what goes wrong on the network to a failure that may pass or stays."""
    try:
        yield
    except RefusedAddressError as error:
        raise FailureError(str(error)) from None
    except (httpx.UnsupportedProtocol, httpx.LocalProtocolError):
        raise FailureError("no valid URL") from None
    except (httpx.ConnectTimeout, httpx.ConnectError) as error:
        why = f"no connection: {error or type(error).__name__}"
        raise RetryError(why, answered=False) from None
    except httpx.TimeoutException as error:
        raise RetryError(f"timeout: {error or 'no answer'}", answered=False) from None
    except httpx.TransportError as error:
        raise RetryError(f"broken off: {error or type(error).__name__}") from None
