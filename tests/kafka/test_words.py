"""The words are there: what Loa says is read back by a recogniser; and said anew it is the same to the sample."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import Any

import jiwer
import orjson

from tests.kafka.conftest import NewLoa
from tests.kafka.installation import Installation
from tests.kafka.reader import Event

EXAMPLES = Path(__file__).parents[2] / "examples"
MOST_WRONG = 0.15
LONG_WORDS = 500


def example_requests() -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in (EXAMPLES / "requests.jsonl").read_bytes().splitlines()]


def words(text: str) -> str:
    """Lower case, without punctuation."""
    return " ".join(re.findall(r"[a-z']+", text.lower().replace("-", " ")))


async def spoken(loa: Installation, requests: list[dict[str, Any]]) -> list[Event]:
    """The outcome of each request, in their order; all have to be good ones."""
    sent = await loa.produce(*requests)
    ids = [request.get("request_id", position) for request, position in zip(requests, sent, strict=True)]
    async with loa.reader("completed", "failed") as reader:
        outcomes = await reader.answered(*ids)
    assert {event.short for name in ids for event in outcomes[name]} == {"completed"}
    return [outcomes[name][0] for name in ids]


async def transcribed(*events: Event) -> list[str]:
    """What the recogniser hears in their files."""
    return await heard_in(*(event["file_path"] for event in events))


async def heard_in(*files: str | Path) -> list[str]:
    """What the recogniser hears in each of these files."""
    command = [sys.executable, str(EXAMPLES / "transcribe.py"), *map(str, files)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert process.returncode == 0
    return [line.partition("\t")[2] for line in output.decode().splitlines()]


def test_the_examples_show_what_there_is() -> None:
    """What the documentation promises of the file."""
    requests = example_requests()
    texts = [request["text"] for request in requests]
    ids = [request["request_id"] for request in requests if "request_id" in request]
    assert len(requests) >= 8
    assert any(text.startswith("[05]") for text in texts)
    assert max(len(text.split()) for text in texts) >= LONG_WORDS
    assert len(ids) > len(set(ids)), "a repeated id"
    assert {"flac", "opus"} <= {request.get("format") for request in requests}
    assert any("metadata" in request for request in requests)


async def test_the_words_of_the_examples_are_heard(site: Installation) -> None:
    """But for the longest, which test_long_text.py hears piece by piece."""
    requests = [request for request in example_requests() if request["text"].isascii()]
    requests = [request for request in requests if len(request["text"].split()) < LONG_WORDS]
    events = await spoken(site, requests)
    pairs = {event["file_id"]: (words(request["text"]), event) for request, event in zip(requests, events, strict=True)}
    assert {event["model"] for _, event in pairs.values()} == {"hibari"}
    said, files = zip(*pairs.values(), strict=True)
    heard = [words(text) for text in await transcribed(*files)]
    rates = {text[:40]: jiwer.wer(text, back) for text, back in zip(said, heard, strict=True)}
    assert jiwer.wer(list(said), heard) <= MOST_WRONG, rates


async def test_spoken_anew_it_is_the_same_to_the_sample(site: Installation, new_loa: NewLoa) -> None:
    """Another process, another directory, nothing stored: the same samples."""
    requests = [
        {"request_id": f"{model}-{form}", "text": text, "model": model, "format": form}
        for model, text in (("hibari", "The same words give the same sound."), ("espeak", "Cùng một câu nói."))
        for form in ("wav", "opus")
    ]
    other = new_loa(TTS_MODELS="hibari,espeak")
    first, (again, _) = await asyncio.gather(spoken(site, requests), _from_scratch(other, requests))
    for one, two in zip(first, again, strict=True):
        assert one["worker"] and one["created_at"] != two["created_at"]
        assert (one["pcm_sha256"], one["sha256"]) == (two["pcm_sha256"], two["sha256"]), one["request_id"]
    assert len({event["pcm_sha256"] for event in first}) >= 2


async def _from_scratch(loa: Installation, requests: list[dict[str, Any]]) -> tuple[list[Event], Any]:
    worker = await loa.worker()
    return await spoken(loa, requests), worker
