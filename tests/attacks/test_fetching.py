"""Hostile servers, URLs and archives: a picture or a reason, within the limits, and nothing else.

The fetcher runs in a worker, with the kernel's limit of memory. Names lead to addresses of a table,
and each connection to the one server of this test, which notes what it was asked.
"""

from __future__ import annotations

import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from k3m_kg.workers.limits import Limits
from k3m_kg.workers.process import Task, working
from tests.processes import HANG

from .counts import START, count
from .fetch_inputs import ALLOWED_NETWORKS, answer

FETCHES, ARCHIVES = count(in_ci=60), count(in_ci=20)
MEMORY = 400 << 20
NEVER = [ip_network(text) for text in ("169.254.0.0/16", "fe80::/10", "100.100.100.200/32",
         "fd00:ec2::/32", "0.0.0.0/32", "::/128")]  # fmt: skip
HEADERS = {b"host", b"accept", b"accept-encoding", b"connection", b"user-agent"}


class Server(socketserver.ThreadingTCPServer):
    """Says what the number in the path asks for."""

    daemon_threads = allow_reuse_address = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.asked: list[bytes] = []

    def handle_error(self, *_: object) -> None:
        pass


class Request(socketserver.StreamRequestHandler):
    server: Server
    timeout = 60

    def handle(self) -> None:
        with suppress(OSError):
            head = self.rfile.read(1)
            if head != b"G":  # a handshake of TLS
                return
            while not head.endswith(b"\r\n\r\n") and (line := self.rfile.readline(1 << 16)):
                head += line
            self.server.asked.append(head)
            digits = head[5:].split(b" ")[0].partition(b"/")[0]
            number = int(b"0" + bytes(c for c in digits[:12] if c in b"0123456789"))
            self.wfile.write(answer(number))


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


def messages(name: str, arguments: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    task = Task("tests.attacks.fetching", name, arguments, what="the attack", where="here")
    begun = -1
    try:
        with working(task, Limits(HANG, MEMORY)) as answers:
            for kind, content in answers:
                answers.renew()
                begun = content if kind == "begun" else begun
                yield kind, content
    except Exception as error:
        raise AssertionError(f"from number {begun} on: {error}") from error


def may_be_reached(host: str, address: str) -> bool:
    """By Python's own tables and the few rules of these attacks."""
    found: IPv4Address | IPv6Address = ip_address(address)
    if isinstance(found, IPv6Address):
        found = found.ipv4_mapped or found
    if any(found in network for network in NEVER):
        return False
    named = host.lower().rstrip(".") in ("pim.intern", "xn--strae-oqa.intern")
    networks = map(ip_network, ALLOWED_NETWORKS)
    return found.is_global or named or any(found in network for network in networks)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel enforces no limit of memory here")
def test_fetching_is_bounded_and_stays_where_it_may_go(server: Server, tmp_path: Path) -> None:
    port = server.server_address[1]
    arguments = {"port": port, "folder": str(tmp_path), "first": START, "count": FETCHES}
    tried = kept = 0
    for kind, content in messages("fetch_attacks", arguments):
        if kind != "batch":
            continue
        urls, errors, connections, pictures = content
        tried, kept = tried + urls, kept + pictures
        assert all(0 < len(error) <= 400 and "\n" not in error for error in errors), errors
        reached = [one for one in connections if not may_be_reached(*one)]
        assert reached == []
    assert tried == FETCHES
    assert kept
    for head in server.asked:
        lines = head.split(b"\r\n")
        assert lines[0].endswith(b" HTTP/1.1"), head
        names = [line.partition(b":")[0].lower() for line in lines[1:-2]]
        assert len(names) == len(set(names))
        assert set(names) <= HEADERS, head
        assert b"secret" not in head


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel enforces no limit of memory here")
def test_archives_are_read_or_refused(tmp_path: Path) -> None:
    arguments = {"folder": str(tmp_path), "first": START, "count": ARCHIVES}
    ends = [c for kind, c in messages("open_archives", arguments) if kind == "done"]
    assert len(ends) == ARCHIVES
    assert any(isinstance(end, int) and end for end in ends)
    assert all(isinstance(end, int) or 0 < len(end) < 2_000 for end in ends)
