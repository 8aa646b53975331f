"""The least a service on Kafka can do: consume, produce, wait for the broker's word. `echo.py BROKERS NAME`."""

import asyncio
import json
import sys

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from streams.lifeline import end_with_parent


async def main(brokers: str, name: str) -> None:
    consumer = AIOKafkaConsumer(
        f"{name}.requests", bootstrap_servers=brokers, group_id=name, auto_offset_reset="earliest"
    )
    producer = AIOKafkaProducer(bootstrap_servers=brokers, acks="all", enable_idempotence=True)
    async with consumer, producer:
        print(json.dumps({"ready": True}), flush=True)
        async for record in consumer:
            await producer.send_and_wait(f"{name}.completed", record.value, record.key)


if __name__ == "__main__":
    end_with_parent(grace_seconds=1)
    asyncio.run(main(*sys.argv[1:]))
