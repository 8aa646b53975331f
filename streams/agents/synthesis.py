"""The synthesis agent: each request on the log ends in one durable file and `tts.completed`, or in `tts.failed`."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from models.registry import Registry
from streams.agents import outcomes
from streams.agents.budget import Budget
from streams.agents.delivery import Deliveries, Delivery
from streams.agents.job import Job, understand
from streams.agents.making import Maker, Stored
from streams.errors import ErrorCode, RequestError
from streams.events import SynthesisProgressed
from streams.kafka import EventWriter
from streams.settings import Settings

LONG_BYTES = 16_384  # a longer text is understood in a thread, so that nobody waits for it

log = structlog.get_logger(__name__)


class Synthesis:
    """Takes requests in their order, has many in hand at once, and answers each when its result is durable.

    `failure`: set when an outcome could not be written; the worker must end, and the log delivers again.
    """

    def __init__(self, settings: Settings, registry: Registry, maker: Maker, writer: EventWriter, worker: str) -> None:
        self.failure: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._settings = settings
        self._registry = registry
        self._maker = maker
        self._writer = writer
        self._worker = worker
        self._budget = Budget(settings.window_seconds, settings.window_requests)
        self._in_hand: dict[str, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    async def run(self, deliveries: Deliveries) -> None:
        """Take requests until told to stop; what is not taken any more comes again after a restart."""
        async for delivery in deliveries:
            if self._closing:
                await asyncio.Event().wait()
            await self._take(delivery)

    async def drain(self, seconds: float) -> None:
        """Take nothing more, and finish what is in hand within a time."""
        self._closing = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    async def cancel(self) -> None:
        """Give up what is still in hand; it will be delivered again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _take(self, delivery: Delivery) -> None:
        """Understand a record, join it to its twin in hand, or begin to answer it once there is room."""
        try:
            job = await self._understand(delivery)
        except RequestError as error:
            await self._begin(self._fail([delivery], error), 0)
            return
        twin = self._in_hand.get(job.file_id)
        if twin is None:
            self._in_hand[job.file_id] = job
            await self._begin(self._answer(job), job.seconds)
        elif twin.content == job.content:
            twin.deliveries.append(delivery)
        else:
            await self._begin(self._fail([delivery], job.conflict(), job), 0)

    async def _understand(self, delivery: Delivery) -> Job:
        try:
            if len(delivery.value or b"") < LONG_BYTES:
                return understand(delivery, self._settings, self._registry)
            return await asyncio.to_thread(understand, delivery, self._settings, self._registry)
        except RequestError:
            raise
        except Exception as error:
            raise _fault(error, delivery.source) from error

    async def _answer(self, job: Job) -> None:
        """One request from its record to its outcome."""
        try:
            found, audio = await self._fulfil(job)
        except RequestError as error:
            del self._in_hand[job.file_id]
            await self._fail(job.deliveries, error, job)
            return
        await self._writer.emit(outcomes.completed(found, self._settings, audio), job.first.headers)
        del self._in_hand[job.file_id]
        for delivery in job.deliveries:
            delivery.done()

    async def _fulfil(self, job: Job) -> tuple[Stored, bytes | None]:
        """The request's file, and its bytes where they belong into the event. Raises RequestError, whatever happens."""
        try:
            found = await self._maker.find(job) or await self._speak(job)
            return found, await self._maker.inline(job, found)
        except RequestError:
            raise
        except Exception as error:
            raise _fault(error, job.request_id) from error

    async def _speak(self, job: Job) -> Stored:
        about: dict[str, Any] = {"request_id": job.request_id, "file_id": job.file_id, "tenant": job.request.tenant_id}
        about |= {"metadata": job.request.metadata, "chunks": len(job.chunks), "worker": self._worker}

        async def tell(**state: Any) -> None:
            await self._writer.mention(SynthesisProgressed(**about, **state), job.first.headers)

        await tell(state="started")
        return await self._maker.make(job, lambda chunk, seconds: tell(state="chunk", chunk=chunk, seconds=seconds))

    async def _fail(self, deliveries: list[Delivery], error: RequestError, job: Job | None = None) -> None:
        """`tts.failed`, once; the DLQ, for each record; then their offsets may be committed."""
        await self._writer.emit(outcomes.failed(deliveries[0], error, self._worker, job), deliveries[0].headers)
        for delivery in deliveries:
            if error.code.reason.dead_letter:
                headers = outcomes.dead_letter_headers(delivery, error)
                nothing = delivery.key is None and delivery.value is None  # which Kafka's client refuses
                key = delivery.source.encode() if nothing else delivery.key
                await self._writer.write("requests.dlq", key, delivery.value, headers)
            delivery.done()

    async def _begin(self, work: Coroutine[Any, Any, None], seconds: float) -> None:
        """Start work as soon as there is room for so many seconds of speech."""
        try:
            await self._budget.take(seconds)
        except BaseException:
            work.close()
            raise
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._ended(done, seconds))

    def _ended(self, task: "asyncio.Task[None]", seconds: float) -> None:
        self._tasks.discard(task)
        self._budget.give(seconds)
        error = None if task.cancelled() else task.exception()
        if error is not None and not self.failure.done():
            self.failure.set_result(f"an outcome could not be written: {error!r}")


def _fault(error: Exception, about: str) -> RequestError:
    """A fault of Loa itself ends the request and nothing else: the next one goes on."""
    log.error("a fault inside Loa", about=about, exc_info=error)
    return RequestError(ErrorCode.INTERNAL, f"a fault inside Loa: {error!r}")
