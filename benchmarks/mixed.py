"""Vietnamese with English in it: each span by a voice of its language, beside all of it by one. `make bench-mixed`.

The texts are the lines of tests/unit/models/mixed_spans.tsv that have spans of both languages. Three ways, in turns
within a round: espeak's Vietnamese voice speaks all; its Vietnamese and English voices share it, which shows what
mixing costs where both voices cost the same; espeak and hibari share it, which is what a request gets by default. Each
text is spoken as a worker does, in one engine process with all voices, and CPU time is that of all processes, as is
what it takes to find the spans and to put the words.
"""

import asyncio
import os
import random
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from common import Figures, arguments, cpu_seconds, measured

from models.choice import Choice
from models.fleet import Fleet
from models.registry import Registry
from models.speak import plan, speak_text

TABLE = Path(__file__).parent.parent / "tests/unit/models/mixed_spans.tsv"
PACKAGES = ("loa-tts", "hibari-tts", "espeakng-loader", "g2p-hamster", "py3langid", "numpy")
ONE = "one voice"
Choose = Callable[[str], Choice]


def texts() -> list[str]:
    """All of the table that are Vietnamese around, and English in part."""
    rows = (line.split("\t") for line in TABLE.read_text().splitlines() if line.startswith("vi\t"))
    marked = [spans.replace("\\n", "\n") for _, spans in rows if "[vi]" in spans and "[en]" in spans]
    return [re.sub(r"¦?\[\w+\]", "", spans) for spans in marked]


def ways() -> dict[str, Choose]:
    """Who speaks a text, by name."""
    espeak, both = Registry(["espeak"]), Registry(["hibari", "espeak"])
    for registry in (espeak, both):
        registry.warm_up()
    return {
        ONE: lambda text: espeak.resolve(text, language="vi"),
        "mixed, espeak": lambda text: espeak.resolve(text, language="vi", mixed=True),
        "mixed, espeak and hibari": lambda text: both.resolve(text, language="vi", mixed=True),
    }


async def speak(fleet: Fleet, choose: Choose, some: Sequence[str]) -> dict[str, float]:
    """All texts, one after the other, and what one took on average."""
    pid, audio, pieces = os.getpid(), 0.0, 0
    before, began = cpu_seconds(pid), time.perf_counter()
    for number, text in enumerate(some):
        choice = choose(text)
        async for spoken in speak_text(fleet, choice, plan(choice), seed=number):
            audio += spoken.speech.seconds
            pieces += 1
    wall, cpu = time.perf_counter() - began, cpu_seconds(pid) - before
    began = time.process_time()
    for text in some:
        plan(choose(text))
    planning = time.process_time() - began
    told = {"CPU": 1000 * cpu, "wall": 1000 * wall, "words and spans, CPU": 1000 * planning}
    return {what: value / len(some) for what, value in {**told, "pieces": pieces, "audio": audio}.items()}


async def compare(fleet: Fleet, figures: Figures, rounds: int, some: Sequence[str]) -> None:
    """All ways once a round, in another order each time; the first round is not counted."""
    units = {"pieces": "a text", "audio": "s a text"}
    choosing = ways()
    for number in range(rounds + 1):
        order = random.Random(number).sample(sorted(choosing), len(choosing))
        took = {name: await speak(fleet, choosing[name], some) for name in order}
        print(".", end="", file=sys.stderr, flush=True)
        for name in choosing if number else ():
            for what, value in took[name].items():
                figures.add(f"{name}: {what}", value, units.get(what, "ms a text"))
                if name != ONE:
                    figures.add(f"{what}: {name} / {ONE}", value / took[ONE][what])
    print(file=sys.stderr)


async def main() -> int:
    options = arguments(__doc__ or "", ("all",))
    rounds, some = (1, texts()[:4]) if options.quick else (options.rounds, texts())
    fleet = Fleet(["hibari", "espeak"], 1)
    with measured(PACKAGES, options) as figures:
        try:
            await fleet.start()
            await compare(fleet, figures, rounds, some)
        finally:
            await fleet.close()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
