"""Part c: what Loa adds to a way through Kafka, with an engine that answers at once."""

from pathlib import Path

from clients import Client, make_topics
from common import Figures, pairs, percentile
from processes import echo, loa_worker, running
from texts import SHORT

from streams.broker import EmbeddedBroker

RATE = 20
LOA, ECHO = "bench-c", "bench-c-echo"


async def run(broker: EmbeddedBroker, folder: Path, figures: Figures, rounds: int, count: int) -> None:
    """Request to tts.completed against a bare aiokafka echo, 20 requests a second."""
    brokers = broker.bootstrap
    await make_topics(brokers, ECHO)
    offsets = [n / RATE for n in range(2 * count)]
    worker = loa_worker(LOA, brokers, folder, MODELS="tone")
    bare = echo(ECHO, brokers, folder)
    async with running(worker), running(bare):
        await worker.ready()
        await bare.ready()
        async with Client(brokers, LOA, model="tone") as through_loa, Client(brokers, ECHO) as through_echo:

            async def stint(client: Client, number: int) -> list[float]:
                texts = {f"r{number}-{n}": SHORT for n in range(len(offsets))}
                return [1000 * seconds for seconds in await client.open_loop(texts, offsets)]

            await stint(through_loa, -1)
            await stint(through_echo, -1)
            both = pairs(rounds, lambda n: stint(through_echo, n), lambda n: stint(through_loa, n))
            async for least, loa in both:
                for percent in (50, 99):
                    with_loa, without = percentile(loa, percent), percentile(least, percent)
                    figures.add(f"c: added by Loa to an echo, p{percent}", with_loa - without, "ms")
                    figures.add(f"Loa with tone: p{percent}", with_loa, "ms")
                    figures.add(f"echo: p{percent}", without, "ms")
