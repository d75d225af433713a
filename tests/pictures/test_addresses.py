"""The public internet, what the user names beside it, and what is never fetched from."""

from __future__ import annotations

import pytest

from k3m_kg.errors import UsageError
from k3m_kg.pictures.fetch.addresses import AllowedAddresses, is_public


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.9.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "0.0.0.0", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
        "192.0.2.1", "198.18.0.1", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1",
        "ff02::1", "ff0e::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "2002:7f00:1::", "2002:a00:1::1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a00:1", "2001:0:4136:e378:8000:63bf:80ff:fffe",
        "192.0.0.8", "192.0.0.171", "192.88.99.1", "198.51.100.1", "203.0.113.1", "fec0::1",
        "3fff::1", "3fff:fff::1", "5f00::1", "100::1", "100:0:0:1::1", "2001:2::1", "2001:10::1",
        "64:ff9b:1::808:808", "2002:808:808::1", "::8.8.8.8", "4000::1", "168.63.129.16",
        "100.100.100.200", "fd00:ec2::254",
    ],
)  # fmt: skip
def test_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808",
     "192.0.1.1", "192.88.98.1", "2001:200::1", "3ffe::1"],
)  # fmt: skip
def test_public(address: str) -> None:
    assert is_public(address)


ANYTHING = AllowedAddresses.of(["any"], ["0.0.0.0/0", "::/0"])


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0", "fe80::a9fe:a9fe",
        "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254",
        "fd00:42::42", "fd00:c1::a9fe:a9fe", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a9fe:a9fe", "2002:a9fe:a9fe::1", "::169.254.169.254",
        "fd12::5efe:169.254.169.254", "fd12::200:5efe:169.254.169.254", "0.0.0.0", "::",
    ],
)  # fmt: skip
def test_metadata_and_link_local_addresses_are_never_allowed(address: str) -> None:
    assert "never" in str(ANYTHING.refusal("any", address))


def test_only_what_is_named_is_allowed() -> None:
    allowed = AllowedAddresses.of(["PIM.intern", "10.9.9.9"], ["10.1.2.3/16", "fd12::/32"])
    fine = [("pim.intern", "192.168.0.1"), ("pim.intern.", "::1"), ("x", "10.1.255.1")]
    fine += [("x", "fd12::1"), ("x", "::ffff:10.1.0.1"), ("10.9.9.9", "10.9.9.9"), ("x", "8.8.8.8")]
    assert [allowed.refusal(*one) for one in fine] == [None] * len(fine)
    bad = [("x", "10.2.0.1"), ("other.pim.intern", "192.168.0.1"), ("x", "127.0.0.1")]
    assert all("no public address" in str(allowed.refusal(*one)) for one in bad)


@pytest.mark.parametrize("host", ["", "http://pim", "pim:80", "pim/x", "10.0.0.0/8", "a b", "a..b"])
def test_a_host_that_is_none_is_refused(host: str) -> None:
    with pytest.raises(UsageError, match="is no name of a host"):
        AllowedAddresses.of([host], [])


@pytest.mark.parametrize("network", ["", "pim.intern", "10.0.0.0/33", "10.0.0.0-10.1.0.0"])
def test_a_network_that_is_none_is_refused(network: str) -> None:
    with pytest.raises(UsageError, match="is no network"):
        AllowedAddresses.of([], [network])


@pytest.mark.parametrize("what", ["169.254.169.254", "169.254.0.0/16", "fe80::/64"])
def test_allowing_what_never_is_allowed_is_an_error(what: str) -> None:
    with pytest.raises(UsageError, match="never"):
        AllowedAddresses.of([], [what])
    if "/" not in what:
        with pytest.raises(UsageError, match="never"):
            AllowedAddresses.of([what], [])
