"""Speak one text through Kafka with confluent-kafka, with nothing of Loa but its topics, and verify the audio.

    pip install confluent-kafka
    python examples/speak_confluent.py HOST:PORT "Text to speak" [FILE]

Prints the outcome as JSON; exits 1 if it is a failure, or if the audio is not the one that was announced.
TTS_TOPIC_PREFIX: as Loa has it, `tts` if it is not set.
"""

import base64
import hashlib
import json
import os
import sys
import uuid
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition

PREFIX = os.environ.get("TTS_TOPIC_PREFIX", "tts")


def at_the_ends(brokers: str, *topics: str) -> Consumer:
    """A consumer of whole topics from where they end now; in no group, though librdkafka wants a name of one."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "speak_confluent", "enable.auto.commit": False})
    known = consumer.list_topics(timeout=30).topics
    pairs = [TopicPartition(topic, partition) for topic in topics for partition in known[topic].partitions]
    for pair in pairs:
        _, pair.offset = consumer.get_watermark_offsets(pair, timeout=30)
    consumer.assign(pairs)
    return consumer


def produce(brokers: str, request: dict) -> None:
    """Send a request, and wait until the broker has it."""

    def taken(error: object, _: Message) -> None:
        if error:
            raise KafkaException(error)

    producer = Producer({"bootstrap.servers": brokers})
    producer.produce(f"{PREFIX}.requests", json.dumps(request), request["request_id"], on_delivery=taken)
    producer.flush()


def outcome(consumer: Consumer, request_id: str) -> dict:
    """The event that has the request's id."""
    while True:
        (message,) = consumer.consume(1)
        if message.error():
            raise KafkaException(message.error())
        event = json.loads(message.value())
        if event["request_id"] == request_id:
            if (version := dict(message.headers())["ce_specversion"]) != b"1.0":
                raise SystemExit(f"an event of CloudEvents {version.decode()}: this program knows 1.0")
            return event


def main(brokers: str, text: str, file: str = "") -> int:
    name = str(uuid.uuid4())
    consumer = at_the_ends(brokers, f"{PREFIX}.completed", f"{PREFIX}.failed")
    metadata = {"from": "speak_confluent.py"}
    produce(brokers, {"text": text, "request_id": name, "return_audio": True, "metadata": metadata})
    event = outcome(consumer, name)
    consumer.close()
    audio = event.pop("audio_base64", None)
    print(json.dumps(event, ensure_ascii=False))
    if "code" in event:
        return 1
    if audio is None:
        print(f"longer than an event may be: it is at {event.get('audio_url', event['file_path'])}", file=sys.stderr)
        return 0
    content = base64.b64decode(audio)
    if hashlib.sha256(content).hexdigest() != event["sha256"]:
        raise SystemExit(f"the audio of {event['request_id']} is not the one that was announced")
    Path(file or os.devnull).write_bytes(content)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
