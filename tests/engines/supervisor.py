"""A pool in a process that a test can stop: `python supervisor.py HEARTBEAT_SECONDS`.

Prints the ids of its engine processes, and again after each line that it reads, once each has spoken. Ends with its
input.
"""

import asyncio
import sys

from models.engine import Piece
from models.host import EnginePool

PROCESSES = 2


async def main(heartbeat_seconds: float) -> None:
    pool = EnginePool(["tone"], PROCESSES, heartbeat_seconds=heartbeat_seconds)
    await pool.start()
    try:
        print(*sorted(pool.pids), flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            pieces = [Piece("x" * 5_000, "sine", 1.0, seed) for seed in range(PROCESSES)]
            await asyncio.gather(*(pool.speak("tone", piece, 60) for piece in pieces))
            print(*sorted(pool.pids), flush=True)
    finally:
        await pool.close()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
