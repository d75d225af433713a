"""How politely and how patiently pictures are fetched, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from k3m_kg.pictures.fetch.addresses import AllowedAddresses


@dataclass(frozen=True, slots=True)
class FetchSettings:
    """How pictures are fetched.

    Attributes:
        connections: fetches at a time.
        per_host: fetches from one host at a time.
        max_bytes: a longer picture is refused, as soon as that is known.
        connect_seconds: for a connection to come about.
        read_seconds: without any byte.
        total_seconds: for one request with its answer.
        tries: of what may pass: 429, 5xx, timeouts, broken connections.
        backoff_seconds: before the second try, doubled each time, with jitter.
        longest_wait: a host that asks for more patience (Retry-After) is given up for this run.
        dead_after: a host is given up when so many fetches in a row got no answer from it.
        max_redirects: followed at most.
        allowed: hosts and networks that may be connected to beside the public internet.
        refetch: ask again for what was fetched before, whether it has changed.
    """

    connections: int = 16
    per_host: int = 4
    max_bytes: int = 20 << 20
    connect_seconds: float = 10.0
    read_seconds: float = 20.0
    total_seconds: float = 120.0
    tries: int = 4
    backoff_seconds: float = 1.0
    longest_wait: float = 120.0
    dead_after: int = 10
    max_redirects: int = 5
    allowed: AllowedAddresses = field(default_factory=AllowedAddresses)
    refetch: bool = False


@dataclass(slots=True)
class FetchCounts:
    """What a run fetched.

    Attributes:
        fetched: URLs whose content was stored.
        kept: URLs whose content has not changed, by word of the server.
        failed: URLs without a picture.
        bytes: of the pictures fetched.
    """

    fetched: int = 0
    kept: int = 0
    failed: int = 0
    bytes: int = 0
