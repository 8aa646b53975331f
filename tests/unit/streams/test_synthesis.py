"""The synthesis agent, fed a list: every record ends in one outcome, and is done only when that is written."""

import asyncio
import json
import threading

import pytest

from models.audio import Encoder
from storage.records import file_id
from streams import settings
from streams.errors import ErrorCode
from tests.fakes import Rig

SETTINGS = settings.load({"TTS_MODELS": "tone", "TTS_SYNTHESIS_TRIES": "2", "TTS_RETRY_ATTEMPTS": "2"})


async def test_a_request_becomes_a_file_and_an_event():
    rig = Rig(SETTINGS)
    rig.ask(request_id="r", metadata={"k": [1]}, headers=[("traceparent", b"00-1-2-01"), ("other", b"x")])
    await rig.run()
    (event,) = rig.writer.of("completed")
    record = rig.files.find(event.file_id)
    assert record is not None
    assert rig.files.verify(record)
    assert (event.request_id, event.file_id, event.tenant) == ("r", file_id("default", "r"), "default")
    assert (event.metadata, event.text_sha256, event.characters) == ({"k": [1]}, record.synthesis["text_sha256"], 12)
    assert (event.sha256, event.pcm_sha256, event.attempts) == (record.sha256, record.pcm_sha256, 1)
    assert [(e.state, e.chunk) for e in rig.writer.of("progress")] == [("started", None), ("chunk", 1)]
    assert all(passed["traceparent"] == b"00-1-2-01" for passed in rig.writer.passed_on)
    assert rig.log.done == [0]


async def test_a_record_without_an_id_is_named_by_its_position():
    rig = Rig(SETTINGS)
    rig.ask()
    await rig.run()
    assert rig.writer.of("completed")[0].request_id == "tts.requests-0-0"


async def test_a_repeat_gives_the_same_event_and_is_not_spoken_again():
    rig = Rig(SETTINGS)
    rig.ask(request_id="r")
    await rig.run()
    await rig.run()
    first, second = rig.writer.of("completed")
    assert first == second
    assert first.ce_id() == second.ce_id() == f"{first.file_id}.completed"
    assert len(rig.pool.spoken) == 1


async def test_repeats_in_hand_are_spoken_once_and_done_together():
    rig = Rig(SETTINGS)
    for _ in range(5):
        rig.ask(request_id="r")
    rig.pool.gate.clear()
    agent = rig.agent()
    await agent.run(aiter(rig.log))
    assert rig.log.done == []
    rig.pool.gate.set()
    await agent.drain(30)
    assert len(rig.pool.spoken) == len(rig.writer.of("completed")) == 1
    assert rig.log.done == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("together", [True, False])
async def test_other_content_under_the_same_id_is_a_conflict_and_the_first_stays(together):
    rig = Rig(SETTINGS)
    rig.ask(request_id="r")
    if not together:
        await rig.run()
    rig.ask(request_id="r", text="Something else.")
    await rig.run()
    (failed,) = rig.writer.of("failed")
    assert (failed.code, failed.request_id) == (ErrorCode.REQUEST_CONFLICT, "r")
    assert failed.ce_id() != f"{failed.file_id}.failed", "it is not the outcome of the id's own request"
    assert rig.writer.records == [], "the rules ended it: nothing for the DLQ"
    assert {e.characters for e in rig.writer.of("completed")} == {12}


async def test_who_was_first_is_not_told_a_conflict_by_who_comes_again_before_it():
    rig = Rig(SETTINGS)
    rig.ask(request_id="r")
    await rig.run()
    rig.log.deliveries.clear()
    rig.ask(request_id="r", text="Something else.")
    rig.ask(request_id="r")
    await rig.run()
    (failed,) = rig.writer.of("failed")
    assert failed.source == "tts.requests-0-0"
    assert [e.characters for e in rig.writer.of("completed")] == [12, 12]


async def test_two_tenants_may_use_the_same_id():
    rig = Rig(SETTINGS)
    rig.ask(request_id="r", tenant="a")
    rig.ask(request_id="r", tenant="b", text="Something else.")
    await rig.run()
    assert len({e.file_id for e in rig.writer.of("completed")}) == 2


async def test_a_bad_record_goes_to_the_dlq_as_it_came():
    rig = Rig(SETTINGS)
    rig.log.append(b"\xff{", b"\x00key", [("mine", b"1")])
    await rig.run()
    (failed,) = rig.writer.of("failed")
    assert (failed.code, failed.request_id) == (ErrorCode.INVALID_REQUEST, "tts.requests-0-0")
    ((short, key, value, headers),) = rig.writer.records
    assert (short, key, value) == ("requests.dlq", b"\x00key", b"\xff{")
    assert dict(headers) | {"__streams.errors.message": b""} == {
        "mine": b"1",
        "__streams.errors.exception": b"invalid_request",
        "__streams.errors.message": b"",
        "__streams.errors.stacktrace": b"",
        "__streams.errors.topic": b"tts.requests",
        "__streams.errors.partition": b"0",
        "__streams.errors.offset": b"0",
    }
    assert rig.log.done == [0]


async def test_a_record_without_key_and_value_is_dead_lettered_under_its_position():
    rig = Rig(SETTINGS)
    rig.log.append(None)
    await rig.run()
    assert rig.writer.records[0][1:3] == (b"tts.requests-0-0", None)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"model": "nope"}, ErrorCode.UNKNOWN_MODEL),
        ({"voice": "nope"}, ErrorCode.UNKNOWN_VOICE),
        ({"speaker_id": "99"}, ErrorCode.UNKNOWN_VOICE),
        ({"text": "[99] Hello"}, ErrorCode.UNKNOWN_VOICE),
        ({"model": "auto", "language": "vi"}, ErrorCode.UNSUPPORTED_LANGUAGE),
        ({"format": "aiff"}, ErrorCode.UNSUPPORTED_FORMAT),
        ({"format": "opus", "sample_rate": 44100}, ErrorCode.UNSUPPORTED_FORMAT),
        ({"text": "…!?"}, ErrorCode.INVALID_REQUEST),
        ({"text": "[05]"}, ErrorCode.INVALID_REQUEST),
        ({"text": "…!?", "model": "auto"}, ErrorCode.INVALID_REQUEST),
        ({"text": "a" * 100_001}, ErrorCode.TEXT_TOO_LONG),
    ],
)
async def test_what_cannot_be_spoken_fails_with_its_code_and_its_id(fields, code):
    rig = Rig(SETTINGS)
    rig.ask(request_id="r", **fields)
    await rig.run()
    (failed,) = rig.writer.of("failed")
    assert (failed.code, failed.request_id, failed.retryable) == (code, "r", False)
    assert [record[0] for record in rig.writer.records] == ["requests.dlq"]


async def test_nothing_is_done_before_its_event_is_written():
    rig = Rig(SETTINGS)
    rig.ask(request_id="r")
    rig.writer.broken = ConnectionError("no broker")
    agent = await rig.run()
    assert rig.log.done == []
    assert "no broker" in agent.failure.result()


async def test_a_file_that_was_damaged_is_spoken_again():
    rig = Rig(SETTINGS)
    rig.ask(request_id="r")
    await rig.run()
    event = rig.writer.of("completed")[0]
    rig.store.put(f"{event.file_id}.wav", b"not audio")
    await rig.run()
    record = rig.files.find(event.file_id)
    assert record is not None
    assert rig.files.verify(record)
    assert rig.writer.of("completed")[1].pcm_sha256 == event.pcm_sha256


async def test_inline_audio_only_where_asked_for_and_small():
    rig = Rig(SETTINGS.model_copy(update={"max_inline_bytes": 65_536}))
    rig.ask(request_id="asked", return_audio=True)
    rig.ask(request_id="not-asked")
    rig.ask(request_id="large", return_audio=True, text="word " * 20)
    await rig.run()
    inline = {e.request_id: e.audio_base64 is not None for e in rig.writer.of("completed")}
    assert inline == {"asked": True, "not-asked": False, "large": False}


async def test_what_is_not_stored_lives_ten_minutes():
    rig = Rig(SETTINGS)
    rig.ask(request_id="r", store=False)
    await rig.run()
    event = rig.writer.of("completed")[0]
    assert (event.expires_at - event.created_at).total_seconds() == 600


async def test_an_attempt_in_the_headers_is_counted():
    rig = Rig(SETTINGS)
    rig.ask(request_id="r", headers=[("loa-attempt", b"3")])
    await rig.run()
    assert rig.writer.of("completed")[0].attempts == 3


async def test_a_stopping_agent_takes_nothing_more():
    rig = Rig(SETTINGS)
    rig.ask(request_id="first")
    agent = await rig.run()
    rig.ask(request_id="second")
    running = asyncio.create_task(agent.run(aiter(rig.log)))
    await agent.drain(1)
    assert not running.done()
    running.cancel()
    assert {e.request_id for e in rig.writer.of("completed")} == {"first"}


async def test_every_event_is_json_and_its_times_end_in_z():
    rig = Rig(SETTINGS)
    rig.ask(request_id="r")
    rig.log.append(b"{}")
    await rig.run()
    for event in rig.writer.events:
        fields = json.loads(event.encode())
        for name in ("created_at", "expires_at", "failed_at"):
            assert name not in fields or fields[name].endswith("Z")


async def test_a_cancelled_worker_closes_no_encoder_that_a_thread_still_writes_to(monkeypatch):
    rig, writing, go_on, events = Rig(SETTINGS), threading.Event(), threading.Event(), []
    rig.ask(request_id="r")
    write, abandon = Encoder.write, Encoder.__exit__

    def slow(self, samples):
        writing.set()
        assert go_on.wait(30)
        write(self, samples)
        events.append("written")

    def leave(self, *error):
        events.append("closed")
        abandon(self, *error)

    monkeypatch.setattr(Encoder, "write", slow)
    monkeypatch.setattr(Encoder, "__exit__", leave)
    agent = rig.agent()
    await agent.run(aiter(rig.log))
    assert await asyncio.to_thread(writing.wait, 30)
    cancelling = asyncio.create_task(agent.cancel())
    for _ in range(20):  # as far as it comes
        await asyncio.sleep(0)
    go_on.set()
    await cancelling
    assert events == ["written", "closed"]
    assert rig.log.done == []
