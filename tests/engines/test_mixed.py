"""Vietnamese and English in one text: each by its voice, in its place, the same samples each time."""

import hashlib
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import soxr
from pocketsphinx import Decoder

from models.fleet import Fleet
from models.registry import Registry
from models.speak import Spoken, estimate_seconds, plan, speak_text
from models.speech import Samples
from streams import settings
from streams.parts import open_engines
from streams.readers.audit.findings import Report
from streams.readers.audit.respeak import respeak
from tests.fakes import Rig

SETTINGS = settings.load({"TTS_MODELS": "hibari,espeak", "TTS_ENGINE_PROCESSES": "1"})
TEXT = (
    "Xin chào các bạn. Welcome to the second part of this lesson. Hôm nay chúng ta học machine learning và lập trình."
)


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry(["hibari", "espeak"])


@pytest.fixture
async def engines() -> AsyncIterator[Fleet]:
    fleet = open_engines(SETTINGS)
    await fleet.start()
    yield fleet
    await fleet.close()


def heard(samples: Samples, rate: int) -> list[tuple[str, float]]:
    """English words, each with the second at which it begins."""
    decoder = Decoder(samprate=16_000.0, loglevel="FATAL")
    decoder.start_utt()
    pcm = (soxr.resample(samples, rate, 16_000) * 32767).astype("<i2")
    decoder.process_raw(pcm.tobytes(), no_search=False, full_utt=True)
    decoder.end_utt()
    return [(segment.word.partition("(")[0], segment.start_frame / 100) for segment in decoder.seg()]


async def test_each_span_is_heard_in_its_place(engines: Fleet, registry: Registry) -> None:
    choice = registry.resolve(TEXT, mixed=True)
    assert choice.voices == ["espeak/vi", "hibari/heart"]
    digests = []
    for _ in range(2):
        parts: list[Spoken] = [part async for part in speak_text(engines, choice, plan(choice), seed=5)]
        digests.append(hashlib.sha256(b"".join(part.speech.samples.tobytes() for part in parts)).hexdigest())
    assert digests[0] == digests[1]
    assert {part.speech.rate for part in parts} == {choice.rate} == {22_050}
    assert [choice.of(chunk).voice for chunk in plan(choice)] == ["vi", "heart", "vi", "heart", "vi"]
    seconds = [part.speech.seconds for part in parts]
    assert sum(seconds) == pytest.approx(estimate_seconds(choice, plan(choice), 1.0), rel=0.4)
    for part, chunk in zip(parts, plan(choice), strict=True):
        alone = choice.of(chunk).engine.estimate(chunk.text, 1.0) + chunk.pause_after_seconds
        assert part.speech.seconds == pytest.approx(alone, rel=0.6)
    words = dict(heard(np.concatenate([part.speech.samples for part in parts]), choice.rate))
    for word in ("second", "lesson"):
        assert seconds[0] - 0.2 < words[word] < sum(seconds[:2])


async def test_spans_of_two_words_pass_the_check(engines: Fleet, registry: Registry) -> None:
    table = Path(__file__).parents[1] / "unit" / "models" / "mixed_spans.tsv"
    lines = [line.split("\t") for line in table.read_text("utf-8").splitlines() if "¦[" in line]
    assert len(lines) > 15
    for language, line in lines:
        text = re.sub(r"¦?\[[-\w]+\]", "", line).replace("\\n", "\n")
        choice = registry.resolve(text, language=language, mixed=True)
        assert len(choice.voices) > 1
        assert [part.k async for part in speak_text(engines, choice, plan(choice), seed=5)]


async def test_an_audit_speaks_it_again_equally(engines: Fleet, registry: Registry) -> None:
    rig = Rig(SETTINGS, engines, registry)  # type: ignore[arg-type]
    rig.ask(request_id="a", text=TEXT, model="auto", mixed=True)
    rig.ask(request_id="b", text=TEXT, model="espeak", voice="vi-vn-x-south", mixed=True, format="opus", speed=1.5)
    await rig.run()
    records = [rig.files.find(event.file_id) for event in rig.writer.of("completed")]
    assert sorted(record.synthesis["voices"][1] for record in records) == ["espeak/en-us", "hibari/heart"]
    report = Report(datetime.now(UTC))
    await respeak(SETTINGS, rig.files, records, report, lambda _: None)
    assert (report.counts["spoken_again"], report.counts["other_version"]) == (2, 0)
    assert not report.findings
