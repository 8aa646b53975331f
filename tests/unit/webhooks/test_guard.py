"""No webhook connects to an address inside, however it is written, unless a network is allowed by name."""

import ipaddress
import socket

import pytest

from streams.readers.webhooks.guard import AddressError, AddressGuard
from streams.readers.webhooks.sender import Sender

INSIDE = """
127.0.0.1 127.8.9.10 0.0.0.0 10.0.0.1 172.16.0.1 172.31.255.254 192.168.1.1 169.254.169.254 100.64.0.1 192.0.0.1
192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 240.0.0.1 255.255.255.255 :: ::1 fe80::1 fe80::1%eth0 fc00::1
fd00:ec2::254 fec0::1 ff02::1 2001:db8::1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::7f00:1 64:ff9b::a00:1 64:ff9b::808:808
64:ff9b:1::1 2002:7f00:1:: 2002:808:808:: 2001:0:53aa:64c::1 100::1
""".split()  # noqa: SIM905

PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001:800::200e"]

SPELLINGS = [
    "http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://127.1:{port}/", "http://2130706433:{port}/",
    "http://0x7f000001:{port}/", "http://0x7f.1:{port}/", "http://017700000001:{port}/", "http://0:{port}/",
    "http://0.0.0.0:{port}/", "http://[::1]:{port}/", "http://[::]:{port}/", "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/", "http://[::127.0.0.1]:{port}/", "http://[64:ff9b::7f00:1]:{port}/",
    "http://[2002:7f00:1::]:{port}/", "http://[2001:0:7f00:1::]:{port}/", "http://user:pass@127.0.0.1:{port}/",
    "http://127.0.0.1.:{port}/", "http://LOCALHOST:{port}/", "http://①②⑦.⓪.⓪.①:{port}/", "http://rebinding.test:{port}/",
    "http://10.0.0.1:{port}/", "http://192.168.0.1:{port}/", "http://172.16.0.1:{port}/", "http://169.254.169.254/latest",
    "http://[fd00:ec2::254]/latest", "http://[fe80::1]:{port}/", "http://100.64.0.1:{port}/", "http://240.0.0.1:{port}/",
    "ftp://127.0.0.1:{port}/", "file:///etc/passwd", "unix:///tmp/x", "http:///nothing", "not a url",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_refused(address: str) -> None:
    with pytest.raises(AddressError, match="no public address"):
        AddressGuard().check(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_passes(address: str) -> None:
    AddressGuard().check(address)


def test_a_network_that_is_allowed_passes_and_its_neighbours_do_not() -> None:
    guard = AddressGuard([ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd00:1::/32")])
    guard.check("10.1.2.3")
    guard.check("fd00:1::5")
    for address in ("10.2.0.1", "::ffff:10.1.2.3", "127.0.0.1", "fd00:2::1"):
        with pytest.raises(AddressError):
            guard.check(address)


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_no_spelling_of_an_address_inside_is_connected_to(spelling: str, monkeypatch) -> None:
    """A real listener waits for whoever comes; the name that changes its address is looked up as loopback."""
    honest = socket.getaddrinfo

    def looked_up(host, *rest, **more):
        name = host.decode() if isinstance(host, bytes) else host
        return honest("127.0.0.1" if name == "rebinding.test" else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    connected: list[object] = []

    def watch(self: socket.socket, address: object) -> None:
        connected.append(address)

    async with Sender(AddressGuard(), seconds=20) as sender:
        monkeypatch.setattr("asyncio.selector_events.BaseSelectorEventLoop.sock_connect", watch)
        answer = await sender.post(spelling.format(port=9), "id", "{}", [], {})
    assert answer.status is None
    assert answer.detail
    assert connected == []
