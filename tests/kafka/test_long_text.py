"""A long text is spoken whole, in constant memory: read back by a recogniser, piece by piece."""

from __future__ import annotations

import itertools
import os
import re
from pathlib import Path

import jiwer
import psutil
import pytest
import soundfile

from models.registry import Registry
from models.speak import plan
from tests.kafka.installation import Installation
from tests.kafka.long_text import story
from tests.kafka.reader import Event
from tests.kafka.test_memory import peak
from tests.kafka.test_words import example_requests, heard_in

MOST_WRONG = 0.15
"""The recogniser's own share is about a tenth, of any of these texts; missing numbers would be more than the rest."""

MOST_WRONG_OF_A_PIECE = 0.6
"""A piece that is missing, cut or another's is all wrong; the worst that was heard of a good one is 0.27."""

LONGEST_EXAMPLE = max((request["text"] for request in example_requests()), key=len)
GROWTH_MEBIBYTES = 60
LONGEST_SECONDS = 900

# What the recogniser writes in another way than it is spelled here.
_SPELLED = {"mister": "mr", "missus": "mrs", "doctor": "dr", "et cetera": "etc"}


def words(text: str) -> str:
    """Lower case, without punctuation, and as the recogniser spells."""
    plain = " ".join(re.findall(r"[a-z']+", text.lower().replace("-", " ")))
    for one, other in _SPELLED.items():
        plain = re.sub(rf"\b{one}\b", other, plain)
    return plain


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(LONGEST_EXAMPLE, id="the longest example"),
        pytest.param(
            story(5_000),
            id="5000 words",
            marks=[
                pytest.mark.skipif(os.environ.get("LOA_FAULTS") != "long", reason="minutes: make faults-long"),
                pytest.mark.timeout(3_600),
            ],
        ),
    ],
)
async def test_a_long_text_is_spoken_whole(loa: Installation, tmp_path: Path, text: str) -> None:
    loa.more, loa.zygote = {"TTS_MODELS": "hibari"}, None  # what it imports by itself is what counts
    texts = {"short": story(60), "long": text}
    worker = await loa.worker()
    async with loa.reader("progress", "completed", "failed") as reader:
        await loa.produce({"request_id": "short", "text": texts["short"]})
        await reader.answered("short")
        before = peak(psutil.Process(worker.popen.pid))
        await loa.produce({"request_id": "long", "text": text, "expiry_hours": 1})
        await reader.until(lambda: "long" in reader.outcomes(), "the long text's outcome", LONGEST_SECONDS)
        await reader.to_end()
    assert peak(psutil.Process(worker.popen.pid)) - before < GROWTH_MEBIBYTES
    said, files = [], []
    for name, of in texts.items():
        (outcome,) = reader.outcomes()[name]
        assert outcome.short == "completed", outcome.fields
        ends = [event["seconds"] for event in reader.of("progress", request_id=name, state="chunk")]
        said += [words(chunk.text) for chunk in plan(Registry(["hibari"]).resolve(of))]
        files += pieces(outcome, ends, tmp_path / name)
    assert len(said) == len(files)
    assert sum(len(piece.split()) for piece in said) >= sum(len(of.split()) for of in texts.values())
    heard = [words(piece) for piece in await heard_in(*files)]
    rates = {piece: jiwer.wer(piece, back) for piece, back in zip(said, heard, strict=True)}
    print(f"word error rate {jiwer.wer(said, heard):.3f}, worst piece {max(rates.values()):.3f}, {len(said)} pieces")
    assert jiwer.wer(said, heard) <= MOST_WRONG, rates
    assert max(rates.values()) <= MOST_WRONG_OF_A_PIECE, rates


def pieces(outcome: Event, ends: list[float], folder: Path) -> list[Path]:
    """The pieces of the file, each in a file of its own. `ends`: seconds from the start, as `tts.progress` tells."""
    assert len(ends) == outcome["chunks"]
    samples, rate = soundfile.read(outcome["file_path"], dtype="float32")
    assert len(samples) / rate == pytest.approx(ends[-1], abs=0.01)
    cuts = [round(end * rate) for end in [0.0, *ends]]
    files = []
    folder.mkdir()
    for number, (start, end) in enumerate(itertools.pairwise(cuts)):
        files.append(folder / f"{number}.wav")
        soundfile.write(files[-1], samples[start:end], rate)
    return files


def test_the_story_has_all_that_is_read_in_other_words() -> None:
    text = story(600)
    for sign in ("$", "%", "°F", " p.m.", "Dr.", '"', "...", "kg", "3/4", "1st"):
        assert sign in text
    assert len(set(re.split(r"[.!?]\s", text))) > 50
