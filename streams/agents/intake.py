"""What a worker takes up, and when: lanes, room, twins in hand, deadlines, cancelling."""

import asyncio
import math
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar

from models.registry import Registry
from models.schedule import Lane
from storage.records import iso
from streams.agents.budget import Budget
from streams.agents.delivery import Deliveries, Delivery
from streams.agents.job import Job, echo_of, understand
from streams.agents.synthesis import Synthesis, fault
from streams.errors import ErrorCode, RequestError
from streams.readers.cancellations import Cancellations
from streams.requests import SynthesisRequested, parse
from streams.routes import pool_of
from streams.settings import Settings

T = TypeVar("T")

LONG_BYTES = 16_384  # a longer text is understood in a thread, so that nobody waits for it
MOST_QUICK = 64  # records at once that are only refused or moved: they need no engine, and wait for none
MOST_RETRIES = 1000
FAR_SECONDS = 86_400.0  # a deadline further away than that is not met in the window, which is minutes long


class Intake:
    """Takes requests in their order, and has many in hand at once.

    `failure`: set when an outcome could not be written; the worker must end, and the log delivers again.
    `budgets`: what is in hand of each lane.
    """

    def __init__(
        self, settings: Settings, registry: Registry, synthesis: Synthesis, cancellations: Cancellations
    ) -> None:
        self.failure: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._settings = settings
        self._registry = registry
        self._synthesis = synthesis
        self._cancellations = cancellations
        # What does not fit in the bulk lane waits on the log; there is nowhere to move it to.
        shares = {Lane.INTERACTIVE: settings.window_tenant_share, Lane.BULK: 1.0}
        bounds = (settings.window_seconds, settings.window_requests)
        self.budgets = {lane: Budget(*bounds, share) for lane, share in shares.items()}
        self._quick = Budget(math.inf, MOST_QUICK)
        self._retries = asyncio.Semaphore(MOST_RETRIES)
        self._in_hand: dict[str, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False
        cancellations.told = self._cancelled

    @property
    def in_hand_bytes(self) -> int:
        """Size of the records in hand, repeats included."""
        deliveries = (delivery for job in self._in_hand.values() for delivery in job.deliveries)
        return sum(len(delivery.value or b"") for delivery in deliveries)

    async def run(self, deliveries: Deliveries) -> None:
        """Requests as they come. What may wait, or is too much of one tenant's, leaves for the bulk lane."""
        await self._run(deliveries, Lane.INTERACTIVE)

    async def run_bulk(self, deliveries: Deliveries) -> None:
        """Requests that may wait: with what room is left, and a guaranteed part of the engines."""
        await self._run(deliveries, Lane.BULK)

    async def run_retries(self, deliveries: Deliveries) -> None:
        """Requests to be tried again, each when it is due, without waiting for each other."""
        await self._ready()
        async for delivery in deliveries:
            await self._stay_out_if_closing()
            await self._retries.acquire()
            self._start(self._retry(delivery), "retry").add_done_callback(lambda _: self._retries.release())

    async def drain(self, seconds: float) -> None:
        """Take nothing more, and finish what is in hand within a time."""
        self._closing = True
        working = {task for task in self._tasks if task.get_name() != "retry"}  # those may wait for minutes
        if working:
            await asyncio.wait(working, timeout=seconds)

    async def cancel(self) -> None:
        """Give up what is still in hand; it will be delivered again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, deliveries: Deliveries, lane: Lane) -> None:
        await self._ready()
        async for delivery in deliveries:
            await self._stay_out_if_closing()
            await self._take(delivery, lane)

    async def _ready(self) -> None:
        """What decides about requests, and was said before the worker started, is known."""
        await self._cancellations.read.wait()
        await self._synthesis.ready()

    async def _stay_out_if_closing(self) -> None:
        """What is not taken any more comes again, to whoever has the partition then."""
        if self._closing:
            await asyncio.Event().wait()

    async def _retry(self, delivery: Delivery) -> None:
        if delivery.not_before:
            pause = (delivery.not_before - datetime.now(UTC)).total_seconds()
            await asyncio.sleep(min(pause, self._settings.longest_delay_seconds))  # its writer's clock may be ahead
        await self._take(delivery, Lane.INTERACTIVE)

    async def _take(self, delivery: Delivery, lane: Lane) -> None:
        """Understand a record, join it to its twin in hand, move it away, or answer it once there is room.

        What may wait, or does not fit, makes room for those behind it on the log: it leaves for the bulk lane. What
        another pool speaks leaves for that.
        """
        request = None
        budget, movable = self.budgets[lane], lane is Lane.INTERACTIVE and delivery.attempt == 1
        try:
            request = await self._aside(delivery, parse, delivery.value, self._settings)
            # A flood has to be out of the way of others soon: what is bound to leave is not looked at any further.
            leaves = movable and (request.priority == "bulk" or not budget.fits(request.tenant_id))
            job = None if leaves else await self._aside(delivery, understand, delivery, request, self._registry)
        except RequestError as error:
            pool = self._elsewhere(delivery, request, error)
            if request is not None and pool is not None:
                part = "requests.bulk" if lane is Lane.BULK else "requests"
                await self._begin(self._synthesis.route(delivery, request, part, pool), self._quick)
                return
            if request:
                error.echo = echo_of(request)
            await self._begin(self._synthesis.refuse(delivery, error), self._quick)
            return
        twin = self._in_hand.get(job.file_id) if job else None
        if job and twin and not twin.closed and twin.content == job.content:
            twin.deliveries.append(delivery)
        elif job is None or (movable and not budget.fits(request.tenant_id, job.seconds)):
            await self._begin(self._synthesis.move(delivery, request), self._quick)
        else:
            job.lane, job.after = _share(delivery, request, lane), twin
            self._in_hand[job.file_id] = job
            await self._begin(self._answer(job), budget, request.tenant_id, job.seconds)

    def _elsewhere(self, delivery: Delivery, request: SynthesisRequested | None, error: RequestError) -> str | None:
        """Another pool that speaks what is not spoken here; None where there is none, or it comes from another."""
        if request is None or delivery.routed or error.code not in {ErrorCode.UNKNOWN_MODEL, ErrorCode.UNKNOWN_VOICE}:
            return None
        pool = pool_of(request, self._settings)
        return None if pool == self._settings.pool else pool

    async def _aside(self, delivery: Delivery, call: Callable[..., T], *arguments: object) -> T:
        """Call it, in a thread if the record is long. Raises RequestError, whatever happens."""
        try:
            if len(delivery.value or b"") < LONG_BYTES:
                return call(*arguments)
            return await asyncio.to_thread(call, *arguments)
        except RequestError:
            raise
        except Exception as error:
            raise fault(error, delivery.origin) from error

    async def _answer(self, job: Job) -> None:
        timer = self._timer(job)
        if self._cancellations.has(job.file_id, job.first.since):
            self._cancelled(job.file_id, job.first.since)
        try:
            # Which of two contents under one id came first is for the store to say, not for who is in hand.
            if job.after is not None:
                await job.after.finished.wait()
            await self._synthesis.answer(job)
        finally:
            job.finished.set()
            if timer:
                timer.cancel()
            if self._in_hand.get(job.file_id) is job:
                del self._in_hand[job.file_id]

    def _timer(self, job: Job) -> asyncio.TimerHandle | None:
        """Interrupts the job at its deadline; one that has passed is not spoken at all."""
        if job.request.deadline is None:
            return None
        left = (job.request.deadline - datetime.now(UTC)).total_seconds()
        late = f"deadline: {iso(job.request.deadline)} passed before the text was spoken"
        if left <= 0:
            job.interrupt(ErrorCode.DEADLINE_EXCEEDED, late)
        elif left < FAR_SECONDS:
            return asyncio.get_running_loop().call_later(left, job.interrupt, ErrorCode.DEADLINE_EXCEEDED, late)
        return None

    def _cancelled(self, file_id: str, time: datetime) -> None:
        """A request was cancelled: whatever of it came before that time is not spoken any further."""
        job = self._in_hand.get(file_id)
        if job is not None and job.first.since <= time:
            job.interrupt(ErrorCode.CANCELLED, "request_id: the request was cancelled")

    async def _begin(
        self, work: Coroutine[Any, Any, None], budget: Budget, tenant: str = "", seconds: float = 0.0
    ) -> None:
        """Start work as soon as there is room for so many seconds of speech, but not in room that a drain has made."""
        try:
            place = await budget.take(tenant, seconds)
            await self._stay_out_if_closing()
        except BaseException:
            work.close()
            raise
        self._start(work).add_done_callback(lambda _: budget.give(place))

    def _start(self, work: Coroutine[Any, Any, None], name: str | None = None) -> "asyncio.Task[None]":
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not self.failure.done():
            self.failure.set_result(f"an outcome could not be written: {error!r}")


def _share(delivery: Delivery, request: SynthesisRequested, lane: Lane) -> Lane:
    """Whose share of the engines it has. What was only moved away shares with its tenant's others, in their order."""
    moved = delivery.origin != delivery.source
    return lane if lane is Lane.INTERACTIVE or not moved or request.priority == "bulk" else Lane.INTERACTIVE
