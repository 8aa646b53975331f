"""Deliveries in hand: each waits for its time and its endpoint, none for another."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

import structlog

from streams import logs, traces
from streams.events import WebhookDelivery
from streams.kafka import EventWriter
from streams.metrics import declared
from streams.metrics.registry import Metrics
from streams.readers.webhooks.attempts import after, ended
from streams.readers.webhooks.endpoints import Endpoints
from streams.readers.webhooks.sender import Sender
from streams.settings import Settings
from streams.traces import Span, Value

AT_ONCE = 4
"""Attempts at one endpoint at a time: one that hangs holds so many connections and no more."""

HELD_SECONDS = 600.0

log = structlog.get_logger(__name__)


@dataclass(eq=False)
class Held:
    """A delivery in hand. `done`: what became of it is written. `since`: monotonic seconds. `sending`: being posted."""

    delivery: WebhookDelivery
    done: Callable[[], None]
    headers: Mapping[str, bytes]
    since: float = field(default_factory=time.monotonic)
    sending: bool = False
    task: "asyncio.Task[None] | None" = None


class Hand:
    """Makes the attempts. `failure`: set when the log cannot be written; the process must end, and all comes again."""

    def __init__(
        self, settings: Settings, endpoints: Endpoints, sender: Sender, writer: EventWriter, metrics: Metrics
    ) -> None:
        self.failure: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._settings = settings
        self._endpoints = endpoints
        self._sender = sender
        self._writer = writer
        self._metrics = metrics
        for result in ("taken", "refused", "gone"):
            metrics.count(declared.ATTEMPTS, 0, result=result)
        for state in ("delivered", "gone", "given_up"):
            metrics.count(declared.DELIVERIES, 0, state=state)
        self._held: set[Held] = set()
        self._slots: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(AT_ONCE))
        self._counts: Counter[str] = Counter()
        self._gone: set[str] = set()

    def __len__(self) -> int:
        return len(self._held)

    def trouble(self) -> str | None:
        """Why nothing more is told, if so."""
        return self.failure.result() if self.failure.done() else None

    def take(self, delivery: WebhookDelivery, done: Callable[[], None], headers: Mapping[str, bytes]) -> None:
        """Deliver it when it is due; `done` is called once what became of it is in the log.

        `headers`: of its record, which say of which trace it is.
        """
        held = Held(delivery, done, headers)
        self._held.add(held)
        self._counts[delivery.url] += 1
        held.task = asyncio.create_task(self._deliver(held))
        held.task.add_done_callback(lambda task: self._ended(held, task))

    async def move_on(self) -> None:
        """Write to the end of the topic what has waited for long, so that what was done behind it can be committed."""
        long = [h for h in self._held if not h.sending and time.monotonic() - h.since > HELD_SECONDS]
        for held in long:
            if held.task is not None:
                held.task.cancel()
        await asyncio.gather(*(self._writer.emit(held.delivery, held.headers) for held in long))
        for held in long:
            held.done()

    async def drop(self) -> None:
        """Forget all: it is somebody else's now, or comes again."""
        tasks = [held.task for held in self._held if held.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _deliver(self, held: Held) -> None:
        delivery = held.delivery
        await asyncio.sleep(max(0.0, (delivery.not_before - datetime.now(UTC)).total_seconds()))
        async with self._slots[delivery.url]:
            held.sending = True
            with (
                traces.span("POST webhook", "client", _about(delivery), held.headers) as span,
                logs.about(delivery.request_id, delivery.tenant, span.headers),
            ):
                following = await self._attempt(delivery, span)
            await self._writer.emit(following, held.headers)
            held.done()
            self._count(following)

    async def _attempt(self, delivery: WebhookDelivery, span: Span) -> WebhookDelivery:
        signers = self._endpoints.signers(delivery.endpoint)
        if delivery.url in self._gone or not signers or delivery.body is None:
            return ended(delivery, "gone", "the endpoint said 410 before" if signers else "no such endpoint any more")
        began = time.monotonic()
        answer = await self._sender.post(delivery.url, delivery.id, delivery.body, signers, span.headers)
        self._metrics.observe(declared.ATTEMPT_SECONDS, time.monotonic() - began)
        self._metrics.count(declared.ATTEMPTS, result=answer.result)
        if answer.status is not None:
            span.set({"http.response.status_code": answer.status})
        if not answer.taken:
            span.fail(str(answer.status or "no_answer"), answer.detail)
        if answer.gone:
            log.warning("a webhook wants nothing any more", endpoint=delivery.endpoint, url=delivery.url)
            self._gone.add(delivery.url)
        elif not answer.taken:
            log.info("a webhook was not taken", endpoint=delivery.endpoint, id=delivery.id, why=answer.detail)
        return after(delivery, answer, self._settings)

    def _count(self, told: WebhookDelivery) -> None:
        if told.state != "due":
            self._metrics.count(declared.DELIVERIES, state=told.state)
        if told.state == "delivered":
            self._metrics.observe(declared.DELIVERY_SECONDS, (datetime.now(UTC) - told.first).total_seconds())

    def _ended(self, held: Held, task: "asyncio.Task[None]") -> None:
        self._held.discard(held)
        error = None if task.cancelled() else task.exception()
        if error is not None and not self.failure.done():
            self.failure.set_result(f"what became of a webhook could not be written: {error!r}")
        self._counts[held.delivery.url] -= 1
        if not self._counts[held.delivery.url]:
            del self._counts[held.delivery.url]
            self._slots.pop(held.delivery.url, None)


def _about(delivery: WebhookDelivery) -> dict[str, Value]:
    """What its span says: not the path of its URL, in which secrets of others may be."""
    where = urlsplit(delivery.url)
    return {
        "http.request.method": "POST",
        "http.request.resend_count": delivery.attempt - 1,
        "server.address": where.hostname or "",
        "server.port": where.port or (443 if where.scheme == "https" else 80),
        "loa.webhook.id": delivery.id,
        "loa.webhook.endpoint": delivery.endpoint,
        "loa.request_id": delivery.request_id or "",
        "loa.tenant": delivery.tenant or "",
    }
