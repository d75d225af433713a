"""What a server is told: where it listens, who may do what, and its limits."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from k3m_kg.errors import UsageError, unknown_name
from k3m_kg.serve.guard.roles import Role

SHORTEST_TOKEN = 16
"""Characters: nobody guesses that many letters and digits over a network."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A secret, and what who knows it may do."""

    role: Role
    secret: str


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """How the application serves.

    Attributes:
        host, port: where it listens.
        tokens: who knows one of these may come in; without any, everybody who can reach the
            server may do everything, and so it must be loopback.
        allowed_hosts: names that requests may call the server by, besides addresses, `localhost`
            and `host`.
        user: the name of who is here where no token is asked for.
        https: whether people reach it by TLS, as behind a proxy: cookies are then sent so only.
        max_body, max_upload: bytes of a request, and of one that brings files.
        max_bodies: bytes of all requests together that are not answered yet.
        query_seconds, query_rows, queries_at_once: bounds of SPARQL.
        shown_nodes: the most that a drawn neighbourhood holds.
        model_queue: questions that may wait for the model; beyond that a request is turned away.
        snapshot, device: as in `k3m-kg complete`.
        vectors, pairs: as in `k3m-kg match`.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    tokens: tuple[AccessToken, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    user: str = "local"
    https: bool = False
    max_body: int = 1 << 20
    max_upload: int = 16 << 20
    max_bodies: int = 256 << 20
    query_seconds: float = 10.0
    query_rows: int = 1000
    queries_at_once: int = 2
    shown_nodes: int = 300
    model_queue: int = 4096
    snapshot: Path | None = None
    vectors: Path | None = None
    pairs: Path | None = None
    device: str = "auto"

    def check(self) -> None:
        """Refuse what would not be safe.

        Raises:
            UsageError: another host than loopback without a token, or a token that is guessed.
        """
        if not is_loopback(self.host) and not self.tokens:
            raise UsageError(
                f"whoever reaches {self.host} could change the graph",
                where="--host",
                hint="give --token ROLE=SECRET, or stay on 127.0.0.1",
            )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches that host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def parse_token(text: str) -> AccessToken:
    """`ROLE=SECRET`, or a secret alone: an admin's.

    Raises:
        UsageError: no such role, or the secret is short or no plain ASCII.
    """
    role, found, secret = text.partition("=")
    if not found:
        role, secret = Role.ADMIN.name.lower(), text
    names = [one.name.lower() for one in Role]
    if role not in names:
        raise UsageError(unknown_name("role", role, names), where="--token")
    if len(secret) < SHORTEST_TOKEN or not (secret.isascii() and secret.isprintable()):
        raise UsageError(
            f"a token has at least {SHORTEST_TOKEN} plain characters",
            where="--token",
            hint="python -c 'import secrets; print(secrets.token_urlsafe())' makes one",
        )
    return AccessToken(Role[role.upper()], secret)
