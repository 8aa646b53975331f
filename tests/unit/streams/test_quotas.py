"""What tenants may have spoken in a day and keep stored: counted from results and deletions, each once."""

import asyncio
from datetime import UTC, datetime

import pytest

from streams import settings
from streams.errors import ErrorCode
from streams.quotas import QuotaExceededError, Quotas
from streams.settings import SettingsError
from tests.fakes import InProcessPool, Rig

NOON = datetime(2025, 1, 3, 12, tzinfo=UTC)
MIB = 1 << 20


class Clock:
    now = NOON

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def quotas_of(clock, **given):
    return Quotas(settings.load({f"TTS_QUOTA_{name.upper()}": text for name, text in given.items()}), clock)


def result(number, seconds=10.0, *, size=MIB, tenant="acme", **more):
    name = f"{number:032x}"
    told = {"file_id": name[::-1], "tenant": tenant, "created_at": NOON.isoformat(), "duration_seconds": seconds}
    return told | {"file_size": size} | more


async def test_without_quotas_everything_goes(clock):
    quotas = quotas_of(clock)
    assert quotas.read.is_set() and not quotas.on
    quotas.check("acme", 1e9)


async def test_speech_of_a_day_is_counted_once_for_each_file(clock):
    quotas = quotas_of(clock, speech_seconds="acme=60")
    for number in (1, 2, 1, 2, 2):
        quotas._usage.hear("completed", result(number))
    assert quotas.of("acme").speech_used == 20.0
    quotas.check("acme", 40.0)
    with pytest.raises(
        QuotaExceededError, match=r"'acme' has had 20\.0 of 60 seconds.*2025-01-04T00:00:00Z"
    ) as refused:
        quotas.check("acme", 40.5)
    assert refused.value.code == ErrorCode.QUOTA_EXCEEDED
    assert refused.value.retry_after == 12 * 3600


async def test_the_next_day_has_a_quota_of_its_own(clock):
    quotas = quotas_of(clock, speech_seconds="acme=15")
    quotas._usage.hear("completed", result(1, 15.0))
    with pytest.raises(QuotaExceededError):
        quotas.check("acme")
    clock.now = datetime(2025, 1, 4, tzinfo=UTC)
    quotas.check("acme", 15.0)
    late = result(2, 15.0)  # made yesterday, told today
    quotas._usage.hear("completed", result(3, 4.0, created_at=clock.now.isoformat()))
    quotas._usage.hear("completed", late)
    assert quotas.of("acme").speech_used == 4.0


async def test_what_is_in_hand_counts_until_it_is_told(clock):
    quotas = quotas_of(clock, speech_seconds="*=20")
    with quotas.spending("acme", 15.0):
        with pytest.raises(QuotaExceededError, match=r"15\.0 in hand"):
            quotas.check("acme", 6.0)
        quotas.check("other", 6.0)
    quotas.check("acme", 20.0)
    assert not quotas._in_hand


async def test_each_tenant_has_its_own_and_the_star_is_for_the_others(clock):
    quotas = quotas_of(clock, speech_seconds="*=10,acme=1000,closed=0")
    for number, tenant in enumerate(["acme", "small"]):
        quotas._usage.hear("completed", result(number, 10.0, tenant=tenant))
    quotas.check("acme", 500.0)
    quotas.check("new", 10.0)
    for refused in ("small", "closed"):
        with pytest.raises(QuotaExceededError):
            quotas.check(refused, 0.1)


async def test_what_was_not_spoken_costs_no_speech(clock):
    quotas = quotas_of(clock, speech_seconds="acme=10", stored_mb="acme=10")
    quotas._usage.hear("completed", result(1, 10.0, cached=True))
    assert (quotas.of("acme").speech_used, quotas.of("acme").stored_used) == (0.0, MIB)


async def test_stored_bytes_are_results_without_deletions(clock):
    quotas = quotas_of(clock, stored_mb="acme=2")
    usage = quotas._usage
    for number in (1, 2, 1):
        usage.hear("completed", result(number))
    with pytest.raises(QuotaExceededError, match=r"2\.0 of 2 MiB stored") as refused:
        quotas.check("acme")
    assert refused.value.retry_after is None
    deleted = {"file_id": result(1)["file_id"], "tenant": "acme", "reason": "requested"}
    usage.hear("deleted", deleted | {"reason": "orphaned"})
    assert quotas.of("acme").stored_used == 2 * MIB, "nothing was told of what an orphan was to be"
    for _ in range(2):
        usage.hear("deleted", deleted)
    usage.hear("completed", result(1))  # told again, after it was deleted
    assert quotas.of("acme").stored_used == MIB
    quotas.check("acme")


async def test_files_of_tenants_without_a_limit_are_not_held(clock):
    quotas = quotas_of(clock, stored_mb="acme=2")
    quotas._usage.hear("completed", result(1, tenant="other"))
    quotas._usage.hear("deleted", {"file_id": "0" * 32, "tenant": "other", "reason": "expired"})
    assert not quotas._usage._sizes and not quotas._usage._gone


@pytest.mark.parametrize("event", [{}, {"file_id": 7}, {"file_id": "x" * 32, "tenant": "acme"}, result(1, "long")])
@pytest.mark.parametrize("short", ["completed", "deleted"])
async def test_what_is_no_event_is_ignored(clock, short, event):
    quotas = quotas_of(clock, speech_seconds="*=10", stored_mb="*=1")
    quotas._usage.hear(short, event)
    assert (quotas.of("acme").speech_used, quotas.of("acme").stored_used) == (0.0, 0)


@pytest.mark.parametrize("text", ["acme", "acme=-1", "acme=much", "a b=1", "acme=inf"])
@pytest.mark.parametrize("name", ["TTS_QUOTA_SPEECH_SECONDS", "TTS_QUOTA_STORED_MB"])
def test_a_wrong_quota_is_refused_by_name(name, text):
    with pytest.raises(SettingsError, match=name):
        settings.load({name: text})


def rig_of(pool=None, **given):
    return Rig(settings.load({"TTS_MODELS": "tone", **given}), pool)


async def test_a_worker_refuses_what_goes_beyond_and_tells_the_same_result_again():
    rig = rig_of(TTS_QUOTA_SPEECH_SECONDS="acme=3")
    rig.ask(request_id="first", tenant="acme", text="One short sentence.")
    rig.ask(request_id="second", tenant="acme", text="Another one, which is a good deal longer. " * 3)
    rig.ask(request_id="other", tenant="other", text="Another one, which is a good deal longer. " * 3)
    rig.ask(request_id="first", tenant="acme", text="One short sentence.")
    await rig.run()
    await rig.run()
    assert {event.request_id for event in rig.writer.of("completed")} == {"first", "other"}
    refused = rig.writer.of("failed")
    assert {(event.request_id, event.code, event.retryable) for event in refused} == {
        ("second", ErrorCode.QUOTA_EXCEEDED, True)
    }
    assert rig.writer.records == [], "neither the DLQ nor a retry: the rules have ended it"


async def test_what_was_refused_is_spoken_once_there_is_room():
    rig = rig_of(TTS_QUOTA_SPEECH_SECONDS="*=0")
    rig.ask(request_id="r")
    await rig.run()
    assert [event.code for event in rig.writer.of("failed")] == [ErrorCode.QUOTA_EXCEEDED]
    rig.quotas = Quotas(settings.load({"TTS_QUOTA_SPEECH_SECONDS": "*=60"}))
    rig.quotas.read.set()
    await rig.run()
    assert [event.request_id for event in rig.writer.of("completed")] == ["r"]


async def test_many_at_once_do_not_go_beyond_together():
    pool = InProcessPool()
    pool.gate.clear()
    rig = rig_of(pool, TTS_QUOTA_SPEECH_SECONDS="*=5")
    for number in range(20):
        rig.ask(request_id=f"r{number}", text=f"Sentence number {number}.")
    agent = rig.agent()
    await agent.run(aiter(rig.log))
    pool.gate.set()
    await agent.drain(30)
    done, refused = rig.writer.of("completed"), rig.writer.of("failed")
    assert len(done) + len(refused) == 20 and done and refused
    assert sum(event.duration_seconds for event in done) < 6.0


async def test_nothing_is_taken_before_the_log_was_counted():
    rig = rig_of(TTS_QUOTA_SPEECH_SECONDS="*=0")
    rig.quotas.read.clear()
    rig.ask(request_id="r")
    running = asyncio.create_task(rig.run())
    for _ in range(20):
        await asyncio.sleep(0)
    assert not running.done() and not rig.writer.events
    rig.quotas.read.set()
    await running
    assert [event.code for event in rig.writer.of("failed")] == [ErrorCode.QUOTA_EXCEEDED]
