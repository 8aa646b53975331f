"""What Loa adds to the voice it runs: against a bare loop, a plain Faust agent, and a bare echo. `make bench-pipeline`.

Starts a Kafka of its own and real workers in a temporary folder. Everything is measured in interleaved pairs within one
run, since absolute figures of a shared machine are worth little. The method is told in docs/benchmarks.md.
"""

import asyncio
import sys

import pipeline_bare
import pipeline_echo
import pipeline_faust
from common import arguments, measured
from processes import workplace

PARTS = {"a": pipeline_bare.run, "b": pipeline_faust.run, "c": pipeline_echo.run}
PACKAGES = ("loa-tts", "hibari-tts", "onnxruntime", "numpy", "faust-streaming", "aiokafka")


async def main() -> int:
    options = arguments(__doc__ or "", tuple(PARTS))
    rounds, count = (2, 24) if options.quick else (options.rounds, 120)
    with measured(PACKAGES, options) as figures, workplace() as (broker, folder):
        for part, run in PARTS.items():
            if options.only in {None, part}:
                print(f"part {part}: {run.__doc__}", file=sys.stderr, flush=True)
                await run(broker, folder, figures, rounds, count)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
