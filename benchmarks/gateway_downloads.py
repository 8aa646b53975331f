"""Part b: downloads from the gateway against Starlette's own answers with the same files."""

import os
from collections.abc import Mapping
from itertools import cycle
from pathlib import Path

import aiohttp
from common import Figures, pairs
from http_load import Call, Load, drain, load
from processes import bare_http, loa_environment, loa_gateway, running
from stored import put

from storage.files import AudioFiles
from storage.local import LocalStore
from storage.records import Record
from streams import settings as settings_module
from streams.broker import EmbeddedBroker
from streams.kafka import admin_client
from streams.topics import Topics

NAME = "bench-gateway-b"
CALLERS = 50
SECONDS = 1.5
SIZES = {"200 kB": (200_000, 20), "5 MB": (5_000_000, 4)}
RANGE = {"Range": "bytes=65536-131071"}


async def run(broker: EmbeddedBroker, folder: Path, figures: Figures, rounds: int, quick: bool) -> None:
    """50 callers that fetch audio, against Starlette's FileResponse and StaticFiles."""
    environment = loa_environment(NAME, broker.bootstrap, folder, MODELS="tone")
    settings = settings_module.load(environment)
    async with admin_client(settings) as admin:
        await Topics(settings).create(admin)
    files = AudioFiles(LocalStore(settings.storage_dir))
    stored = {
        size: [put(files, f"{size}-{number}", os.urandom(length)) for number in range(count)]
        for size, (length, count) in SIZES.items()
    }
    files.store.close()
    gateway, bare = loa_gateway(NAME, broker.bootstrap, folder, MODELS="tone"), bare_http(Path(settings.storage_dir))
    async with running(gateway), running(bare):
        await gateway.ready()
        await bare.ready()
        for size, records in stored.items():
            for what in ("whole", "range", "304"):
                ours, theirs = _loa(gateway.said["http"], what, records), _bare(bare.said["http"], what, records)
                await _compare(figures, f"{size}, {what}", (theirs, ours), rounds, 0.5 if quick else SECONDS)


async def _compare(figures: Figures, what: str, calls: tuple[Call, Call], rounds: int, seconds: float) -> None:
    bare_call, loa_call = calls

    async def stint(call: Call) -> Load:
        return await load(call, CALLERS, seconds)

    async for bare, loa in pairs(rounds, lambda _: stint(bare_call), lambda _: stint(loa_call)):
        figures.add(f"b: downloads per second, Loa / Starlette: {what}", loa.rate / bare.rate)
        figures.add(f"b: Loa: {what}", loa.rate, "1/s")
        figures.add(f"b: Starlette: {what}", bare.rate, "1/s")


def _loa(address: object, what: str, records: list[Record]) -> Call:
    urls = [(f"{address}/api/tts/audio/{record.file_id}", f'"{record.sha256}"') for record in records]
    if what == "304":
        return _fetch([(url, {"If-None-Match": etag}) for url, etag in urls], 304)
    return _fetch([(url, RANGE if what == "range" else {}) for url, _ in urls], 206 if what == "range" else 200)


def _bare(address: object, what: str, records: list[Record]) -> Call:
    names = [record.file_path.rpartition("/")[2] for record in records]
    if what != "304":
        headers, status = (RANGE, 206) if what == "range" else ({}, 200)
        return _fetch([(f"{address}/files/{name}", headers) for name in names], status)
    known = {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}
    return _fetch([(f"{address}/static/{name}", known) for name in names], 304)


def _fetch(wanted: list[tuple[str, Mapping[str, str]]], status: int) -> Call:
    """Fetches these in turns."""
    turns = cycle(wanted)

    async def call(session: aiohttp.ClientSession) -> None:
        url, headers = next(turns)
        async with session.get(url, headers=headers) as answer:
            await drain(answer, status)

    return call
