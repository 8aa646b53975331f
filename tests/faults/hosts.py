"""Hosts with addresses of their own on one machine: network namespaces on a bridge. Linux, root and iproute2."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Host:
    """`name`: of its namespace; `cable`: what connects it with the bridge."""

    name: str
    address: str
    cable: str

    def command(self, *command: str) -> tuple[str, ...]:
        """What runs a command there."""
        return ("ip", "netns", "exec", self.name, *command)

    def cut_off(self) -> None:
        """Pull its cable: packets vanish, and nobody is told."""
        _ip("link", "set", self.cable, "down")

    def connect(self) -> None:
        _ip("link", "set", self.cable, "up")


def missing() -> str | None:
    """Why there can be no hosts here, if so."""
    if shutil.which("ip") is None:
        return "iproute2 is not installed"
    if os.geteuid() != 0:
        return "network namespaces are made by root only"
    name = f"loa-{os.getpid()}-try"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"network namespaces cannot be made here: {made.stderr.strip()}"
    _ip("netns", "del", name)
    return None


@contextmanager
def hosts(count: int) -> Iterator[tuple[str, list[Host]]]:
    """The address of this machine on the bridge, and so many hosts that reach it and each other."""
    mark = f"loa{os.getpid() % 1_000_000}"
    subnet = f"10.{random.randint(200, 250)}.{random.randint(1, 250)}"
    with ExitStack() as stack:
        bridge = f"{mark}b"
        _ip("link", "add", bridge, "type", "bridge")
        stack.callback(_ip, "link", "del", bridge)
        _ip("address", "add", f"{subnet}.1/24", "dev", bridge)
        _ip("link", "set", bridge, "up")
        found = [Host(f"{mark}-{n}", f"{subnet}.{n + 10}", f"{mark}v{n}") for n in range(count)]
        for host in found:
            _ip("netns", "add", host.name)
            stack.callback(_ip, "netns", "del", host.name)
            _ip("link", "add", host.cable, "type", "veth", "peer", "name", "eth0", "netns", host.name)
            _ip("link", "set", host.cable, "master", bridge, "up")
            _ip("-n", host.name, "address", "add", f"{host.address}/24", "dev", "eth0")
            for device in ("eth0", "lo"):
                _ip("-n", host.name, "link", "set", device, "up")
        yield f"{subnet}.1", found


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=30)
