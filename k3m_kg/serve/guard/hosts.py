"""By which names a server may be called: no other site's name leads to it (DNS rebinding)."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit


def name_of(host: str) -> str | None:
    """The name or address in a Host header, without its port; None where it is none."""
    try:
        parts = urlsplit(f"//{host}")
        name = parts.hostname
        _ = parts.port
    except ValueError:
        return None
    if name is None or parts.path or parts.query or parts.fragment or parts.username is not None:
        return None
    return name.rstrip(".").lower()


def is_allowed(host: str, allowed: Collection[str]) -> bool:
    """Whether a Host header is ours: a plain address, `localhost`, or one of `allowed`.

    Rebinding takes a name; who calls us by address has not been led here by one.
    """
    name = name_of(host)
    if name is None:
        return False
    if name == "localhost" or name in allowed:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def same_origin(origin: str, host: str) -> bool:
    """Whether an Origin header names the host that the request went to."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()
