"""A request that is heard while it is spoken: pieces that are the file's own bytes, and gone in the end."""

from collections.abc import Mapping

import pytest

from models.engine import EngineTimeout, Piece
from models.growing import HEAD_BYTES
from models.speech import Speech
from storage import parts
from storage.errors import StoreFull
from storage.store import Source
from streams import settings
from streams.errors import ErrorCode
from streams.events import Event
from tests.fakes import InProcessPool, MemoryWriter, Rig

SETTINGS = settings.load({"TTS_MODELS": "tone", "TTS_SYNTHESIS_TRIES": "1", "TTS_RETRY_ATTEMPTS": "1"})
TEXT = " ".join(f"Sentence number {number} of a long story is being read aloud." for number in range(24))
SPOKEN = {"speed": 4.0, "language": "en"}


class Listener(MemoryWriter):
    """Reads each piece when it is told of."""

    def __init__(self, rig: Rig) -> None:
        super().__init__()
        self._rig = rig
        self.heard: list[bytes] = []

    def mention(self, event: Event, passed_on: Mapping[str, bytes] | None = None) -> None:
        """As `EventWriter.mention`."""
        super().mention(event, passed_on)
        for k in range(len(self.heard) + 1, (getattr(event, "parts", None) or 0) + 1):
            piece = parts.read(self._rig.store, event.file_id, k)  # type: ignore[attr-defined]
            assert piece
            self.heard.append(piece)


def listened(pool: InProcessPool | None = None) -> tuple[Rig, Listener]:
    rig = Rig(SETTINGS, pool)
    listener = Listener(rig)
    rig.writer = listener
    return rig, listener


@pytest.mark.parametrize("audio_format", ["wav", "flac", "mp3", "opus", "ogg", "pcm"])
@pytest.mark.parametrize("rate", [None, 16_000])
async def test_pieces_are_the_files_own_bytes_behind_its_head(audio_format: str, rate: int | None) -> None:
    rig, listener = listened()
    rig.ask(request_id="r", text=TEXT, **SPOKEN, stream=True, format=audio_format, sample_rate=rate)
    await rig.run()
    (event,) = rig.writer.of("completed")
    heard, head = b"".join(listener.heard), HEAD_BYTES.get(audio_format, 0)
    whole = rig.store.get(f"{event.file_id}.{audio_format}")
    assert len(listener.heard) > 1
    assert len(whole) >= len(heard) > len(whole) / 3
    assert heard[head:] == whole[head : len(heard)]
    if audio_format == "wav":
        assert heard[4:8] == heard[40:44] == b"\xff" * 4, "a size that nobody knows, and not an empty file's"


async def test_nothing_is_left_of_pieces_once_the_file_is_there() -> None:
    rig, listener = listened()
    rig.ask(request_id="r", text=TEXT, **SPOKEN, stream=True)
    await rig.run()
    (event,) = rig.writer.of("completed")
    assert listener.heard
    names = list(rig.store.names())
    assert [name.split("/")[0] for name in names if "/" in name] == ["expiry", "metadata"], names
    assert rig.files.verify(rig.files.find(event.file_id))  # type: ignore[arg-type]


async def test_nobody_listens_to_a_request_that_is_no_stream() -> None:
    rig, listener = listened()
    rig.ask(request_id="r", text=TEXT, **SPOKEN)
    await rig.run()
    assert listener.heard == []
    assert all(event.parts is None for event in rig.writer.of("progress"))


async def test_a_stream_and_none_are_the_same_content() -> None:
    rig, _ = listened()
    rig.ask(request_id="r", stream=True, **SPOKEN)
    rig.ask(request_id="r", **SPOKEN)
    await rig.run()
    assert rig.writer.of("failed") == []


async def test_pieces_of_what_failed_go_with_it() -> None:
    def breaks(piece: Piece) -> Speech:
        if "number 18" in piece.text:
            raise EngineTimeout("too slow")
        return pool._engine.speak(piece)

    pool = InProcessPool(instead=breaks)
    rig, listener = listened(pool)
    rig.ask(request_id="r", text=TEXT, **SPOKEN, stream=True)
    await rig.run()
    assert rig.writer.of("failed")[0].code == ErrorCode.SYNTHESIS_TIMEOUT
    assert listener.heard
    assert list(rig.store.names("parts/")) == []
    assert list(rig.store.names("expiry/")), "a marker that finds nothing does no harm; none would"


async def test_what_a_dead_writer_left_is_used_again_and_goes() -> None:
    rig, listener = listened()
    rig.ask(request_id="r", text=TEXT, **SPOKEN, stream=True)
    await rig.run()
    (event,), first = rig.writer.of("completed"), list(listener.heard)
    rig.store.delete(*rig.store.names())
    for k, piece in enumerate(first[:3], start=1):
        rig.store.put_new(f"parts/{event.file_id}/{k}", piece)
    listener.heard.clear()
    await rig.run()
    assert listener.heard == first
    assert list(rig.store.names("parts/")) == []


async def test_a_store_without_room_for_pieces_still_takes_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    rig, listener = listened()
    put = rig.store.put_new

    def full(key: str, source: Source) -> bool:
        if key.startswith("parts/"):
            raise StoreFull("no space left")
        return put(key, source)

    monkeypatch.setattr(rig.store, "put_new", full)
    rig.ask(request_id="r", text=TEXT, **SPOKEN, stream=True)
    await rig.run()
    assert rig.writer.of("completed")
    assert listener.heard == []
