"""`loa config` and `loa doctor`: what is set, and whether it works."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer
from aiokafka.errors import KafkaError

from models.engine import ModelError
from storage.errors import StoreError
from storage.opening import is_address
from streams import settings as settings_module
from streams.cli.common import Json, configured, print_rows
from streams.kafka import DEFAULT_BROKERS, admin_client
from streams.parts import open_files, open_registry
from streams.settings import Settings
from streams.topics import Topics

LOW_DISK_BYTES = 1 << 30


def config(as_json: Json = False) -> None:
    """Show every setting with its value and where it comes from; secrets are not shown."""
    rows = settings_module.table(configured())
    print_rows(("name", "value", "source", "description"), rows, as_json=as_json)


def doctor(as_json: Json = False) -> None:
    """Check this deployment: engines, storage, broker, topics; exits 1 if something is wrong."""
    rows = list(_examine(configured()))
    print_rows(("check", "ok", "detail"), rows, as_json=as_json)
    raise typer.Exit(0 if all(row["ok"] for row in rows) else 1)


def _examine(settings: Settings) -> Iterator[dict[str, Any]]:
    yield _row("engines", lambda: _engines(settings))
    yield _row("storage", lambda: _storage(settings))
    yield _row("broker and topics", lambda: asyncio.run(_broker(settings)))


def _row(check: str, look: Callable[[], str]) -> dict[str, Any]:
    try:
        return {"check": check, "ok": True, "detail": look()}
    except (ModelError, StoreError, KafkaError, RuntimeError) as error:
        return {"check": check, "ok": False, "detail": f"{type(error).__name__}: {error}"}


def _engines(settings: Settings) -> str:
    return ", ".join(
        f"{e.name} ({len(e.voices)} voices, {e.revision})" for e in open_registry(settings).engines.values()
    )


def _storage(settings: Settings) -> str:
    open_files(settings).store.close()
    if is_address(settings.storage_dir):
        return f"{settings.storage_dir}: write-once works"
    free = shutil.disk_usage(Path(settings.storage_dir)).free
    if free < LOW_DISK_BYTES:
        raise StoreError(f"{settings.storage_dir}: only {free >> 20} MiB free")
    return f"{settings.storage_dir}: write-once works, {free >> 30} GiB free"


async def _broker(settings: Settings) -> str:
    async with admin_client(settings) as admin:
        complaints = await Topics(settings).compare(admin)
    if complaints:
        raise RuntimeError("; ".join(complaints))
    return f"{settings.kafka_brokers or DEFAULT_BROKERS}: topics as the settings say"
