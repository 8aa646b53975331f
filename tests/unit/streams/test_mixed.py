"""A request in two languages, from the log to its record, and cut short in between."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import orjson
import pytest

from models.engine import Piece
from models.hibari import Hibari
from models.registry import Registry
from models.speech import Speech
from models.tone import Tone
from storage.parts import PartFolder, SpokenParts
from streams import settings
from streams.agents.job import choose, understand
from streams.agents.resuming import Resuming
from streams.errors import ErrorCode, RequestError
from streams.requests import SynthesisRequested, parse
from tests.fakes import InProcessPool, Rig

SETTINGS = settings.load({"TTS_CHECK": "off", "TTS_RESUME_SECONDS": "1", "TTS_SYNTHESIS_TRIES": "1"})
REGISTRY = Registry(["hibari", "espeak"])
TEXT = "Xin chào các bạn. Welcome to the second part of this lesson. Hôm nay chúng ta học bài mới."


class Tones(InProcessPool):
    """A tone at the rate of the voice that is asked for."""

    def __init__(self) -> None:
        super().__init__(instead=self.tone)

    def tone(self, piece: Piece) -> Speech:
        engine = Tone()
        engine.rate = {"vi": 22_050, "heart": 24_000}[piece.voice]
        return engine.speak(piece)


async def made(pool: InProcessPool, **fields: Any) -> Rig:
    rig = Rig(SETTINGS, pool, REGISTRY)
    rig.ask(**({"request_id": "r", "text": TEXT, "model": "auto", "mixed": True} | fields))
    await rig.run()
    return rig


async def test_the_record_names_all_voices_and_the_main_one() -> None:
    pool = Tones()
    event = (await made(pool)).writer.of("completed")[0]
    assert [piece.voice for piece in pool.spoken] == ["vi", "heart", "vi"]
    assert (event.model, event.voice, event.language, event.sample_rate) == ("espeak", "vi", "vi", 22_050)
    seconds = sum(Tone().estimate(piece.text, 1.0) for piece in pool.spoken) + 0.6
    assert event.duration_seconds == pytest.approx(seconds, abs=0.01)


async def test_the_record_tells_how_to_speak_it_again() -> None:
    rig = await made(Tones())
    record = rig.files.find(rig.writer.of("completed")[0].file_id)
    assert record.synthesis["voices"] == ["espeak/vi", "hibari/heart"]
    assert record.synthesis["mixed"] == {"model": "auto", "voice": "espeak/vi", "language": "vi"}
    again = REGISTRY.resolve(record.text, "auto", "espeak/vi", language="vi", mixed=True)
    assert again.revision == record.model_revision


async def test_kept_chunks_are_those_of_their_own_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(SETTINGS, Tones(), REGISTRY)
    request = SynthesisRequested(text=TEXT, mixed=True)
    job = understand(rig.ask(), request, REGISTRY)
    folder = PartFolder(rig.store, job.file_id, datetime.now(UTC) + timedelta(hours=1), {})
    pieces = [Piece(chunk.text, job.choice.of(chunk).voice, 1.0, k) for k, chunk in enumerate(job.chunks, start=1)]
    resuming = Resuming(job, SpokenParts(folder), SETTINGS)
    for k, piece in enumerate(pieces, start=1):
        resuming.keep(k, piece, rig.pool._instead(piece))
    assert resuming._writing is not None
    await resuming._writing
    again = Resuming(understand(rig.ask(), request, REGISTRY), SpokenParts(folder), SETTINGS)
    for k, piece in enumerate(pieces, start=1):
        speech = await again.recall(k, piece)
        assert speech is not None
        assert speech.rate == job.choice.of(job.chunks[k - 1]).rate
        assert np.array_equal(speech.samples, rig.pool._instead(piece).samples)
    monkeypatch.setattr(Hibari, "revision", "another")
    changed = [await again.recall(k, piece) is None for k, piece in enumerate(pieces, start=1)]
    assert changed == [False, True, False]
    assert await again.recall(1, replace(pieces[0], voice="vi-vn-x-south")) is None


async def test_other_requests_have_no_trace_of_it() -> None:
    rig = await made(Tones(), mixed=False, voice="vi")
    record = rig.files.find(rig.writer.of("completed")[0].file_id)
    assert not {"mixed", "voices"} & set(record.synthesis)


def test_the_fingerprint_changes_with_it_alone() -> None:
    plain, off, on = (SynthesisRequested(text=TEXT, **fields) for fields in ({}, {"mixed": False}, {"mixed": True}))
    assert plain.content_sha256() == off.content_sha256() != on.content_sha256()
    assert plain.content_sha256() == "cfb1bd8524c50d95c4a8c20cdab8f1189906e06c574a03c755113ac6adb18531"


def test_what_cannot_be_spoken_is_refused_with_its_code() -> None:
    request = SynthesisRequested(text=TEXT, model="hibari", language="en", mixed=True)
    with pytest.raises(RequestError, match="mixed: nobody is there to speak 'Xin chào") as refused:
        choose(request, REGISTRY)
    assert refused.value.code == ErrorCode.UNSUPPORTED_LANGUAGE
    with pytest.raises(RequestError, match=r"mixed: .*boolean"):
        parse(orjson.dumps({"text": TEXT, "mixed": "yes"}), SETTINGS)
