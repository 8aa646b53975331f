"""How Loa's own clients reach Kafka, and the one writer of events."""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import collect_hosts
from aiokafka.errors import KafkaConnectionError, KafkaError, OffsetMetadataTooLargeError
from aiokafka.structs import RecordMetadata

from streams.events import Event, Headers, headers
from streams.settings import Settings
from streams.topics import MAX_MESSAGE_BYTES, Topics
from streams.traces import TRACE_HEADERS, around, sending
from streams.whole import whole

DEFAULT_BROKERS = "127.0.0.1:9092"
CONNECT_SECONDS = 10.0
MENTION_SECONDS = 0.1
MOST_MENTIONS = 1000


def ssl_context(settings: Settings) -> ssl.SSLContext | None:
    """TLS as the settings say; None without it."""
    if "SSL" not in settings.kafka_security_protocol:
        return None
    context = ssl.create_default_context(cafile=settings.kafka_ssl_cafile)
    if settings.kafka_ssl_certfile:
        context.load_cert_chain(settings.kafka_ssl_certfile, settings.kafka_ssl_keyfile)
    return context


def client_options(settings: Settings) -> dict[str, Any]:
    """Arguments that every aiokafka client takes."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_brokers or DEFAULT_BROKERS,
        "security_protocol": settings.kafka_security_protocol,
        "ssl_context": ssl_context(settings),
        "client_id": f"loa-{socket.gethostname()}",
        "metadata_max_age_ms": int(settings.kafka_metadata_seconds * 1000),
    }
    if settings.kafka_sasl_password:
        options |= {
            "sasl_mechanism": settings.kafka_sasl_mechanism,
            "sasl_plain_username": settings.kafka_sasl_username,
            "sasl_plain_password": settings.kafka_sasl_password.get_secret_value(),
        }
    return options


async def commit(consumer: AIOKafkaConsumer, offsets: Mapping[TopicPartition, tuple[int, str]]) -> None:
    """Commit offsets with their metadata, or without where the broker takes less of it; raises what aiokafka does."""
    try:
        await consumer.commit(dict(offsets))
    except OffsetMetadataTooLargeError:
        await consumer.commit({pair: offset for pair, (offset, _) in offsets.items()})


async def answering(settings: Settings) -> None:
    """Return if something listens at a broker's address; the client itself would log each refusal as an error.

    Raises KafkaConnectionError.
    """
    refusals = []
    for host, port, _ in collect_hosts(settings.kafka_brokers or DEFAULT_BROKERS):
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, stream = await asyncio.open_connection(host, port)
        except OSError as error:
            refusals.append(f"{host}:{port}: {error or 'no answer'}")
        else:
            stream.close()
            return
    raise KafkaConnectionError("; ".join(refusals))


async def disconnect(closing: Coroutine[Any, Any, None]) -> None:
    """Close an aiokafka client: `disconnect(consumer.stop())`.

    Where its caller is cancelled just then, aiokafka suppresses that too, with what it cancels itself, and all goes on.
    """
    await whole(closing)


@asynccontextmanager
async def admin_client(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client, closed at the end."""
    admin = AIOKafkaAdminClient(**client_options(settings))
    try:
        await admin.start()
        yield admin
    finally:
        await disconnect(admin.close())


async def cluster_id(settings: Settings) -> str | None:
    """The name of the cluster, which tells its log from another's. Raises KafkaError."""
    async with admin_client(settings) as admin:
        found: str | None = (await admin.describe_cluster()).get("cluster_id")
        return found


class EventWriter:
    """Writes events and plain records; each call returns when the broker has them on disk in all in-sync copies."""

    def __init__(self, settings: Settings, topics: Topics) -> None:
        self._topics = topics
        self._options = client_options(settings) | {
            "acks": "all",
            "enable_idempotence": True,
            "request_timeout_ms": int(settings.kafka_outage_seconds * 1000),
            "max_request_size": MAX_MESSAGE_BYTES,
            "linger_ms": 0,
        }
        self._started: AIOKafkaProducer | None = None
        self._mentions: deque[Any] = deque(maxlen=MOST_MENTIONS)
        self._due: asyncio.TimerHandle | None = None
        self._mentioning: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect. Raises KafkaConnectionError where no broker answers."""
        producer = AIOKafkaProducer(**self._options)
        try:
            await producer.start()
        except BaseException:
            await disconnect(producer.stop())
            raise
        self._started = producer

    async def stop(self) -> None:
        """Flush and disconnect; nothing to do for a writer that was not started."""
        if self._started is not None:
            await self._enqueue_mentions()
            if self._mentioning is not None:
                await self._mentioning
            await disconnect(self._started.stop())

    @property
    def _producer(self) -> AIOKafkaProducer:
        if self._started is None:
            raise RuntimeError("this writer has not been started")
        return self._started

    async def emit(self, event: Event, passed_on: Mapping[str, bytes] | None = None) -> RecordMetadata:
        """Write an event and wait for the broker's word; returns where it is. Raises KafkaError."""
        await self._enqueue_mentions()  # before the outcome, and in the same request
        with sending(self._topics[event.topic].name, passed_on) as span:
            return await (await self._enqueue(self._record(event, span.headers)))

    def mention(self, event: Event, passed_on: Mapping[str, bytes] | None = None) -> None:
        """Write an event whose loss would do no harm (progress); does not wait for the broker's word.

        It goes with the next outcome, or soon: a request costs client and broker far more than one more record in it.
        """
        self._mentions.append(self._record(event, around(passed_on)))
        if self._due is None:
            self._due = asyncio.get_running_loop().call_later(MENTION_SECONDS, self._mention_now)

    async def write(self, short: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        """Write a record as it is, but for the span it is sent in; wait for the broker's word. Raises KafkaError."""
        topic, traced = self._topics[short].name, {name: text for name, text in headers if name in TRACE_HEADERS}
        with sending(topic, traced) as span:
            if span.headers != traced:
                headers = [(name, text) for name, text in headers if name not in TRACE_HEADERS]
                headers += span.headers.items()
            await (await self._producer.send(topic, value, key, headers=headers))

    def _record(self, event: Event, passed_on: Mapping[str, bytes] | None) -> dict[str, Any]:
        topic = self._topics[event.topic].name
        fields = headers(event, topic, datetime.now(UTC), passed_on)
        return {"topic": topic, "value": event.encode(), "key": event.key().encode(), "headers": fields}

    async def _enqueue(self, record: Mapping[str, Any]) -> "asyncio.Future[Any]":
        future: asyncio.Future[Any] = await self._producer.send(**record)
        return future

    def _mention_now(self) -> None:
        self._mentioning = asyncio.create_task(self._enqueue_mentions())

    async def _enqueue_mentions(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
        with suppress(KafkaError):
            while self._mentions:
                (await self._enqueue(self._mentions.popleft())).add_done_callback(_seen)


def _seen(future: "asyncio.Future[Any]") -> None:
    """Take note of a failure that harms nobody, so that the loop does not report it as never retrieved."""
    if not future.cancelled():
        future.exception()
