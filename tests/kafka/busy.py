"""An installation with one of each part, and clients who see to it that everything happens that the dashboard shows."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import orjson
from aiokafka import AIOKafkaProducer

from tests.faults.engines import FOLDER, NAME
from tests.faults.load import SOON_HOURS, WORDS, at_work
from tests.http.conftest import start_gateway
from tests.http.sse import EventStream
from tests.kafka.installation import Installation
from tests.kafka.processes import PATIENCE
from tests.kafka.receiver import Receiver
from tests.kafka.zygote import ROOT

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="
TENANTS, FORMATS = ("acme", "globex", "initech"), ("wav", "flac", "opus")
SETTINGS = {
    "PYTHONPATH": str(ROOT),
    "TTS_RETRY_DELAY_SECONDS": "1",
    "TTS_SYNTHESIS_TRIES": "1",
    "TTS_WINDOW_SECONDS": "40",
    "TTS_CLEANUP_INTERVAL_MINUTES": "0.1",
    "TTS_METRICS_TENANTS": str(len(TENANTS)),
    "TTS_WEBHOOK_SECRET": SECRET,
    "TTS_WEBHOOK_ALLOW_NETWORKS": "127.0.0.0/8",
    "TTS_WEBHOOK_RETRY_SECONDS": "2",
}
PARTS = {"worker": "loa-worker", "webhooks": "loa-webhooks", "reconcile": "loa-reconciler"}

FAULTS = {0: "die once", 8: "mute", 24: "mute once"}

Request = dict[str, Any]


@asynccontextmanager
async def busy(
    site: Installation, per_second: float, models: Sequence[str] = ("tone",)
) -> AsyncIterator[Mapping[str, list[str]]]:
    """Clients at work, until the block ends. Yields where the processes tell their metrics, by Prometheus' jobs.

    `per_second`: requests on Kafka; one client more asks over HTTP, at most as often, and waits for each answer.
    """
    asked = {"TTS_MODELS": ",".join((*models, NAME)), FOLDER: str(site.folder)}
    site.more = SETTINGS | asked | dict(site.more)
    await site.create_topics()
    parts = {PARTS[name]: site.run(name) for name in PARTS}
    gateway = start_gateway(site)[1]
    targets = {job: [(await process.ready())["health"]] for job, process in parts.items()} | {"loa-gateway": [gateway]}
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(Receiver(SECRET))
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=gateway, timeout=PATIENCE))
        producer = await stack.enter_async_context(AIOKafkaProducer(bootstrap_servers=site.kafka.bootstrap))
        await stack.enter_async_context(EventStream(gateway).following())

        async def over_kafka(number: int) -> None:
            value = orjson.dumps(request(number, models, receiver.url))
            await producer.send_and_wait(site.topic("requests"), value)

        for work in (over_kafka, lambda number: over_http(number, models[0], client)):
            await stack.enter_async_context(at_work(_again(work, 1 / per_second)))
        yield {job: [address.removeprefix("http://") for address in found] for job, found in targets.items()}


def request(number: int, models: Sequence[str], url: Callable[[str, object], str]) -> Request:
    """The one with a number, of which some are of a kind of their own. `url`: of an endpoint, by what it does."""
    kind = number % 12
    if kind == 5:
        return request(number - 1, models, url)
    chance = random.Random(number)
    words = " ".join(chance.choices(WORDS, k=chance.randint(4, 12)))
    asked: Request = {
        "request_id": f"kafka-{number}",
        "text": f"{words}.",
        "model": chance.choice(models),
        "tenant": chance.choice(TENANTS),
        "format": chance.choice(FORMATS),
    }
    if fault := FAULTS.get(number % 96):
        return asked | {"text": f"Number {number} will {fault}.", "model": "faulty"}
    odd: dict[int, Request] = {
        1: {"voice": "nobody"},
        2: {"priority": "bulk", "text": f"{words}. " * 3},
        3: {"text": f"{words}. " * 8, "model": "tone"},
        4: {"expiry_hours": SOON_HOURS},
        6: {"callback_url": url("ok", number)},
        7: {"callback_url": url("heals" if number % 5 else "gone", number)},
    }
    return asked | odd.get(kind, {})


async def over_http(number: int, model: str, client: httpx.AsyncClient) -> None:
    """A call that waits for its audio, and now and then one that deletes, or asks for what is not there."""
    headers = {"X-Request-ID": f"http-{number}"}
    asked = {"text": f"Call number {number}.", "model": model}
    answer = await client.post("/api/tts/synthesize", json=asked, headers=headers)
    answer.raise_for_status()
    if number % 2:
        (await client.delete(f"/api/tts/audio/{answer.headers['x-file-id']}")).raise_for_status()
    else:
        assert (await client.get("/api/tts/jobs/nobody")).status_code == 404


async def _again(work: Callable[[int], Coroutine[Any, Any, None]], pause: float) -> None:
    """It again and again, with the next number. `pause`: in seconds."""
    for number in itertools.count():
        await work(number)
        await asyncio.sleep(pause)
