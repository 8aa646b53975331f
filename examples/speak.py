"""Speak one text through Kafka, with nothing of Loa but its topics.

    python examples/speak.py HOST:PORT "Text to speak"

Prints the outcome as JSON, and exits 1 if it is a failure.
"""

import asyncio
import json
import sys
import uuid

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer


async def speak(brokers: str, text: str) -> dict:
    """Produce a request and wait for the event that has its id."""
    request = {"text": text, "request_id": str(uuid.uuid4()), "metadata": {"from": "examples/speak.py"}}
    consumer = AIOKafkaConsumer("tts.completed", "tts.failed", bootstrap_servers=brokers)
    async with consumer, AIOKafkaProducer(bootstrap_servers=brokers) as producer:
        await consumer.seek_to_end()
        await producer.send_and_wait("tts.requests", json.dumps(request).encode(), key=request["request_id"].encode())
        async for record in consumer:
            event = json.loads(record.value)
            if event["request_id"] == request["request_id"]:
                return event
    raise RuntimeError("the consumer ended")


if __name__ == "__main__":
    outcome = asyncio.run(speak(*sys.argv[1:3]))
    print(json.dumps(outcome, ensure_ascii=False, indent=2))
    sys.exit("code" in outcome)
