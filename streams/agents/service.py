"""Faust as Loa uses it: raw records, own window, own commits, and no way to sit idle looking healthy.

What Faust does by itself (acknowledgements, its commit timer, its topics, its web server) is off.
"""

import asyncio
import functools
import logging
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import faust
import faust.streams
import structlog
from aiokafka.errors import IllegalStateError
from faust.app.base import BootStrategy

from streams.agents.delivery import Deliveries, Delivery
from streams.agents.transport import ReadAhead, Transport
from streams.agents.twins import Twins
from streams.crash import crash_point
from streams.kafka import DEFAULT_BROKERS, ssl_context
from streams.metrics import declared
from streams.metrics.worker import WorkerMetrics
from streams.routes import group_of
from streams.settings import Settings
from streams.window import Partition, Window, is_ahead

COMMIT_SECONDS = 0.25  # what was finished since comes again after a crash
NEVER = 1e7
MOST_READ_AHEAD = 1024  # records of a topic

log = structlog.get_logger(__name__)


class _Boot(BootStrategy):  # type: ignore[misc]
    """Consumer and agents only; events are written by Loa's own producer."""

    enable_kafka_producer = False
    enable_web = False


class Service(faust.App):  # type: ignore[misc]
    """A Faust app whose agents get `Delivery` objects.

    `fatal`: set to the reason when this worker must end: records were skipped, or it has a twin. `urgent`: topics.
    """

    BootStrategy = _Boot
    logger = logging.getLogger("faust.service")  # else Faust writes under this module's name

    def __init__(self, settings: Settings, worker: str, metrics: WorkerMetrics) -> None:
        if faust.streams._CStreamIterator is None:
            raise RuntimeError("faust-streaming lacks its compiled part, and without it stale records are acknowledged")
        self.window = Window()
        self.metrics = metrics
        self._prefix = f"{settings.topic_prefix}."
        self.read_ahead = ReadAhead(settings.window_bytes, MOST_READ_AHEAD)
        self.urgent: set[str] = set()
        self.assigned = asyncio.Event()
        self.fatal: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._folder = tempfile.TemporaryDirectory(prefix="loa-faust-")
        self._twins = Twins()
        self._generation: int | None = None
        super().__init__(group_of(settings, settings.pool), **_options(settings, worker, Path(self._folder.name)))
        self.on_partitions_revoked.connect(self._revoked)
        self.on_partitions_assigned.connect(self._were_assigned)

    def _new_transport(self) -> Any:
        return Transport(self.conf.broker_consumer, self)

    def follow(self, topic: str, agent: Callable[[Deliveries], Awaitable[None]], *, urgent: bool = False) -> None:
        """Run an agent over a topic. `urgent`: what comes there is read before a backlog of the others."""
        if urgent:
            self.urgent.add(topic)
        channel = self.topic(
            topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw", allow_empty=True
        )

        async def run(stream: Any) -> None:
            try:
                await agent(self._deliveries(stream))
            except Exception as error:
                self._end(f"the agent of {topic} failed: {error!r}")
                raise

        self.agent(channel, name=f"loa.{topic}", concurrency=1)(run)

    async def _deliveries(self, stream: Any) -> Deliveries:
        async for event in stream.noack().events():
            delivery = await self._take(event.message)
            if delivery is not None:
                yield delivery

    async def _take(self, message: Any) -> Delivery | None:
        """A record into the window; None if it is stale or there already. Ends the worker if records were skipped."""
        self.read_ahead.take(self.consumer, message)
        if message.generation_id != self._generation:
            if self._generation is not None and message.epoch == self.window.epoch and len(self.window):
                self.window.reset()
                message.epoch = self.window.epoch
            self._generation = message.generation_id
        partition = Partition(message.topic, message.partition)
        epoch = message.epoch
        if epoch != self.window.epoch:
            return None
        if not self.window.started(partition):
            progress = await self.consumer.broker_committed(partition)
            committed = progress.offset if progress else None
            # The answer waits behind a fetch that waits for news, so it is asked for only where it matters.
            ahead = is_ahead(message.offset, committed)
            log_start = await self.consumer.log_start(partition) if ahead else 0
            if epoch != self.window.epoch:
                return None
            removed = self.window.start(partition, message.offset, committed, log_start)
            if progress:
                self.window.resume(partition, progress)
            if removed:
                log.error("retention removed records unread", partition=str(partition), records=removed)
                self.metrics.count(declared.UNREAD, removed, topic=partition.topic.removeprefix(self._prefix))
        entry = self.window.track(partition, message.offset, epoch)
        if entry is None:
            return None
        headers = tuple(message.headers.items() if isinstance(message.headers, dict) else message.headers or ())
        return Delivery(
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            key=message.key,
            value=message.value,
            time=datetime.fromtimestamp(message.timestamp or time.time(), UTC),
            done=functools.partial(self.window.done, entry),
            headers=dict(headers),
            raw_headers=headers,
        )

    async def commit_finished(self) -> None:
        """Commit what is finished."""
        if self._consumer is not None and self.window.to_commit():
            crash_point("commit.before")
            await self.consumer.commit_window(self.window)
            crash_point("commit.after")

    async def keep_committing(self) -> None:
        """Commit again and again, for as long as the worker lives."""
        while True:
            await asyncio.sleep(COMMIT_SECONDS)
            await self.commit_finished()

    def behind(self, topic: str) -> dict[int, range]:
        """By partition of a topic the offsets that were not taken up, as far as the last fetch has told."""
        if self._consumer is None or self.rebalancing:
            return {}
        found = {}
        for tp in self._assigned(topic):
            after = self.window.next(Partition(topic, tp.partition))
            if after is not None:
                found[tp.partition] = range(after, max(after, self._log_end(tp)))
        return found

    def lag(self, topic: str) -> int:
        """Records of a topic's partitions that are here and not finished; of one not read yet, those not committed."""
        return sum(max(0, self._log_end(tp) - self._passed(tp)) for tp in self._assigned(topic))

    def partitions(self, topic: str) -> int:
        """How many of a topic's are here."""
        return len(self._assigned(topic))

    def _assigned(self, topic: str) -> list[Any]:
        return [] if self._consumer is None else [tp for tp in self.consumer.assignment() if tp.topic == topic]

    def _passed(self, tp: Any) -> int:
        passed = self.window.passed(Partition(tp.topic, tp.partition))
        if passed is None:
            passed = self.consumer._committed_offset.get(tp)
        return self._log_end(tp) if passed is None else passed

    def _log_end(self, tp: Any) -> int:
        """As the last fetch has told."""
        try:
            return self.consumer.highwater(tp) or 0
        except IllegalStateError:  # it was taken away meanwhile
            return 0

    async def _revoked(self, _: Any, __: set[Any], **___: Any) -> None:
        self.window.reset()
        self.read_ahead.reset()

    async def _were_assigned(self, _: Any, assigned: set[Any], **__: Any) -> None:
        log.info("partitions assigned", count=len(assigned))
        self.metrics.count(declared.REBALANCES)
        self.assigned.set()
        if self._twins.joined(self.consumer.generation()):
            self._end("joined the same generation again and again: another process has this TTS_WORKER_ID")

    def trouble(self, oldest: float) -> str | None:
        """Why this worker cannot go on, if so: not let in, Faust crashed, or a record unfinished too long (seconds).

        Safe to call from any thread; Faust only logs most of what ends its agents.
        """
        thread = getattr(self._consumer, "_thread", None)
        if thread is not None and thread.refusal is not None:
            return f"the group does not let this worker in; has another its name (TTS_WORKER_ID)? {thread.refusal!r}"
        if self.crashed:
            return f"the stream crashed: {self.crash_reason!r}"
        if thread is not None and thread.crashed:
            return f"the consumer crashed: {thread.crash_reason!r}"
        age = self.window.head_age()
        return f"a record has been in hand for {age:.0f} s" if age > oldest else None

    def _end(self, reason: str) -> None:
        if not self.fatal.done():
            self.fatal.set_result(reason)

    async def close(self) -> None:
        """Stop and remove Faust's folder."""
        try:
            await self.stop()
        finally:
            self._folder.cleanup()


def _options(settings: Settings, worker: str, folder: Path) -> dict[str, Any]:
    """Faust's settings, each tested on a real broker under kills, pauses and rebalances."""
    brokers = (settings.kafka_brokers or DEFAULT_BROKERS).split(",")
    options: dict[str, Any] = {
        "broker": [f"aiokafka://{broker.strip()}" for broker in brokers],
        "broker_client_id": f"loa-{worker}",
        "consumer_group_instance_id": f"{group_of(settings, settings.pool)}-{worker}",  # a restart needs no rebalance
        "broker_session_timeout": settings.kafka_session_timeout_seconds,
        "broker_heartbeat_interval": settings.kafka_session_timeout_seconds / 5,
        "broker_request_timeout": max(90.0, settings.kafka_session_timeout_seconds * 2),
        "broker_rebalance_timeout": 60.0,
        "broker_max_poll_interval": NEVER,  # with full buffers Faust does not poll, and would be put out of the group
        "broker_commit_interval": NEVER,  # the window commits
        "broker_max_poll_records": 200,
        "stream_buffer_maxsize": sys.maxsize,  # a full one would stop all topics; `read_ahead` bounds them
        "stream_wait_empty": False,  # stalls the whole group at a rebalance; the worker drains by itself
        "stream_publish_on_commit": False,
        "consumer_auto_offset_reset": "earliest",  # of partitions that were added, too
        "consumer_metadata_max_age_ms": int(settings.kafka_metadata_seconds * 1000),
        "topic_disable_leader": True,
        "topic_allow_declare": False,
        "table_standby_replicas": 0,
        "web_enabled": False,
        "datadir": folder,
    }
    if settings.kafka_sasl_password:
        options["broker_credentials"] = faust.SASLCredentials(
            mechanism=settings.kafka_sasl_mechanism,
            username=settings.kafka_sasl_username,
            password=settings.kafka_sasl_password.get_secret_value(),
            ssl_context=ssl_context(settings),
        )
    elif settings.kafka_security_protocol == "SSL":
        options["broker_credentials"] = faust.SSLCredentials(ssl_context(settings))
    return options
