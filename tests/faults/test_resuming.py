"""A worker killed in the middle of a long text: its replacement speaks what was not kept, and the file is the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.faults.engines import FOLDER, NAME, SPOKEN, VIETNAMESE
from tests.faults.site import Site
from tests.kafka.processes import alive, until

CHUNKS, LAST_BEFORE = 20, 12
ENGLISH = [f"Paragraph number {number} of a long story." for number in range(1, CHUNKS + 1)]
ENGLISH[LAST_BEFORE] = "This one will hang once."
MIXED = ENGLISH.copy()
MIXED[1::2] = [f"Đoạn văn số {number} của một câu chuyện dài." for number in range(2, CHUNKS + 1, 2)]


@pytest.mark.parametrize(
    ("paragraphs", "how", "engines"),
    [
        pytest.param(ENGLISH, {"model": "faulty", "language": "en"}, {"faulty"}, id="one-voice"),
        pytest.param(MIXED, {"mixed": True, "voice": "faulty/sine"}, {"faulty", "faulty-vi"}, id="mixed"),
    ],
)
async def test_what_was_spoken_before_a_kill_is_not_spoken_again(
    site: Site, paragraphs: list[str], how: dict[str, Any], engines: set[str]
) -> None:
    models = f"tone,{NAME},{VIETNAMESE}"
    site.more = {"TTS_MODELS": models, "TTS_RESUME_SECONDS": "5", FOLDER: str(site.folder)}
    request = {"text": "\n\n".join(paragraphs), **how}
    spoken, kept = site.folder / SPOKEN, site.storage / "parts"

    def there() -> list[Path]:
        return [path for path in kept.glob("*/spoken/*") if path.is_file()]

    def told() -> list[str]:
        """The paragraphs that were spoken; a process that starts speaks a sentence of its own."""
        return [line for line in spoken.read_text().splitlines() if line in paragraphs] if spoken.exists() else []

    worker = site.start_worker()
    await site.produce(request | {"request_id": "long"})
    await until(lambda: len(told()) >= LAST_BEFORE and len(there()) >= 3, "chunks spoken, and some kept")
    processes = worker.children()
    worker.kill()
    await until(lambda: not alive(processes), "the end of its engines")
    again = {path.name for path in there()}
    spoken.unlink()
    async with site.reader("completed") as reader:
        site.start_worker()
        (resumed,) = (await reader.answered("long"))["long"]
        expected = [text for number, text in enumerate(paragraphs, start=1) if str(number) not in again]
        assert sorted(told()) == sorted(expected)
        await site.produce(request | {"request_id": "uninterrupted"})
        (whole,) = (await reader.answered("uninterrupted"))["uninterrupted"]
    assert (resumed["pcm_sha256"], resumed["sha256"]) == (whole["pcm_sha256"], whole["sha256"])
    metadata = site.metadata(resumed["file_id"])
    assert {voice.partition("/")[0] for voice in metadata["synthesis"].get("voices", [metadata["model"]])} == engines
    await site.verify()
