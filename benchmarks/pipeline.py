"""What Loa adds to the voice it runs: against a bare loop, a plain Faust agent, and a bare echo. `make bench-pipeline`.

Starts a Kafka of its own and real workers in a temporary folder. Everything is measured in interleaved pairs within one
run, since absolute figures of a shared machine are worth little. The method is told in docs/benchmarks.md.
"""

import asyncio
import signal
import sys

import pipeline_bare
import pipeline_echo
import pipeline_faust
from common import Figures, arguments, load, machine, table, write_json
from processes import workplace

PARTS = {"a": pipeline_bare.run, "b": pipeline_faust.run, "c": pipeline_echo.run}
PACKAGES = ("loa-tts", "hibari-tts", "onnxruntime", "numpy", "faust-streaming", "aiokafka")


async def main() -> int:
    options = arguments(__doc__ or "", tuple(PARTS))
    rounds, count = (2, 24) if options.quick else (options.rounds, 120)
    about, figures = machine(PACKAGES), Figures()
    # Ended from outside, it ends its workers and its broker, as after Ctrl-C.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
    try:
        with workplace() as (broker, folder):
            for part, run in PARTS.items():
                if options.only in {None, part}:
                    print(f"part {part}: {run.__doc__}", file=sys.stderr, flush=True)
                    await run(broker, folder, figures, rounds, count)
    finally:  # what was measured before a failure is shown too
        about["load average after"] = load()
        table("Machine", ("", ""), list(about.items()))
        figures.show()
        write_json(options.json, about, figures)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
