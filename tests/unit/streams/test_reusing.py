"""Identical requests of a tenant are spoken once; the others get files of their own, the same to the bit."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from models.engine import EngineDied
from storage.cleanup import CleanUp
from storage.files import audio_key
from storage.records import Record, file_id
from streams import settings
from streams.agents.intake import Intake
from streams.errors import ErrorCode
from streams.quotas import Quotas
from streams.readers.sources import Source, Sources
from tests.fakes import InProcessPool, Rig

BASE = {"TTS_MODELS": "tone", "TTS_SYNTHESIS_TRIES": "1", "TTS_RETRY_ATTEMPTS": "1"}
SETTINGS = settings.load(BASE | {"TTS_REUSE_MINUTES": "60"})
TEXT = "The same announcement, again and again."
BULK = {"priority": "bulk"}


def rig_of(pool: InProcessPool | None = None, **more: str) -> Rig:
    return Rig(settings.load(BASE | {"TTS_REUSE_MINUTES": "60"} | more), pool)


def results(rig: Rig):
    return {event.request_id: event for event in rig.writer.of("completed")}


def record(rig: Rig, name: str, tenant: str = "default") -> Record:
    found = rig.files.find(file_id(tenant, name))
    assert isinstance(found, Record)
    return found


async def test_a_copy_is_a_file_of_its_own_and_says_so():
    rig = rig_of()
    rig.ask(request_id="first", text=TEXT, expiry_hours=1)
    rig.ask(request_id="second", text=TEXT, expiry_hours=48, metadata={"k": 1})
    await rig.run()
    first, second = (results(rig)[name] for name in ("first", "second"))
    assert len(rig.pool.spoken) == 1
    assert (first.cached, second.cached) == (False, True)
    same = ("sha256", "pcm_sha256", "file_size", "duration_seconds", "sample_rate", "cache_key", "model_revision")
    assert [getattr(first, name) for name in same] == [getattr(second, name) for name in same]
    assert second.file_id == file_id("default", "second") and second.metadata == {"k": 1}
    assert second.expires_at - second.created_at == timedelta(hours=48)
    own = record(rig, "second")
    assert rig.files.verify(own) and own.cached and own.file_path != record(rig, "first").file_path
    assert [event.request_id for event in rig.writer.of("progress")] == ["first", "first"]
    await rig.run()
    assert [event.cached for event in rig.writer.of("completed") if event.request_id == "second"] == [True, True]


async def test_without_the_setting_each_is_spoken():
    rig = Rig(settings.load(BASE))
    rig.ask(request_id="first", text=TEXT)
    rig.ask(request_id="second", text=TEXT)
    await rig.run()
    assert len(rig.pool.spoken) == 2 and not any(event.cached for event in results(rig).values())
    assert results(rig)["first"].cache_key == results(rig)["second"].cache_key


@pytest.mark.parametrize(
    "other",
    [
        {"text": TEXT + " Again."},
        {"tenant": "acme"},
        {"speed": 1.5},
        {"seed": 7},
        {"format": "flac"},
        {"sample_rate": 16_000},
        {"language": "vi"},
    ],
)
async def test_what_differs_in_anything_that_is_heard_is_spoken(other):
    rig = rig_of()
    rig.ask(request_id="first", text=TEXT)
    rig.ask(request_id="second", **({"text": TEXT} | other))
    await rig.run()
    assert len(rig.pool.spoken) == 2 and not any(event.cached for event in results(rig).values())


async def test_what_is_not_heard_makes_no_difference():
    rig = rig_of()
    rig.ask(request_id="first", text=TEXT)
    rig.ask(request_id="second", text=TEXT, callback_url="http://example.com/", store=False, return_audio=True)
    await rig.run()
    second = results(rig)["second"]
    assert len(rig.pool.spoken) == 1 and second.cached
    assert second.expires_at - second.created_at == timedelta(minutes=10)
    assert second.callback_url == "http://example.com/" and second.audio_base64


async def speaking(*names: str) -> tuple[Rig, Intake]:
    """Identical requests in hand, of which the first is being spoken until `rig.pool.gate` opens."""
    pool = InProcessPool()
    pool.gate.clear()
    rig = rig_of(pool)
    for name in names:
        rig.ask(request_id=name, text=TEXT)
    agent = rig.agent()
    await agent.run(aiter(rig.log))
    while not pool.asked:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    return rig, agent


async def test_those_in_hand_wait_for_the_first():
    rig, agent = await speaking("r0", "r1", "r2", "r3", "r4")
    rig.pool.gate.set()
    await agent.drain(30)
    assert len(rig.pool.asked) == 1
    assert sorted(event.cached for event in results(rig).values()) == [False, True, True, True, True]


async def test_those_who_waited_for_one_that_failed_are_spoken_without_further_waiting():
    faults = [EngineDied("gone")]

    def once(piece):
        if faults:
            raise faults.pop()
        return rig.pool._engine.speak(piece)

    rig = rig_of(InProcessPool(instead=once))
    for number in range(3):
        rig.ask(request_id=f"r{number}", text=TEXT)
    await rig.run()
    assert [event.request_id for event in rig.writer.of("failed")] == ["r0"]
    assert {name: event.cached for name, event in results(rig).items()} == {"r1": False, "r2": False}


async def test_those_who_waited_for_one_that_was_cancelled_wait_for_the_next():
    rig, agent = await speaking("r0", "r1", "r2", "r3")
    rig.cancellations.add(b'{"request_id": "r0"}', datetime.now(UTC) + timedelta(seconds=9))
    while len(rig.pool.asked) < 2:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    rig.pool.gate.set()
    await agent.drain(30)
    assert len(rig.pool.asked) == 2
    assert sorted(event.cached for event in results(rig).values()) == [False, True, True]


async def test_who_waits_can_be_cancelled():
    rig, agent = await speaking("first", "second")
    rig.cancellations.add(b'{"request_id": "second"}', datetime.now(UTC) + timedelta(seconds=9))
    while not rig.writer.of("failed"):  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    assert rig.writer.of("failed")[0].code == ErrorCode.CANCELLED
    rig.pool.gate.set()
    await agent.drain(30)
    assert list(results(rig)) == ["first"]


@pytest.mark.parametrize("hurried", [{"stream": True}, {}])
async def test_who_listens_or_may_not_wait_does_not_wait_for_who_may(hurried):
    pool = InProcessPool()
    pool.gate.clear()
    rig = rig_of(pool)
    agent = rig.agent()
    rig.ask(request_id="first", text=TEXT, **({} if hurried else BULK))
    await (agent.run if hurried else agent.run_bulk)(aiter(rig.log))
    rig.log.deliveries.clear()
    rig.ask(request_id="second", text=TEXT, **hurried)
    await agent.run(aiter(rig.log))
    while len(pool.asked) < 2:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    pool.gate.set()
    await agent.drain(30)
    assert not any(event.cached for event in results(rig).values()) and len(results(rig)) == 2


def deleted(rig: Rig):
    CleanUp(rig.files).delete(file_id("default", "first"))


def damaged(rig: Rig):
    rig.store.put(audio_key(file_id("default", "first"), "wav"), b"RIFF")


def gone(rig: Rig):
    rig.store.delete(audio_key(file_id("default", "first"), "wav"))


def expired(rig: Rig):
    later = datetime.now(UTC) + timedelta(days=2)
    rig.files.clock = lambda: later


def corrupt(rig: Rig):
    rig.store.put(f"metadata/{file_id('default', 'first')}.json", b"{")


@pytest.mark.parametrize("harm", [deleted, damaged, gone, expired, corrupt])
async def test_what_is_not_there_whole_is_spoken_and_copied_from_then_on(harm):
    rig = rig_of()
    rig.ask(request_id="first", text=TEXT)
    await rig.run()
    harm(rig)
    rig.log.deliveries.clear()
    rig.ask(request_id="second", text=TEXT)
    rig.ask(request_id="third", text=TEXT)
    await rig.run()
    cached = {name: event.cached for name, event in results(rig).items()}
    assert cached.keys() == {"first", "second", "third"} and not cached["first"]
    # Which of the two sees first that there is nothing to copy is for their threads.
    assert sorted([cached["second"], cached["third"]]) == [False, harm is not expired]


async def test_a_copy_outlives_what_it_was_made_of():
    rig = rig_of()
    rig.ask(request_id="first", text=TEXT)
    rig.ask(request_id="second", text=TEXT)
    await rig.run()
    deleted(rig)
    assert rig.files.verify(record(rig, "second"))


async def test_a_request_whose_own_audio_is_damaged_is_spoken():
    rig = rig_of()
    rig.ask(request_id="first", text=TEXT)
    await rig.run()
    damaged(rig)
    await rig.run()
    assert len(rig.pool.spoken) == 2 and rig.files.verify(record(rig, "first"))


async def test_a_record_that_is_another_tenants_is_not_copied():
    """Whatever an event may claim, the store says what a file is."""
    rig = rig_of()
    rig.ask(request_id="first", text=TEXT, tenant="acme")
    rig.ask(request_id="second", text=TEXT)
    await rig.run()
    stolen = results(rig)["first"]
    key = results(rig)["second"].cache_key
    rig.sources.add(Source(file_id=stolen.file_id, cache_key=key, created_at=stolen.created_at))
    rig.log.deliveries.clear()
    rig.ask(request_id="third", text=TEXT)
    await rig.run()
    assert not results(rig)["third"].cached


async def test_copies_cost_room_and_no_speech():
    rig = rig_of(TTS_QUOTA_SPEECH_SECONDS="*=4")
    for number in range(4):
        rig.ask(request_id=f"r{number}", text=TEXT)
    await rig.run()
    assert len(results(rig)) == 4 and not rig.writer.of("failed")
    rig.quotas = Quotas(settings.load(BASE | {"TTS_QUOTA_STORED_MB": "*=0"}))
    rig.quotas.read.set()
    rig.log.deliveries.clear()
    rig.ask(request_id="more", text=TEXT)
    await rig.run()
    assert [event.code for event in rig.writer.of("failed")] == [ErrorCode.QUOTA_EXCEEDED]


def source(number: int, created_at: datetime, **more: object) -> Source:
    return Source(file_id=f"{number:032x}", cache_key=f"{number % 1000:064x}", created_at=created_at, **more)


def test_sources_are_the_newest_and_of_late():
    now = datetime(2025, 1, 3, tzinfo=UTC)
    sources = Sources(SETTINGS, lambda: now)
    sources.add(source(1, now - timedelta(minutes=59)))
    sources.add(source(2, now - timedelta(minutes=61)))
    sources.add(source(3, now, cached=True))
    assert [sources.of(f"{number:064x}") for number in (1, 2, 3)] == [f"{1:032x}", None, None]
    sources.add(source(1001, now))
    sources.forget(f"{1:064x}", f"{1:032x}")
    assert sources.of(f"{1:064x}") == f"{1001:032x}", "another has taken its place"
    sources.forget(f"{1:064x}", f"{1001:032x}")
    assert sources.of(f"{1:064x}") is None


def test_no_more_sources_are_remembered_than_fit(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("streams.readers.sources.MOST_REMEMBERED", 3)
    now = datetime.now(UTC)
    sources = Sources(SETTINGS, lambda: now)
    for number in range(5):
        made = Source.model_construct(file_id="f", cache_key=str(number), created_at=now, cached=False)
        sources.add(made)
    assert [sources.of(str(number)) for number in range(5)] == [None, None, "f", "f", "f"]
