"""What HTTP costs: speaking and downloads over the gateway, and reads of a large index. `make bench-gateway`.

Starts a Kafka of its own, a real worker and a real gateway in a temporary folder; what they are compared with runs in
turns with them. The method is told in docs/benchmarks.md.
"""

import asyncio
import sys

import gateway_downloads
import gateway_index
import gateway_speech
from common import arguments, measured
from processes import workplace

PARTS = {"a": gateway_speech.run, "b": gateway_downloads.run, "c": gateway_index.run}
PACKAGES = ("loa-tts", "fastapi", "starlette", "uvicorn", "aiohttp", "aiokafka", "sqlalchemy", "psycopg")


async def main() -> int:
    options = arguments(__doc__ or "", tuple(PARTS))
    rounds = 2 if options.quick else min(options.rounds, 5)
    with measured(PACKAGES, options) as figures, workplace() as (broker, folder):
        for part, run in PARTS.items():
            if options.only in {None, part}:
                print(f"part {part}: {run.__doc__}", file=sys.stderr, flush=True)
                await run(broker, folder, figures, rounds, options.quick)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
