"""`loa top` beside a real broker and worker: what it shows is so, and nobody notices that it looks."""

from __future__ import annotations

import signal

from tests.kafka.installation import PARTITIONS, Installation
from tests.kafka.processes import until


async def test_it_shows_lag_workers_engines_and_failures(loa: Installation) -> None:
    await loa.create_topics()
    waiting = await loa.produce(*({"request_id": f"good-{n}", "text": "Hello.", "model": "tone"} for n in range(3)))
    before = loa.run("top", "--once", "--json")
    assert await before.status() == 0, before.said
    assert before.lines[0]["lag"] == {"requests": len(waiting), "requests.bulk": 0, "requests.retry": 0, "cleanup": 0}
    assert before.lines[0]["workers"] == []

    worker = await loa.worker(TTS_WORKER_ID="one")
    health = worker.lines[0]["health"]
    await loa.produce({"request_id": "bad", "text": "Hello.", "voice": "nobody"})
    async with loa.reader("completed", "failed") as reader:
        await reader.answered("good-0", "good-1", "good-2", "bad")
    await loa.settled()
    members = await loa.kafka.committed(loa.name)

    once = loa.run("top", "--once", "--json", "--window", "600", "--metrics", health)
    assert await once.status() == 0, once.said
    (seen,) = once.lines
    assert set(seen["lag"].values()) == {0} and seen["trouble"] is None
    assert seen["throughput"]["completed_per_minute"] == 0.3
    (row,) = seen["workers"]
    assert (row["worker"], row["here"], row["completed"], row["failed"]) == ("one", True, 3, 1)
    assert row["partitions"] == PARTITIONS * 4
    assert [(engine["model"], engine["completed"]) for engine in seen["engines"]] == [("tone", 3)]
    (failure,) = seen["failures"]
    assert (failure["code"], failure["count"], failure["request_id"]) == ("unknown_voice", 1, "bad")
    (process,) = seen["processes"]
    assert (process["part"], process["engines"], process["in_hand"]) == ("worker", 1, 0)
    assert await loa.kafka.committed(loa.name) == members, "it commits nothing"

    table = loa.run("top", "--once", "--window", "600")
    assert await table.status() == 0, table.said
    worker.send(signal.SIGTERM)
    assert await worker.status() == 0

    following = loa.run("top", "--json", "--interval", "0.2", "--window", "600")

    def left() -> bool:
        return bool(following.lines) and [row["here"] for row in following.lines[-1]["workers"]] == [False]

    await until(left, "that it is told")
    following.kill()


async def test_without_a_broker_it_says_so(loa: Installation) -> None:
    alone = loa.run("top", "--once", TTS_KAFKA_BROKERS="127.0.0.1:1")
    assert await alone.status() == 1
    assert "no broker answers" in alone.said and "Traceback" not in alone.said


async def test_without_topics_it_says_so(loa: Installation) -> None:
    alone = loa.run("top", "--once")
    assert await alone.status() == 1
    assert "loa topics create" in alone.said and "Traceback" not in alone.said
