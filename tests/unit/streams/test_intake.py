"""What is taken up, and when: retries, cancelling, deadlines, and the lane of what may wait."""

import asyncio
from datetime import UTC, datetime, timedelta

import orjson

from models.engine import EngineDied
from models.schedule import Lane
from storage.records import iso
from streams import settings
from streams.agents.intake import Intake
from streams.errors import ErrorCode
from tests.fakes import InProcessPool, Log, Rig

SETTINGS = settings.load({"TTS_MODELS": "tone", "TTS_SYNTHESIS_TRIES": "1", "TTS_RETRY_ATTEMPTS": "2"})


def dies(_: object):
    raise EngineDied("gone")


async def taken(rig: Rig) -> None:
    """Let what can go on do so, until a piece waits for the engine."""
    for _ in range(2000):
        if rig.pool.asked:
            return
        await asyncio.sleep(0.001)
    raise AssertionError("nothing was asked of the engine")


async def one_that_waits_for_an_engine() -> tuple[Rig, Intake]:
    """A request in hand that no engine has begun with."""
    rig = Rig(SETTINGS)
    rig.ask(request_id="r")
    rig.pool.gate.clear()
    agent = rig.agent()
    await agent.run(aiter(rig.log))
    await taken(rig)
    return rig, agent


async def test_what_may_pass_is_tried_again_later_under_the_same_key_and_id():
    rig = Rig(SETTINGS, InProcessPool(instead=dies))
    first = rig.ask(key=b"k", headers=[("mine", b"1"), ("loa-attempt", b"1")])
    await rig.run()
    ((short, key, value, headers),) = rig.writer.records
    said = dict(headers)
    assert (short, key, value) == ("requests.retry", b"k", first.value)
    assert (said["mine"], said["loa-attempt"], said["loa-source"]) == (b"1", b"2", b"tts.requests-0-0")
    pause = datetime.fromisoformat(said["loa-not-before"].decode()) - datetime.now(UTC)
    assert timedelta(seconds=1) < pause < timedelta(seconds=7)
    assert rig.writer.of("failed") == []
    assert rig.log.done == [0], "it is the copy's turn now"


async def test_the_last_try_fails_it_and_keeps_its_name():
    rig = Rig(SETTINGS, InProcessPool(instead=dies))
    rig.ask(headers=[("loa-attempt", b"2"), ("loa-source", b"tts.requests-5-7")])
    await rig.run()
    (failed,) = rig.writer.of("failed")
    assert (failed.request_id, failed.attempts, failed.code) == ("tts.requests-5-7", 2, ErrorCode.SYNTHESIS_FAILED)
    assert [record[0] for record in rig.writer.records] == ["requests.dlq"]


async def test_a_fault_of_our_own_ends_the_request_under_its_own_id(monkeypatch):
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("streams.agents.intake.understand", broken)
    rig = Rig(SETTINGS)
    rig.ask(request_id="mine", tenant="acme", metadata={"order": 7}, headers=[("loa-attempt", b"2")])
    await rig.run()
    (failed,) = rig.writer.of("failed")
    assert (failed.request_id, failed.tenant, failed.code) == ("mine", "acme", ErrorCode.INTERNAL)
    assert failed.metadata == {"order": 7}


async def test_retries_do_not_wait_for_each_other():
    rig, retries = Rig(SETTINGS), Log("tts.requests.retry")
    late, soon = datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC)
    for name, time in (("late", late), ("soon", soon)):
        request = orjson.dumps({"text": "Hello", "model": "tone", "request_id": name})
        retries.append(request, headers=[("loa-not-before", iso(time).encode()), ("loa-attempt", b"2")])
    agent = rig.agent()
    await agent.run_retries(aiter(retries))
    for _ in range(2000):
        if rig.writer.of("completed"):
            break
        await asyncio.sleep(0.001)
    assert [(e.request_id, e.attempts) for e in rig.writer.of("completed")] == [("soon", 2)]
    await agent.drain(1)
    await agent.cancel()
    assert retries.done == [1]


async def test_a_bulk_request_leaves_for_its_lane_and_is_spoken_there():
    rig = Rig(SETTINGS)
    rig.ask(request_id="r", priority="bulk")
    agent = await rig.run()
    ((short, _, value, headers),) = rig.writer.records
    assert (short, rig.log.done, rig.pool.spoken) == ("requests.bulk", [0], [])
    bulk = Log("tts.requests.bulk")
    bulk.append(value, headers=headers)
    agent = rig.agent()
    await agent.run_bulk(aiter(bulk))
    await agent.drain(30)
    assert [e.request_id for e in rig.writer.of("completed")] == ["r"]
    assert bulk.done == [0]


async def asked_while_nothing_is_spoken(rig: Rig, *requests: dict[str, object], texts: int) -> set[str]:
    """So many texts of these requests that wait for an engine, the last one's among them, while nothing is spoken."""
    rig.pool.gate.clear()
    for number, request in enumerate(requests):
        rig.ask(**{"request_id": f"r-{number}"} | request)
    agent = rig.agent()
    running = asyncio.create_task(agent.run(aiter(rig.log)))
    await asyncio.wait_for(running, 30)
    async with asyncio.timeout(30):
        while True:
            asked = {piece.text for piece in rig.pool.asked}
            if requests[-1]["text"] in asked and len(asked) >= texts:
                break
            await asyncio.sleep(0.001)
    rig.pool.gate.set()
    await agent.drain(30)
    return asked


def moved(rig: Rig) -> list[str]:
    return [orjson.loads(value)["request_id"] for short, _, value, _ in rig.writer.records if short == "requests.bulk"]


async def test_a_flood_leaves_the_window_to_others_at_once():
    rig = Rig(settings.load({"TTS_MODELS": "tone", "TTS_WINDOW_REQUESTS": "4"}))
    flood = [{"tenant": "a", "text": f"One of many is number {number}."} for number in range(20)]
    asked = await asked_while_nothing_is_spoken(rig, *flood, {"tenant": "b", "text": "A single one."}, texts=3)
    assert "A single one." in asked
    assert len(asked) == 3
    assert moved(rig) == [f"r-{number}" for number in range(2, 20)]


async def test_what_was_only_moved_has_the_share_that_it_asked_for():
    """Behind newer requests of its own tenant, in a tenth of the engines, it would wait for as long as those come."""
    rig = Rig(SETTINGS)
    bulk = Log("tts.requests.bulk")
    copied = [("loa-source", b"tts.requests-0-0")]
    for name, priority, headers in (
        ("put", "interactive", []),
        ("moved", "interactive", copied),
        ("may-wait", "bulk", copied),
    ):
        bulk.append(
            orjson.dumps({"text": name, "model": "tone", "request_id": name, "priority": priority}), headers=headers
        )
    agent = rig.agent()
    await agent.run_bulk(aiter(bulk))
    await agent.drain(30)
    lanes = {piece.text: claim.lane for piece, claim in zip(rig.pool.asked, rig.pool.claims, strict=True)}
    assert lanes == {"put": Lane.BULK, "moved": Lane.INTERACTIVE, "may-wait": Lane.BULK}


async def test_it_is_queued_until_an_engine_begins_with_it():
    rig, agent = await one_that_waits_for_an_engine()
    assert rig.writer.of("progress") == []
    opened = datetime.now(UTC)
    rig.pool.gate.set()
    await agent.drain(30)
    assert [e.state for e in rig.writer.of("progress")] == ["started", "chunk"]
    (done,) = rig.writer.of("completed")
    assert done.queue_seconds >= (opened - rig.log.deliveries[0].time).total_seconds() - 1e-6
    assert (
        done.queue_seconds + done.synthesis_seconds <= (datetime.now(UTC) - rig.log.deliveries[0].time).total_seconds()
    )


async def test_a_long_text_leaves_the_window_to_others_at_once():
    rig = Rig(settings.load({"TTS_MODELS": "tone", "TTS_WINDOW_SECONDS": "60"}))
    long = {"tenant": "a", "text": "\n\n".join(f"Line {number} of a book." for number in range(200))}
    asked = await asked_while_nothing_is_spoken(rig, long, {"tenant": "b", "text": "A single one."}, texts=2)
    assert "A single one." in asked
    assert moved(rig) == []


async def test_what_is_in_hand_in_bulk_takes_nothing_of_a_tenants_share():
    rig = Rig(settings.load({"TTS_MODELS": "tone", "TTS_WINDOW_REQUESTS": "4"}))
    rig.pool.gate.clear()
    bulk = Log("tts.requests.bulk")
    for number in range(4):
        bulk.append(orjson.dumps({"text": f"May wait {number}.", "model": "tone", "request_id": f"bulk-{number}"}))
    agent = rig.agent()
    await agent.run_bulk(aiter(bulk))
    rig.ask(request_id="r")
    await agent.run(aiter(rig.log))
    rig.pool.gate.set()
    await agent.drain(30)
    assert moved(rig) == []
    assert rig.log.done == [0]


async def test_a_drain_that_makes_room_starts_nothing_new():
    """Started and given up at once, it would be spoken twice: by who comes next, again."""
    rig = Rig(settings.load({"TTS_MODELS": "tone", "TTS_WINDOW_REQUESTS": "1"}))
    rig.pool.gate.clear()
    rig.ask(request_id="held")
    rig.ask(request_id="waits")
    agent = rig.agent()
    running = asyncio.create_task(agent.run_bulk(aiter(rig.log)))
    await taken(rig)
    draining = asyncio.create_task(agent.drain(30))
    await asyncio.sleep(0)
    rig.pool.gate.set()
    await draining
    for _ in range(20):  # as far as it comes
        await asyncio.sleep(0)
    assert [e.request_id for e in rig.writer.of("progress") if e.state == "started"] == ["held"]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await agent.cancel()
    assert rig.log.done == [0]


async def test_a_running_request_is_cancelled():
    rig, agent = await one_that_waits_for_an_engine()
    rig.cancellations.add(b'{"request_id": "r"}', datetime.now(UTC))
    await agent.drain(30)
    (failed,) = rig.writer.of("failed")
    assert (failed.code, rig.log.done, rig.writer.records) == (ErrorCode.CANCELLED, [0], [])
    assert list(rig.store.names()) == []


async def test_a_queued_request_that_was_cancelled_is_not_spoken():
    rig = Rig(SETTINGS)
    rig.ask(request_id="r")
    rig.cancellations.add(b'{"request_id": "r"}', datetime.now(UTC) + timedelta(seconds=1))
    await rig.run()
    assert rig.writer.of("failed")[0].code == ErrorCode.CANCELLED
    assert rig.pool.spoken == []


async def test_cancelling_concerns_what_came_before_it_and_the_tenant_alone():
    rig = Rig(SETTINGS)
    rig.cancellations.add(b'{"request_id": "old"}', datetime.now(UTC) - timedelta(hours=1))
    rig.cancellations.add(b'{"request_id": "r", "tenant": "other"}', datetime.now(UTC) + timedelta(seconds=9))
    rig.cancellations.add(b"nonsense", datetime.now(UTC))
    rig.ask(request_id="old")
    rig.ask(request_id="r")
    await rig.run()
    assert {e.request_id for e in rig.writer.of("completed")} == {"old", "r"}


async def test_what_is_done_cannot_be_cancelled():
    rig = Rig(SETTINGS)
    rig.ask(request_id="r")
    await rig.run()
    rig.cancellations.add(b'{"request_id": "r"}', datetime.now(UTC) + timedelta(seconds=9))
    await rig.run()
    assert len(rig.writer.of("completed")) == 2
    assert rig.writer.of("failed") == []


async def test_a_deadline_that_has_passed():
    rig = Rig(SETTINGS)
    rig.ask(request_id="r", deadline="2025-01-03T10:00:00Z")
    await rig.run()
    (failed,) = rig.writer.of("failed")
    assert (failed.code, rig.pool.spoken, rig.writer.records) == (ErrorCode.DEADLINE_EXCEEDED, [], [])
    assert "2025-01-03T10:00:00Z" in failed.message


async def test_a_deadline_that_passes_while_it_is_spoken():
    rig = Rig(SETTINGS)
    rig.ask(request_id="r", deadline=iso(datetime.now(UTC) + timedelta(seconds=0.3)))
    rig.pool.gate.clear()
    agent = await rig.run()
    assert rig.writer.of("failed")[0].code == ErrorCode.DEADLINE_EXCEEDED
    assert not agent.failure.done()


async def test_a_deadline_far_away_does_no_harm():
    rig = Rig(SETTINGS)
    rig.ask(request_id="r", deadline="2999-01-01T00:00:00Z")
    await rig.run()
    assert len(rig.writer.of("completed")) == 1
