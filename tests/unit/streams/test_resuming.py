"""A long request that is cut short: who takes it next speaks only what was not kept, and the file is the same."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from models.engine import Piece
from models.speech import Speech
from storage.errors import StoreFull, Unavailable
from storage.store import Source
from streams import settings
from tests.fakes import InProcessPool, Rig

BASE = {"TTS_MODELS": "tone", "TTS_SYNTHESIS_TRIES": "1", "TTS_RETRY_ATTEMPTS": "1", "TTS_RESUME_SECONDS": "1"}
SETTINGS = settings.load(BASE)
CHUNKS = 12
TEXT = "\n\n".join(f"Paragraph number {number} of a long story." for number in range(1, CHUNKS + 1))
ASKED: Mapping[str, Any] = {"request_id": "r", "text": TEXT, "language": "en", "speed": 4.0}


async def cut(rig: Rig, chunks: int) -> None:
    """A worker that is cancelled in the middle of its text, as by a crash: once so many chunks are kept."""
    loop, there, put = asyncio.get_running_loop(), asyncio.Event(), rig.store.put

    def watch(key: str, source: Source) -> None:
        put(key, source)
        if len(kept(rig)) >= chunks:
            loop.call_soon_threadsafe(there.set)

    def speak(piece: Piece) -> Speech:
        if len(rig.pool.spoken) > chunks:
            rig.pool.gate.clear()
        return rig.pool._engine.speak(piece)

    rig.store.put, rig.pool._instead = watch, speak  # type: ignore[method-assign]
    agent = rig.agent()
    await agent.run(aiter(rig.log))
    async with asyncio.timeout(30):
        await there.wait()
    await agent.cancel()
    rig.store.put, rig.pool._instead = put, None  # type: ignore[method-assign]
    rig.pool.gate.set()
    rig.pool.spoken.clear()


def kept(rig: Rig) -> list[str]:
    return [name for name in rig.store.names("parts/") if "/spoken/" in name]


async def whole(**asked: Any) -> Rig:
    """The same, uninterrupted."""
    rig = Rig(SETTINGS)
    rig.ask(**(ASKED | asked))
    await rig.run()
    return rig


@pytest.mark.parametrize("asked", [{}, {"format": "mp3", "sample_rate": 16_000}, {"stream": True, "format": "opus"}])
async def test_what_was_kept_is_not_spoken_again_and_the_file_is_the_same(asked: dict[str, Any]) -> None:
    rig = Rig(SETTINGS)
    rig.ask(**(ASKED | asked))
    await cut(rig, 5)
    before = len(kept(rig))
    assert before >= 5
    await rig.run()
    (event,) = rig.writer.of("completed")
    (other,) = (await whole(**asked)).writer.of("completed")
    assert (event.sha256, event.pcm_sha256) == (other.sha256, other.pcm_sha256)
    assert len(rig.pool.spoken) == CHUNKS - before
    assert list(rig.store.names("parts/")) == []
    assert len(list(rig.store.names("expiry/"))) <= 2, "the dead worker's, and the file's"


async def test_nothing_is_left_and_nothing_kept_of_short_texts() -> None:
    rig = await whole()
    assert list(rig.store.names("parts/")) == []
    assert len(list(rig.store.names("expiry/"))) == 1
    short = Rig(settings.load(BASE | {"TTS_RESUME_SECONDS": "1000"}))
    puts = watched(short)
    short.ask(**ASKED)
    await short.run()
    assert short.writer.of("completed")
    assert not any(key.startswith("parts/") for key in puts)


def watched(rig: Rig) -> list[str]:
    puts: list[str] = []
    put = rig.store.put

    def watch(key: str, source: Source) -> None:
        puts.append(key)
        put(key, source)

    rig.store.put = watch  # type: ignore[method-assign]
    return puts


@pytest.mark.parametrize(
    "changed",
    [{"TTS_CHECK": "off"}, {"seed": 7}, {"revision": "tone 2"}, {"damaged": True}],
)
async def test_what_is_not_the_same_is_spoken_again(changed: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(SETTINGS)
    rig.ask(**ASKED)
    await cut(rig, 3)
    if "TTS_CHECK" in changed:
        rig.settings = settings.load(BASE | changed)
    if "seed" in changed:
        rig.log.deliveries.clear()
        rig.ask(**ASKED, **changed)
    if "revision" in changed:
        monkeypatch.setattr("models.tone.Tone.revision", "tone 2")
    if "damaged" in changed:
        for name in kept(rig):
            rig.store.put(name, rig.store.get(name)[:-4])
    await rig.run()
    assert len(rig.pool.spoken) == CHUNKS
    assert rig.writer.of("completed")
    assert list(rig.store.names("parts/")) == []


@pytest.mark.parametrize("fault", [StoreFull("no space left"), Unavailable("away")])
async def test_a_store_that_cannot_keep_chunks_still_takes_the_file(
    fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig, tries = Rig(SETTINGS), []
    put = rig.store.put

    def full(key: str, source: Source) -> None:
        tries.append(key)
        if len(tries) > 2:
            raise fault
        put(key, source)

    monkeypatch.setattr(rig.store, "put", full)
    rig.ask(**ASKED)
    await rig.run()
    assert rig.writer.of("completed")
    assert len(tries) <= 3, "it is asked no more"
    assert list(rig.store.names("parts/")) == []


async def test_a_store_that_cannot_be_read_has_all_spoken_again(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(SETTINGS)
    rig.ask(**ASKED)
    await cut(rig, 3)
    get = rig.store.get

    def away(key: str, start: int = 0, end: int | None = None) -> bytes:
        if "/spoken/" in key:
            raise Unavailable("away")
        return get(key, start, end)

    monkeypatch.setattr(rig.store, "get", away)
    await rig.run()
    assert rig.writer.of("completed")
    assert len(rig.pool.spoken) == CHUNKS


@pytest.mark.parametrize("asked", [{}, {"stream": True}])
async def test_what_a_worker_left_that_died_after_the_commit_goes_when_its_request_comes_again(
    asked: dict[str, Any],
) -> None:
    rig = await whole(**asked)
    (event,) = rig.writer.of("completed")
    for name in ("1", "spoken/1"):
        rig.store.put_new(f"parts/{event.file_id}/{name}", b"left")
    await rig.run()
    assert rig.writer.of("completed") == [event, event]
    assert list(rig.store.names("parts/")) == []
    assert rig.files.verify(rig.files.find(event.file_id))  # type: ignore[arg-type]


async def test_chunks_of_what_failed_go_with_it() -> None:
    def breaks(piece: Piece) -> Speech:
        if "number 9" in piece.text:
            raise ZeroDivisionError("a fault")
        return rig.pool._engine.speak(piece)

    rig = Rig(SETTINGS, InProcessPool(instead=breaks))
    puts = watched(rig)
    rig.ask(**ASKED)
    await rig.run()
    assert rig.writer.of("failed")
    assert any("/spoken/" in key for key in puts)
    assert list(rig.store.names("parts/")) == []
