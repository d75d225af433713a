"""An httpx transport for URLs that strangers wrote: only where it may go, and never for ever."""

from __future__ import annotations

import contextlib
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import httpcore
import httpx

from k3m_kg.pictures.fetch.addresses import AllowedAddresses, RefusedAddressError, resolve


class _Deadline(threading.local):
    """When the request of this thread must be over, by the monotonic clock."""

    at: float | None = None

    def remaining(self, timeout: float | None) -> float | None:
        """`timeout`, or what is left where that is less."""
        if self.at is None:
            return timeout
        left = self.at - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("took too long altogether")
        return left if timeout is None else min(left, timeout)


class _Stream(httpcore.NetworkStream):
    """A connection on which each read and write ends with the deadline of its request."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._deadline.remaining(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._deadline.remaining(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = self._deadline.remaining(timeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    """Resolves a host once and connects to the very address that was found fit.

    Names are looked up here and nowhere else, so a name that resolves differently the next time
    gains nothing. The host's name stays in the Host header and in TLS.
    """

    def __init__(self, allowed: AllowedAddresses, deadline: _Deadline) -> None:
        self._allowed = allowed
        self._deadline = deadline
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            found = resolve(host, port)
        except (OSError, UnicodeError):
            raise httpcore.ConnectError("the host's name is not known") from None
        refusals = {address: self._allowed.refusal(host, address) for address in found}
        fit = [address for address, refusal in refusals.items() if refusal is None]
        if not fit:
            raise RefusedAddressError(refusals[found[0]])
        for address in fit[:-1]:
            with contextlib.suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return self._connect(address, port, timeout, local_address, socket_options)
        return self._connect(fit[-1], port, timeout, local_address, socket_options)

    def _connect(
        self,
        address: str,
        port: int,
        timeout: float | None,
        local_address: str | None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None,
    ) -> httpcore.NetworkStream:
        left = self._deadline.remaining(timeout)
        inner = self._inner.connect_tcp(address, port, left, local_address, socket_options)
        return _Stream(inner, self._deadline)


class GuardedTransport(httpx.BaseTransport):
    """HTTP/1.1 to public and allowed addresses, with a deadline for each request as a whole.

    Args:
        connections: kept open at most.
        allowed: what may be connected to beside the public internet.

    A connection to any other address raises `RefusedAddressError`. Proxies of the environment
    are not used: what they connect to could not be checked.
    """

    def __init__(self, connections: int, allowed: AllowedAddresses) -> None:
        self._deadline = _Deadline()
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=15.0,
            network_backend=_Backend(allowed, self._deadline),
        )

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Requests of this thread must be over, body included, within so many seconds."""
        self._deadline.at = time.monotonic() + seconds
        try:
            yield
        finally:
            self._deadline.at = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; redirects are the caller's."""
        assert isinstance(request.stream, httpx.SyncByteStream)
        url = request.url
        with _as_httpx():
            answer = self._pool.handle_request(
                httpcore.Request(
                    method=request.method,
                    url=httpcore.URL(
                        scheme=url.raw_scheme,
                        host=url.raw_host,
                        port=url.port,
                        target=url.raw_path,
                    ),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        assert isinstance(answer.stream, Iterable)
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=_Body(answer.stream),
            extensions=answer.extensions,
        )

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, stream: Iterable[bytes]) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx():
            yield from self._stream

    def close(self) -> None:
        if (close := getattr(self._stream, "close", None)) is not None:
            close()


@contextlib.contextmanager
def _as_httpx() -> Iterator[None]:
    """What can go wrong on the way, by httpx's names."""
    try:
        yield
    except httpcore.ConnectTimeout as error:
        raise httpx.ConnectTimeout(str(error)) from error
    except httpcore.TimeoutException as error:
        raise httpx.ReadTimeout(str(error)) from error
    except httpcore.ConnectError as error:
        raise httpx.ConnectError(str(error)) from error
    except httpcore.NetworkError as error:
        raise httpx.ReadError(str(error)) from error
    except httpcore.UnsupportedProtocol as error:
        raise httpx.UnsupportedProtocol(str(error)) from error
    except httpcore.ProtocolError as error:
        raise httpx.RemoteProtocolError(str(error)) from error
