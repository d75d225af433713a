"""Which network addresses a catalog's URLs may lead to.

The public internet; besides that only the hosts and networks that the user named; and never what
only this machine or its cloud answers at, whatever was named.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from k3m_kg.errors import UsageError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NOT_PUBLIC = tuple(
    map(
        ip_network,
        (
            # IANA IPv4 Special-Purpose Address Registry: what is not globally reachable, or was
            # and is deprecated. Our own table, because that of Python differs between releases.
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private use
            "100.64.0.0/10",  # shared by carriers
            "127.0.0.0/8",  # loopback
            "169.254.0.0/16",  # link-local
            "172.16.0.0/12",  # private use
            "192.0.0.0/24",  # IETF protocol assignments, 192.0.0.8 (dummy) among them
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # deprecated 6to4 relays
            "192.168.0.0/16",  # private use
            "198.18.0.0/15",  # benchmarking
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
            # IANA IPv6 Special-Purpose Address Registry, as far as it lies within 2000::/3.
            "2001::/23",  # IETF protocol assignments: Teredo, benchmarking, ORCHID
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4
            "3fff::/20",  # documentation
        ),
    )
)
_UNICAST = IPv6Network("2000::/3")
"""All global unicast addresses of IPv6: what lies elsewhere (such as fec0::/10) is not public."""
_NAT64 = IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")
_COMPATIBLE = IPv6Network("::/96")
_ISATAP = (0x00005EFE, 0x02005EFE)

_NEVER = tuple(
    map(
        ip_network,
        (
            "169.254.0.0/16",  # link-local, where most clouds have their metadata
            "fe80::/10",  # link-local
            "100.100.100.200/32",  # metadata of Alibaba
            "168.63.129.16/32",  # Azure's host, under an address that looks public
            "192.0.0.192/32",  # metadata of Oracle's older cloud
            "fd00:ec2::/32",  # metadata and other services of AWS
            "fd20:ce::254/128",  # metadata of Google
            "fd00:42::42/128",  # metadata of Scaleway
            "fd00:c1::a9fe:a9fe/128",  # metadata of Oracle
            "0.0.0.0/8",  # connects to this machine without being its name
            "::/128",
            "224.0.0.0/4",  # multicast
            "ff00::/8",
        ),
    )
)


class RefusedAddressError(Exception):
    """The address may not be connected to."""


@dataclass(frozen=True, slots=True)
class AllowedAddresses:
    """What the user allows beside the public internet.

    Attributes:
        hosts: names as URLs write them, in lower case; they may resolve to private addresses.
        networks: private networks, such as 10.1.0.0/16.
    """

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, hosts: list[str], networks: list[str]) -> AllowedAddresses:
        """What `--allow-host` and `--allow-network` say.

        Raises:
            UsageError: one of them is no name or network, or would allow what never is.
        """
        return cls(frozenset(map(_host, hosts)), tuple(map(_network, networks)))

    def refusal(self, host: str, address: str) -> str | None:
        """Why `host` may not be connected to at `address`, or None.

        The address is the one that will be connected to: whoever asks must resolve once only.
        """
        parsed = ip_address(address)
        if is_never_fetched(parsed):
            return f"{host} is {address}, a link-local or metadata address: never fetched from"
        if is_public(address) or _plain(host) in self.hosts:
            return None
        if any(form in network for form in _forms(parsed) for network in self.networks):
            return None
        return f"{host} is {address}, no public address"


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, in the order of the system's resolver.

    Raises:
        OSError: there are none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: str) -> bool:
    """Whether an address is one of the public internet.

    Not what the special-purpose registries of IANA say is not globally reachable, nor multicast,
    nor anything deprecated; IPv6 addresses that stand for an IPv4 address are as that one is.
    """
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address) and parsed not in _UNICAST:
        inner = parsed.ipv4_mapped or (_low(parsed) if parsed in _NAT64 else None)
        return inner is not None and is_public(str(inner))
    return not is_never_fetched(parsed) and not any(parsed in network for network in _NOT_PUBLIC)


def is_never_fetched(address: Address) -> bool:
    """Whether an address is link-local, of a cloud's metadata service, or of no single host.

    Also one of IPv6 that may stand for such an IPv4 address.
    """
    return any(form in network for form in _forms(address) for network in _NEVER)


def _forms(address: Address) -> list[Address]:
    """The address and the IPv4 address that packets to it may be meant for."""
    if isinstance(address, IPv4Address):
        return [address]
    inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    number = int(address)
    within = any(address in network for network in (_NAT64, _NAT64_LOCAL, _COMPATIBLE))
    # ::1 and :: are addresses of their own in the block of IPv4-compatible ones.
    if (within and number > 1) or (number >> 32) & 0xFFFFFFFF in _ISATAP:
        inner.append(_low(address))
    return [address, *filter(None, inner)]


def _low(address: IPv6Address) -> IPv4Address:
    return IPv4Address(int(address) & 0xFFFFFFFF)


def _plain(host: str) -> str:
    return host.lower().rstrip(".").removeprefix("[").removesuffix("]")


def _host(text: str) -> str:
    host = _plain(text.strip())
    try:
        if is_never_fetched(ip_address(host)):
            raise _never(f"--allow-host {text}")
        return host
    except ValueError:
        pass
    if not host.isascii():
        # Written for the network as a URL's host is: Python's own rules make another host of ß.
        import httpx  # 0.3 s, which other ingests have no use for

        try:
            host = httpx.URL(f"http://{host}/").raw_host.decode()
        except (httpx.InvalidURL, UnicodeError):
            host = ""
    labels = host.split(".")
    plain = all(part.isalnum() or part in "-._" for part in host)
    if not plain or not all(0 < len(label) < 64 for label in labels):
        raise UsageError(
            "is no name of a host",
            where=f"--allow-host {text}",
            hint="write it as in the URL, without scheme, port and path: --allow-host pim.intern",
        )
    return host


def _network(text: str) -> Network:
    try:
        network = ip_network(text.strip(), strict=False)
    except ValueError:
        raise UsageError(
            "is no network",
            where=f"--allow-network {text}",
            hint="write it as --allow-network 10.1.0.0/16 or fd12:3456::/32; "
            "a host by its name is --allow-host",
        ) from None
    if any(network.version == other.version and network.subnet_of(other) for other in _NEVER):  # type: ignore[arg-type]
        raise _never(f"--allow-network {text}")
    return network


def _never(where: str) -> UsageError:
    return UsageError(
        "link-local addresses and those of a cloud's metadata are never fetched from", where=where
    )
