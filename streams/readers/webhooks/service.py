"""`loa webhooks`: a consumer group of its own reads outcomes and due deliveries, and commits what is behind it."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from pydantic import ValidationError

from streams.events import WebhookDelivery
from streams.health import health_server
from streams.kafka import EventWriter, client_options, commit, disconnect
from streams.metrics import declared
from streams.metrics.declared import Part
from streams.metrics.registry import Metrics
from streams.readers.identity import headers_of
from streams.readers.webhooks.attempts import deliveries
from streams.readers.webhooks.endpoints import EVENTS, Endpoints
from streams.readers.webhooks.guard import AddressGuard
from streams.readers.webhooks.hand import Hand
from streams.readers.webhooks.sender import Sender
from streams.settings import Settings
from streams.topics import MAX_MESSAGE_BYTES, Topics
from streams.window import Entry, Partition, Progress, Window

POLL_MS = 200
MOST_IN_HAND = 10_000

log = structlog.get_logger(__name__)


class Webhooks:
    """Tells endpoints of outcomes until stopped; `ready` is called once it listens. Any number may share the work.

    Raises SettingsError for endpoints that are wrong.
    """

    def __init__(self, settings: Settings, ready: Callable[[dict[str, Any]], None]) -> None:
        topics = Topics(settings)
        self._settings = settings
        self._ready = ready
        self._endpoints = Endpoints(settings)
        self._shorts = {topics[short].name: short for short in (*EVENTS, "webhooks")}
        self._writer = EventWriter(settings, topics)
        self._window = Window()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Stop; what is being posted comes again."""
        self._stopping.set()

    async def run(self) -> int:
        """Returns the exit status: 1 if the log could not be written. Raises KafkaConnectionError, TopicsError."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._writer.stop)
            await self._writer.start()
            sender = Sender(AddressGuard(self._settings.webhook_allow_networks), self._settings.webhook_timeout_seconds)
            metrics = Metrics(Part.WEBHOOKS)
            hand = Hand(self._settings, self._endpoints, await stack.enter_async_context(sender), self._writer, metrics)
            metrics.show(declared.DELIVERIES_IN_HAND, lambda: len(hand))
            consumer = AIOKafkaConsumer(**self._options())
            consumer.subscribe(list(self._shorts), listener=_Rebalance(self, hand, consumer))
            stack.push_async_callback(lambda: disconnect(consumer.stop()))
            await consumer.start()
            stack.push_async_callback(hand.drop)
            address = await stack.enter_async_context(
                health_server(self._settings, hand.trouble, hand.trouble, metrics)
            )
            self._ready({"ready": True, "webhooks": self._endpoints.names, "health": address})
            while not self._stopping.is_set() and not hand.failure.done():
                await self._once(consumer, hand)
            await self.commit(consumer)
            if hand.failure.done():
                log.error("webhooks end", reason=hand.failure.result())
                return 1
        return 0

    def _options(self) -> dict[str, Any]:
        return client_options(self._settings) | {
            "group_id": f"{self._settings.kafka_group}-webhooks",
            "session_timeout_ms": int(self._settings.kafka_session_timeout_seconds * 1000),
            "heartbeat_interval_ms": int(self._settings.kafka_session_timeout_seconds * 200),
            "auto_offset_reset": "earliest",  # what happened before the group was there; what is a day old is not told
            "enable_auto_commit": False,
            "max_partition_fetch_bytes": 2 * MAX_MESSAGE_BYTES,
        }

    async def _once(self, consumer: AIOKafkaConsumer, hand: Hand) -> None:
        due = [pair for pair in consumer.assignment() if self._shorts[pair.topic] == "webhooks"]
        (consumer.pause if len(hand) > MOST_IN_HAND else consumer.resume)(*due)
        found = await consumer.getmany(timeout_ms=POLL_MS, max_records=500)
        epoch = self._window.epoch
        for pair, records in found.items():
            await self._resume(consumer, pair)
            await self._take(hand, self._shorts[pair.topic], records, epoch)
        await hand.move_on()
        await self.commit(consumer)

    async def _resume(self, consumer: AIOKafkaConsumer, pair: TopicPartition) -> None:
        """What was finished by whoever had the partition before is not done again."""
        if not self._window.started(Partition(*pair)):
            committed = await consumer._coordinator.fetch_committed_offsets([pair])
            if pair in committed:
                self._window.resume(Partition(*pair), Progress(*committed[pair]))

    async def _take(self, hand: Hand, short: str, records: Sequence[ConsumerRecord], epoch: int) -> None:
        """Events become deliveries, which are on the log before the event is behind; deliveries come to hand."""
        entries = [(record, entry) for record in records if (entry := self._track(record, epoch))]
        if short == "webhooks":
            for record, entry in entries:
                delivery, done = _delivery(record), partial(self._window.done, entry)
                hand.take(delivery, done, headers_of(record)) if delivery else done()
            return
        told = [
            self._writer.emit(each, headers_of(record))
            for record, _ in entries
            for each in deliveries(record, short, self._endpoints, self._settings)
        ]
        await asyncio.gather(*told)
        for _, entry in entries:
            self._window.done(entry)

    def _track(self, record: ConsumerRecord, epoch: int) -> Entry | None:
        """A record into the window; None if its partition was taken away meanwhile, or it was finished before."""
        if epoch != self._window.epoch:
            return None
        partition = Partition(record.topic, record.partition)
        # No record of a plain consumer's is missing, but retention and transactions leave holes in the offsets.
        self._window.start(partition, record.offset, record.offset, record.offset)
        return self._window.track(partition, record.offset, epoch)

    async def commit(self, consumer: AIOKafkaConsumer) -> None:
        """Commit what is behind; what the group refuses comes again."""
        epoch, offsets = self._window.epoch, self._window.to_commit()
        if not offsets:
            return
        try:
            await commit(consumer, {TopicPartition(*partition): progress for partition, progress in offsets.items()})
        except (CommitFailedError, IllegalStateError) as error:
            log.warning("commit refused", error=str(error))
        except KafkaError as error:
            log.warning("not committed this time", error=str(error))
        else:
            self._window.committed(offsets, epoch)

    async def leave(self, consumer: AIOKafkaConsumer, hand: Hand) -> None:
        """Partitions go to others: commit what is behind, forget the rest."""
        await hand.drop()
        await self.commit(consumer)
        self._window.reset()


class _Rebalance(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, webhooks: Webhooks, hand: Hand, consumer: AIOKafkaConsumer) -> None:
        self._webhooks, self._hand, self._consumer = webhooks, hand, consumer

    async def on_partitions_revoked(self, revoked: Any) -> None:
        await self._webhooks.leave(self._consumer, self._hand)

    async def on_partitions_assigned(self, assigned: Any) -> None:
        pass


def _delivery(record: ConsumerRecord) -> WebhookDelivery | None:
    """One that is due; None for what became of one, or what a stranger wrote."""
    try:
        delivery = WebhookDelivery.model_validate_json(record.value or b"")
    except ValidationError as error:
        log.warning("no webhook delivery", offset=record.offset, error=str(error).splitlines()[0])
        return None
    return delivery if delivery.state == "due" else None
