"""Disks that are full, fail or lie: the worker goes on by itself, and what is damaged is found and made whole."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.parts import open_files
from streams.readers.audit import Scope, audit
from streams.settings import load as load_settings
from tests.faults import injected
from tests.faults.invariants import examine, file_id
from tests.faults.load import tones
from tests.faults.site import Site
from tests.kafka.processes import until

DISK_BYTES = 1 << 20
PATIENT = {"TTS_RETRY_ATTEMPTS": "50", "TTS_SYNTHESIS_TRIES": "2"}


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """A file system of its own, too small for much; False where nobody may mount one."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "loa-faults", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(mount, check=False, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def fail_and_recover(site: Site, begin: Callable[[], None], end: Callable[[], None], **settings: str) -> None:
    """One worker, never restarted, before, during and after the fault."""
    site.more = PATIENT | settings
    worker = await site.worker()
    await site.produce(*tones(5, "before"))
    await site.settled()
    begin()
    await site.produce(*tones(5, "during"))
    await until(lambda: "will be tried again" in worker.said, "a request that has met the fault")
    assert worker.running
    end()
    await site.produce(*tones(5, "after"))
    findings = await site.verify()
    assert len(site.processes) == 1, "nobody had to restart it"
    assert (findings.completed, findings.failed) == (15, 0)


async def test_a_full_disk(site: Site) -> None:
    with small_disk(site.storage) as mounted:
        if not mounted:
            await no_space_by_injection(site)
            return
        ballast = site.storage / "ballast"

        def fill() -> None:
            with ballast.open("wb", buffering=0) as file:
                try:
                    while True:
                        file.write(bytes(1024))
                except OSError as error:
                    assert error.errno == errno.ENOSPC

        await fail_and_recover(site, fill, ballast.unlink)


async def no_space_by_injection(site: Site) -> None:
    await fsync_fails(site, errno.ENOSPC)


async def fsync_fails(site: Site, number: int) -> None:
    active = site.folder / "failing"
    settings = {injected.VARIABLE: "fsync_fails", injected.ERRNO: str(number), injected.WHILE: str(active)}
    await fail_and_recover(site, active.touch, active.unlink, **settings)


async def test_a_disk_that_does_not_sync(site: Site) -> None:
    await fsync_fails(site, errno.EIO)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def tear(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def blank(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


DAMAGES: tuple[tuple[str, Callable[[Path], None]], ...] = (
    ("audio", flip),
    ("audio", tear),
    ("audio", blank),
    ("audio", Path.unlink),
    ("metadata", tear),
    ("metadata", blank),
    ("metadata", Path.unlink),
)


async def audited(site: Site) -> set[str]:
    """Kinds of findings of the product's own audit."""
    settings = load_settings(site.settings)
    files = open_files(settings)
    try:
        report = await audit(settings, files, Scope(grace=0))
    finally:
        files.store.close()
    return {kind.value for kind in report.findings}


async def test_damage_is_found_and_repaired(site: Site) -> None:
    """Bits flipped, files torn, audio without metadata, metadata without audio; each request then comes again."""
    requests = tones(len(DAMAGES) + 3)
    worker = await site.worker()
    await site.produce(*requests)
    await site.settled()
    assert not await audited(site)
    for request, (what, damage) in zip(requests, DAMAGES, strict=False):
        name = file_id(("default", request["request_id"]))
        damage(site.storage / f"{name}.wav" if what == "audio" else site.storage / "metadata" / f"{name}.json")
    problems = examine(await site.evidence()).problems
    assert sum(problem.startswith("B ") for problem in problems) >= len(DAMAGES)
    assert {"audio_missing", "audio_differs", "metadata_missing", "metadata_differs"} <= await audited(site)
    await site.produce(*requests)
    await site.verify(len(DAMAGES))
    assert not await audited(site)
    assert worker.popen.returncode == 0
