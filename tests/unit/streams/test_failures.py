"""What fails for what may pass: tried again, then decided once, told, and dead-lettered."""

from collections.abc import Awaitable, Callable, Mapping

import numpy as np
import pytest
import stamina

from models.engine import AudioRejected, EngineDied, EngineTimeout, OutOfMemory, Piece, Unreadable
from models.speech import Speech
from storage.errors import StoreFull
from storage.records import Record
from streams import settings
from streams.errors import ErrorCode
from streams.events import Event
from tests.fakes import InProcessPool, MemoryWriter, Rig

BASE = {"TTS_MODELS": "tone", "TTS_SYNTHESIS_TRIES": "2", "TTS_RETRY_ATTEMPTS": "2"}
SETTINGS = settings.load(BASE)
LAST = [("loa-attempt", b"2")]


@pytest.mark.parametrize(
    ("error", "code", "tries"),
    [
        (OutOfMemory("x"), ErrorCode.OUT_OF_MEMORY, 1),
        (AudioRejected("x"), ErrorCode.AUDIO_REJECTED, 2),
        (EngineTimeout("x"), ErrorCode.SYNTHESIS_TIMEOUT, 2),
        (EngineDied("x"), ErrorCode.SYNTHESIS_FAILED, 2),
        (ZeroDivisionError("x"), ErrorCode.INTERNAL, 1),
    ],
)
async def test_an_engine_that_fails_ends_its_request_alone(error, code, tries):
    def fail(piece):
        raise error

    rig = Rig(SETTINGS, InProcessPool(instead=fail))
    rig.ask(request_id="r", headers=LAST)
    await rig.run()
    (failed,) = rig.writer.of("failed")
    assert (failed.code, failed.retryable, len(rig.pool.spoken)) == (code, True, tries)
    assert rig.log.done == [0]
    kept = [name for name in rig.store.names() if not name.startswith("expiry/")]
    assert kept == [f"metadata/{failed.file_id}.json"], "nothing is left of a file that was never whole"


async def test_letters_that_a_voice_cannot_read_are_refused_at_once():
    def speak(piece: Piece) -> Speech:
        raise Unreadable("cannot read 中")

    rig = Rig(SETTINGS, InProcessPool(instead=speak))
    rig.ask(request_id="r")
    await rig.run()
    (failed,) = rig.writer.of("failed")
    assert (failed.code, failed.retryable) == (ErrorCode.UNSUPPORTED_LANGUAGE, False)
    assert "中" in failed.message
    assert [record[0] for record in rig.writer.records] == ["requests.dlq"], "and not to be tried again"
    assert len(rig.pool.spoken) == 1


def flaky(faults: list[Exception]) -> InProcessPool:
    """An engine with so many faults before it works."""
    pool = InProcessPool()

    def speak(piece: Piece) -> Speech:
        if faults:
            raise faults.pop()
        return pool._engine.speak(piece)

    pool._instead = speak
    return pool


async def test_a_failure_stands_when_its_record_comes_again_though_the_fault_has_passed():
    rig = Rig(SETTINGS, flaky([OutOfMemory("x")]))
    rig.ask(request_id="r", headers=LAST, metadata={"k": 1})
    await rig.run()
    await rig.run()
    first, second = rig.writer.of("failed")
    assert first == second
    assert (first.code, first.metadata) == (ErrorCode.OUT_OF_MEMORY, {"k": 1})
    assert [record[0] for record in rig.writer.records] == ["requests.dlq"] * 2
    assert rig.writer.of("completed") == []
    assert rig.log.done == [0, 0]


async def test_a_failure_that_could_not_be_told_is_told_by_who_comes_next():
    rig = Rig(SETTINGS, flaky([OutOfMemory("x")]))
    rig.ask(request_id="r", headers=LAST)
    emit, rig.writer.emit = rig.writer.emit, broken_for("failed", rig.writer)
    assert "no broker" in (await rig.run()).failure.result()
    rig.writer.emit = emit
    await rig.run()
    assert [e.code for e in rig.writer.of("failed")] == [ErrorCode.OUT_OF_MEMORY]
    assert rig.writer.of("completed") == []


def broken_for(topic: str, writer: MemoryWriter) -> Callable[..., Awaitable[None]]:
    emit = writer.emit

    async def broken(event: Event, passed_on: Mapping[str, bytes] | None = None) -> None:
        if event.topic == topic:
            raise ConnectionError("no broker")
        await emit(event, passed_on)

    return broken


async def test_a_try_that_was_asked_for_since_supersedes_the_failure():
    rig = Rig(SETTINGS, flaky([OutOfMemory("x")]))
    rig.ask(request_id="r", headers=LAST)
    await rig.run()
    rig.ask(request_id="r", headers=[("loa-attempt", b"3")])
    rig.log.deliveries.pop(0)
    await rig.run()
    (event,) = rig.writer.of("completed")
    record = rig.files.find(event.file_id)
    assert isinstance(record, Record)
    assert rig.files.verify(record)
    rig.log.deliveries.clear()
    rig.ask(request_id="r", headers=LAST)
    await rig.run()
    assert len(rig.writer.of("failed")) == 1
    assert rig.writer.of("completed") == [event, event]


async def test_other_content_under_the_id_of_a_failure_is_a_conflict():
    rig = Rig(SETTINGS, flaky([OutOfMemory("x")]))
    rig.ask(request_id="r", headers=LAST)
    await rig.run()
    rig.ask(request_id="r", text="Something else.")
    await rig.run()
    codes = [e.code for e in rig.writer.of("failed")]
    assert sorted(codes) == [ErrorCode.OUT_OF_MEMORY, ErrorCode.OUT_OF_MEMORY, ErrorCode.REQUEST_CONFLICT]


async def test_who_fails_where_another_succeeded_meanwhile_tells_the_success():
    other, rig = Rig(SETTINGS), Rig(SETTINGS)
    other.store, other.files = rig.store, rig.files

    def overtaken(piece: Piece) -> Speech:
        raise OutOfMemory("x")

    rig.pool._instead = overtaken
    for each in (rig, other):
        each.ask(request_id="r", headers=LAST)
    rig.pool.gate.clear()
    agent = rig.agent()
    await agent.run(aiter(rig.log))
    await other.run()
    rig.pool.gate.set()
    await agent.drain(30)
    assert rig.writer.of("failed") == []
    assert [e.sha256 for e in rig.writer.of("completed")] == [e.sha256 for e in other.writer.of("completed")]


async def test_a_full_store_is_tried_again_and_then_told(monkeypatch):
    rig, tries = Rig(SETTINGS), []
    rig.ask(request_id="r", headers=LAST)

    def full(*_: object) -> bool:
        tries.append(1)
        raise StoreFull("no space left")

    monkeypatch.setattr(rig.store, "put_new", full)
    with stamina.set_testing(True, attempts=2):  # without the pauses
        await rig.run()
    assert rig.writer.of("failed")[0].code == ErrorCode.STORAGE_FAILED
    assert len(tries) == 4, "the file twice, and that there is none twice"


@pytest.mark.parametrize("check", ["on", "off"])
async def test_audio_that_is_not_its_text_is_refused_unless_nobody_looks(check):
    def mute(piece: Piece) -> Speech:
        return Speech(np.zeros(24_000, np.float32), 24_000)

    rig = Rig(settings.load({**BASE, "TTS_CHECK": check}), InProcessPool(instead=mute))
    rig.ask(request_id="r", headers=LAST)
    await rig.run()
    failed, completed = rig.writer.of("failed"), rig.writer.of("completed")
    if check == "off":
        assert (len(completed), failed) == (1, [])
        return
    assert (failed[0].code, completed) == (ErrorCode.AUDIO_REJECTED, [])
    assert failed[0].message == "silence: 0 at its peak, at least 0.005 expected, for 'Hello there.'"
    assert len({piece.seed for piece in rig.pool.spoken}) == 2, "each try has another seed"
