"""Speak one text through Kafka with aiokafka, with nothing of Loa but its topics, and verify the audio.

    python examples/speak.py HOST:PORT "Text to speak" [FILE]

Prints the outcome as JSON; exits 1 if it is a failure, or if the audio is not the one that was announced.
TTS_TOPIC_PREFIX: as Loa has it, `tts` if it is not set.
"""

import asyncio
import base64
import hashlib
import json
import os
import sys
import uuid
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

PREFIX = os.environ.get("TTS_TOPIC_PREFIX", "tts")


async def speak(brokers: str, text: str) -> dict:
    """Produce a request and wait for the event that has its id."""
    request = {"text": text, "request_id": str(uuid.uuid4()), "return_audio": True, "metadata": {"from": "speak.py"}}
    consumer = AIOKafkaConsumer(f"{PREFIX}.completed", f"{PREFIX}.failed", bootstrap_servers=brokers)
    async with consumer, AIOKafkaProducer(bootstrap_servers=brokers) as producer:
        await consumer.seek_to_end()  # the outcome comes after that, however soon
        value, key = json.dumps(request).encode(), request["request_id"].encode()
        await producer.send_and_wait(f"{PREFIX}.requests", value, key)
        async for record in consumer:
            event = json.loads(record.value)
            if event["request_id"] == request["request_id"]:
                if (version := dict(record.headers)["ce_specversion"]) != b"1.0":
                    raise SystemExit(f"an event of CloudEvents {version.decode()}: this program knows 1.0")
                return event
    raise RuntimeError("the consumer ended")


def verified(event: dict, audio: str) -> bytes:
    """The bytes of `audio_base64`, which are those that the event announced."""
    content = base64.b64decode(audio)
    if hashlib.sha256(content).hexdigest() != event["sha256"]:
        raise SystemExit(f"the audio of {event['request_id']} is not the one that was announced")
    return content


def main(brokers: str, text: str, file: str = "") -> int:
    event = asyncio.run(speak(brokers, text))
    audio = event.pop("audio_base64", None)
    print(json.dumps(event, ensure_ascii=False))
    if "code" in event:
        return 1
    if audio is None:
        print(f"longer than an event may be: it is at {event.get('audio_url', event['file_path'])}", file=sys.stderr)
    elif content := verified(event, audio):
        Path(file or os.devnull).write_bytes(content)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
