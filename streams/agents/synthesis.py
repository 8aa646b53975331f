"""The synthesis agent's story: each request ends in one durable file and `tts.completed`, or in `tts.failed`."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from storage.records import Failure, Record, Stored
from streams import logs, traces
from streams.agents import outcomes
from streams.agents.delivery import Delivery
from streams.agents.job import Job
from streams.agents.making import Maker
from streams.agents.reusing import Reusing
from streams.crash import crash_point
from streams.errors import ErrorCode, RequestError
from streams.events import SynthesisFailed, SynthesisProgressed
from streams.headers import again
from streams.kafka import EventWriter
from streams.metrics import declared
from streams.metrics.worker import WorkerMetrics
from streams.quotas import Quotas
from streams.requests import DEFAULT_TENANT, SynthesisRequested
from streams.routes import in_pool
from streams.settings import Settings
from streams.traces import Span, Value

log = structlog.get_logger(__name__)


class Synthesis:
    """Answers requests. Every method returns when what it says is written, and raises KafkaError if it cannot be."""

    def __init__(
        self,
        settings: Settings,
        maker: Maker,
        writer: EventWriter,
        worker: str,
        metrics: WorkerMetrics,
        *,
        quotas: Quotas,
        reusing: Reusing,
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._maker = maker
        self._quotas = quotas
        self._reusing = reusing
        self._writer = writer
        self._worker = worker

    async def ready(self) -> None:
        """Return once it is known what may be spoken, and what was."""
        await self._quotas.read.wait()
        await self._reusing.ready()

    async def answer(self, job: Job) -> None:
        """One request from its record to its outcome."""
        with self._working(job.first, job.request_id, job.request.tenant_id) as span:
            try:
                found, audio = await self._fulfil(job)
            except RequestError as error:
                span.fail(error.code, error.message)
                await self._fail(job.close(), error, job)
            else:
                await self._tell(job, found, audio)
            for repeat in job.deliveries[1:]:
                span.link(repeat.headers)

    async def refuse(self, delivery: Delivery, error: RequestError) -> None:
        """A record that could not be understood, to its outcome."""
        request_id = error.echo.get("request_id") or delivery.origin
        with self._working(delivery, request_id, error.echo.get("tenant") or DEFAULT_TENANT) as span:
            span.fail(error.code, error.message)
            await self._fail([delivery], error)

    async def move(self, delivery: Delivery, request: SynthesisRequested) -> None:
        """Out of the way of others: to the lane of requests that may wait."""
        with self._working(delivery, request.request_id or delivery.origin, request.tenant_id):
            await self._copy("requests.bulk", delivery, delivery.attempt, None)
        self._metrics.count(declared.MOVED, to="bulk")

    async def route(self, delivery: Delivery, request: SynthesisRequested, part: str, pool: str) -> None:
        """To the pool that speaks its model, where it is not moved again."""
        with self._working(delivery, request.request_id or delivery.origin, request.tenant_id):
            headers = again(delivery.raw_headers, delivery.origin, delivery.attempt, delivery.since, routed=True)
            await self._writer.write(in_pool(part, pool), delivery.key, delivery.value, headers)
            crash_point("routed")
            delivery.done()
        self._metrics.count(declared.MOVED, to="pool")

    @contextmanager
    def _working(self, delivery: Delivery, request_id: str, tenant: str) -> Iterator[Span]:
        """What is done for a record within the block: its span, from when the broker took it, and what logs name."""
        about: dict[str, Value] = {
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.partition.id": str(delivery.partition),
            "messaging.kafka.offset": delivery.offset,
            "messaging.consumer.group.name": self._settings.kafka_group,
            "loa.request_id": request_id,
            "loa.tenant": tenant,
            "loa.attempt": delivery.attempt,
            "loa.worker": self._worker,
        }
        topic, time = delivery.topic, delivery.time
        with (
            traces.span(
                f"process {topic}", "consumer", traces.messaging(topic) | about, delivery.headers, time
            ) as span,
            logs.about(request_id, tenant, span.headers),
        ):
            with traces.span("queue", began=time):
                pass  # it ends here
            yield span

    async def _tell(self, job: Job, found: Stored, audio: bytes | None = None) -> None:
        """Say what the store has."""
        if isinstance(found, Failure):
            await self._refuse(job.close(), outcomes.failed_before(found), job)
            return
        event = outcomes.completed(found, self._settings, audio)
        await self._writer.emit(event, job.first.headers)
        crash_point("completed.told")
        self._metrics.completed(event.model, event.tenant)
        deliveries = job.close()
        self._metrics.count(declared.REPEATS, len(deliveries) - 1)
        for delivery in deliveries:
            delivery.done()

    async def _fulfil(self, job: Job) -> tuple[Stored, bytes | None]:
        """The request's file, and its bytes where they belong into the event. Raises RequestError, whatever happens."""
        try:
            found = await self._maker.find(job)
            if found is None:
                found = await self._make(job)
            else:
                self._metrics.count(declared.REPEATS)
            return found, await self._maker.inline(job, found)
        except RequestError:
            raise
        except Exception as error:
            raise fault(error, job.request_id) from error

    async def _make(self, job: Job) -> Stored:
        """Its first result, where the tenant may have one: a copy of what its like had, or spoken."""
        job.check()
        return await self._reusing.make(job, self._copied, self._speak)

    async def _copied(self, job: Job, name: str) -> Stored | None:
        """What was spoken for an identical request, as the job's own: it takes room, and no speech."""
        self._quotas.check_stored(job.request.tenant_id)
        made = await self._maker.copy(job, name)
        if isinstance(made, Record):
            self._quotas.used(made)
        return made

    async def _speak(self, job: Job) -> Stored:
        with self._quotas.spending(job.request.tenant_id, job.seconds):
            return await self._spoken(job)

    async def _spoken(self, job: Job) -> Stored:
        told: dict[str, Any] = {"request_id": job.request_id, "file_id": job.file_id, "tenant": job.request.tenant_id}
        told |= {"metadata": job.request.metadata, "chunks": len(job.chunks), "worker": self._worker}

        context = copy_context()  # of its span and not of whose piece has made room

        def tell(**state: Any) -> None:
            context.run(self._writer.mention, SynthesisProgressed(**told, **state), job.first.headers)

        def begun() -> None:
            if job.started is not None:
                return
            job.started = datetime.now(UTC)
            waited = (job.started - job.first.since).total_seconds()
            self._metrics.observe(declared.QUEUE_SECONDS, max(0.0, waited), lane=job.lane.name.lower())
            tell(state="started")
            crash_point("started.told")

        def spoken(chunk: int, seconds: float, parts: int) -> None:
            begun()  # where no engine had to
            tell(state="chunk", chunk=chunk, seconds=seconds, parts=parts or None)

        made = await self._maker.make(job, begun, spoken)
        if isinstance(made, Record):
            self._metrics.made(made)
            self._quotas.used(made)
        return made

    async def _fail(self, deliveries: Sequence[Delivery], error: RequestError, job: Job | None = None) -> None:
        """Try again later what may pass; else refuse it, once, for each record."""
        first = deliveries[0]
        if error.code.reason.passing and first.attempt < self._settings.retry_attempts:
            log.warning("will be tried again", attempt=first.attempt, error=error.message)
            self._metrics.count(declared.RETRIES, code=error.code)
            for delivery in deliveries:
                await self._copy("requests.retry", delivery, delivery.attempt + 1, self._due(delivery.attempt))
            return
        if error.code.reason.passing and job is not None:
            # What made it fail may have passed when the record comes again: the failure is made to last first.
            try:
                found = await self._maker.give_up(job, error)
            except RequestError as conflict:
                found, error = None, conflict
            crash_point("failed.decided")
            if found is not None:
                await self._tell(job, found)
                return
        await self._refuse(deliveries, outcomes.failed(first, error, self._worker, job), job)

    async def _refuse(self, deliveries: Sequence[Delivery], failed: SynthesisFailed, job: Job | None) -> None:
        """`tts.failed`, once, and the DLQ, for each record."""
        await self._writer.emit(failed, deliveries[0].headers)
        crash_point("failed.told")
        self._metrics.failed(failed.code, job.choice.model if job else None, failed.tenant)
        for delivery in deliveries:
            if failed.code.reason.dead_letter:
                headers = outcomes.dead_letter_headers(delivery, failed)
                nothing = delivery.key is None and delivery.value is None  # which Kafka's client refuses
                key = delivery.source.encode() if nothing else delivery.key
                await self._writer.write("requests.dlq", key, delivery.value, headers)
                crash_point("failed.dead_lettered")
            delivery.done()

    async def _copy(self, part: str, delivery: Delivery, attempt: int, not_before: datetime | None) -> None:
        """The same record on another topic of its pool; it is that one now which is to be answered."""
        headers = again(
            delivery.raw_headers, delivery.origin, attempt, delivery.since, not_before, routed=delivery.routed
        )
        await self._writer.write(in_pool(part, self._settings.pool), delivery.key, delivery.value, headers)
        crash_point(f"copied.{part}")
        delivery.done()

    def _due(self, attempt: int) -> datetime:
        """Twice as long after each try, and not at the same moment for all that failed together."""
        seconds = self._settings.retry_delay_seconds * 2 ** (attempt - 1) * random.uniform(0.75, 1.25)  # noqa: S311
        return datetime.now(UTC) + timedelta(seconds=min(seconds, self._settings.longest_delay_seconds))


def fault(error: Exception, about: str) -> RequestError:
    """A fault of Loa itself ends the request and nothing else: the next one goes on."""
    log.error("a fault inside Loa", about=about, exc_info=error)
    return RequestError(ErrorCode.INTERNAL, f"a fault inside Loa: {error!r}")
