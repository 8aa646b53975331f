"""Audio that is sent while it is being spoken."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from models.engine import EngineTimeout
from models.growing import HEAD_BYTES
from storage import parts as pieces_of
from streams.gateway.auth import Caller
from streams.gateway.errors import ApiError
from streams.gateway.live import live
from streams.gateway.speech import Asked
from tests.fakes import InProcessPool
from tests.gateway.rig import Site

TEXT = " ".join(f"Sentence number {number} of a long story is being read aloud." for number in range(60))
SPOKEN = {"text": TEXT, "model": "tone", "speed": 4.0, "language": "en", "stream": True}


class Caller_:
    """What `live` asks of a request."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.gone = asyncio.Event()

    async def is_disconnected(self) -> bool:
        return self.gone.is_set()

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}


class Slow(InProcessPool):
    """Speaks one piece more at each `step`."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.steps = asyncio.Semaphore(0)

    async def speak(self, *arguments: Any) -> Any:  # type: ignore[override]
        """As `EnginePool.speak`."""
        await self.steps.acquire()
        return await super().speak(*arguments)


class Listener:
    """One who listens to a request that a slow worker speaks in the background."""

    def __init__(self, pool: Slow, **fields: Any) -> None:
        self.pool = pool
        self.site = Site(pool, TTS_SYNTHESIS_TRIES="1", TTS_SYNC_SECONDS="20")
        self.site.busy = False
        self.request = Caller_()
        self.parts = self.site.parts
        self.asked: Asked = self.parts.speaking.asked(SPOKEN | fields, "r", Caller(None))
        self.audio: AsyncIterator[bytes] | None = None
        self.working: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Ask, and hear the first piece come."""
        opening = asyncio.create_task(live(self.parts, self.asked, self.request))  # type: ignore[arg-type]
        while not self.site.asked:  # noqa: ASYNC110
            await asyncio.sleep(0)
        self.working = asyncio.create_task(self.site.work())
        self.pool.steps.release()
        self.audio = await opening

    async def rest(self) -> bytes:
        """Let the worker finish, and hear all."""
        assert self.audio is not None
        self.pool.steps = asyncio.Semaphore(1000)
        for _ in range(1000):
            self.pool.steps.release()
        return b"".join([piece async for piece in self.audio])

    def file(self) -> bytes:
        return self.site.rig.store.get(f"{self.asked.file_id}.{self.asked.request.format}")


def let_all_go(pool: Slow) -> None:
    for _ in range(1000):
        pool.steps.release()


@pytest.mark.parametrize("audio_format", ["wav", "flac", "mp3", "opus", "ogg", "pcm"])
async def test_the_first_is_heard_long_before_the_last_is_spoken(audio_format: str) -> None:
    listener = Listener(Slow(), format=audio_format)
    await listener.begin()
    assert listener.audio is not None
    first = await anext(listener.audio)
    assert first
    assert not listener.site.rig.writer.of("completed"), "the worker waits for us to let it go on"
    let_all_go(listener.pool)
    heard = first + b"".join([piece async for piece in listener.audio])
    head = HEAD_BYTES.get(audio_format, 0)
    assert len(heard) == len(listener.file())
    assert heard[head:] == listener.file()[head:]
    assert len(listener.site.waits) == 0


async def test_who_listens_counts_once_among_those_who_wait() -> None:
    waits = Listener(Slow()).site.waits
    with waits.waiting("f", "completed", "failed"), waits.waiting("f", "progress"):
        assert len(waits) == 1
    assert len(waits) == 0


async def test_pieces_that_are_gone_are_heard_from_the_file() -> None:
    listener = Listener(Slow())
    await listener.begin()
    assert listener.audio is not None
    first = await anext(listener.audio)
    let_all_go(listener.pool)
    await listener.working  # type: ignore[misc]
    assert list(listener.site.rig.store.names("parts/")) == []
    heard = first + b"".join([piece async for piece in listener.audio])
    assert heard[44:] == listener.file()[44:]


async def test_what_fails_in_the_midst_does_not_end_like_a_whole_file() -> None:
    def breaks(piece: Any) -> Any:
        if "number 50" in piece.text:
            raise EngineTimeout("too slow")
        return pool._engine.speak(piece)

    pool = Slow(instead=breaks)
    listener = Listener(pool)
    await listener.begin()
    assert listener.audio is not None
    let_all_go(pool)
    with pytest.raises(ApiError) as raised:
        [piece async for piece in listener.audio]
    assert raised.value.code == "synthesis_timeout"


async def test_what_fails_before_the_first_piece_is_told_as_ever() -> None:
    listener = Listener(Slow(), voice="nobody")
    with pytest.raises(ApiError) as raised:
        await listener.begin()
    assert (raised.value.status, raised.value.code) == (400, "unknown_voice")


async def test_another_file_than_was_begun_is_not_sent_on() -> None:
    listener = Listener(Slow())
    await listener.begin()
    assert listener.audio is not None
    await anext(listener.audio)
    store, name = listener.site.rig.store, f"{pieces_of.folder(listener.asked.file_id)}2"
    store.put(name, b"of a writer that speaks otherwise" * 10)
    let_all_go(listener.pool)
    with pytest.raises(ApiError, match="not the beginning"):
        [piece async for piece in listener.audio]


@pytest.mark.parametrize("store", [True, False])
async def test_who_leaves_in_the_midst_cancels_only_what_nobody_can_fetch(store: bool) -> None:
    listener = Listener(Slow(), store=store)
    await listener.begin()
    assert listener.audio is not None
    await anext(listener.audio)
    await listener.audio.aclose()  # type: ignore[attr-defined]
    for _ in range(5):
        await asyncio.sleep(0)
    assert [event.topic for event in listener.site.writer.events] == ([] if store else ["commands"])
    let_all_go(listener.pool)
    await listener.working  # type: ignore[misc]


async def test_who_leaves_before_the_first_piece() -> None:
    listener = Listener(Slow(), store=False)
    opening = asyncio.create_task(live(listener.parts, listener.asked, listener.request))  # type: ignore[arg-type]
    while not listener.site.asked:  # noqa: ASYNC110
        await asyncio.sleep(0)
    listener.request.gone.set()
    assert await opening is None
    assert [event.topic for event in listener.site.writer.events] == ["commands"]
    assert len(listener.site.waits) == 0


async def test_a_worker_that_knows_of_no_streams_is_heard_at_its_end() -> None:
    listener = Listener(Slow())
    opening = asyncio.create_task(live(listener.parts, listener.asked, listener.request))  # type: ignore[arg-type]
    while not listener.site.asked:  # noqa: ASYNC110
        await asyncio.sleep(0)
    listener.site.rig.log.deliveries.clear()
    listener.site.rig.ask(request_id="r", **SPOKEN | {"stream": False})
    let_all_go(listener.pool)
    await listener.site.work()
    audio = await opening
    assert audio is not None
    assert b"".join([piece async for piece in audio]) == listener.file()


async def test_over_http_it_is_asked_for_by_a_field() -> None:
    async with Site().client() as client:
        first = await client.post("/api/tts/synthesize", json=SPOKEN, headers={"X-Request-ID": "r"})
        assert first.status_code == 200
        assert "content-length" not in first.headers and first.headers["accept-ranges"] == "none"
        again = await client.post("/api/tts/synthesize", json=SPOKEN, headers={"X-Request-ID": "r"})
        assert again.content == first.content and again.headers["accept-ranges"] == "bytes"
        told = await client.post("/api/tts/synthesize", json=SPOKEN | {"return_audio": False})
        assert told.json()["success"] is True
        later = await client.post("/api/tts/synthesize", json=SPOKEN, headers={"Prefer": "respond-async"})
        assert later.status_code in {200, 202}
        assert (await client.post("/api/tts/synthesize", json=SPOKEN | {"stream": "yes"})).status_code == 400
