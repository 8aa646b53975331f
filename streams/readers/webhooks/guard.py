"""Which addresses a webhook may connect to: none inside a network of ours, whatever the name in its URL says.

The check is made on the address that is about to be connected to, after all names were looked up: a name that gives
another address the second time, a decimal or hexadecimal one, and a literal all come to the same door.
"""

import ipaddress
import socket
from collections.abc import Sequence
from typing import Any

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# IPv6 ranges in which an IPv4 address hides: mapped and compatible (RFC 4291), NAT64 (RFC 6052, RFC 8215), 6to4
# (RFC 3056), Teredo (RFC 4380), ISATAP needs no entry: its prefix tells.
EMBEDDING = tuple(
    map(ipaddress.ip_network, ("::ffff:0:0/96", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))
)


class AddressError(OSError):
    """An address is not for webhooks; the message names it."""


class AddressGuard:
    """Lets only public addresses pass, and those of the networks that are `allowed`."""

    def __init__(self, allowed: Sequence[Network] = ()) -> None:
        self._allowed = tuple(allowed)

    def check(self, address: str) -> None:
        """Raises AddressError for an address that is private, reserved, or hides another one."""
        ip = ipaddress.ip_address(address.partition("%")[0])
        if any(ip in network for network in self._allowed):
            return
        if not ip.is_global or ip.is_multicast or ip.is_reserved or _site_local(ip) or _embeds(ip):
            raise AddressError(f"{ip} is no public address; TTS_WEBHOOK_ALLOW_NETWORKS does not list it")

    def socket(self, info: tuple[Any, ...]) -> socket.socket:
        """A socket for an entry of `getaddrinfo`, made just before it is connected. Raises AddressError."""
        family, kind, protocol, _, address = info
        self.check(address[0])
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made


def _site_local(ip: Address) -> bool:
    return isinstance(ip, ipaddress.IPv6Address) and ip.is_site_local


def _embeds(ip: Address) -> bool:
    return any(ip in network for network in EMBEDDING)
