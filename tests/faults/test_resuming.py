"""A worker killed in the middle of a long text: its replacement speaks what was not kept, and the file is the same."""

from __future__ import annotations

from pathlib import Path

from tests.faults.engines import FOLDER, NAME, SPOKEN
from tests.faults.site import Site
from tests.kafka.processes import alive, until

CHUNKS, LAST_BEFORE = 20, 12
PARAGRAPHS = [f"Paragraph number {number} of a long story." for number in range(1, CHUNKS + 1)]
PARAGRAPHS[LAST_BEFORE] = "This one will hang once."


async def test_what_was_spoken_before_a_kill_is_not_spoken_again(site: Site) -> None:
    site.more = {"TTS_MODELS": f"tone,{NAME}", "TTS_RESUME_SECONDS": "5", FOLDER: str(site.folder)}
    request = {"text": "\n\n".join(PARAGRAPHS), "model": "faulty", "language": "en"}
    spoken, kept = site.folder / SPOKEN, site.storage / "parts"

    def there() -> list[Path]:
        return [path for path in kept.glob("*/spoken/*") if path.is_file()]

    worker = site.start_worker()
    await site.produce(request | {"request_id": "long"})
    await until(lambda: len(told(spoken)) == LAST_BEFORE and len(there()) >= 3, "chunks spoken, and some kept")
    engines = worker.children()
    worker.kill()
    await until(lambda: not alive(engines), "the end of its engines")
    again = {path.name for path in there()}
    spoken.unlink()
    async with site.reader("completed") as reader:
        site.start_worker()
        (resumed,) = (await reader.answered("long"))["long"]
        expected = [text for number, text in enumerate(PARAGRAPHS, start=1) if str(number) not in again]
        assert sorted(told(spoken)) == sorted(expected)
        await site.produce(request | {"request_id": "uninterrupted"})
        (whole,) = (await reader.answered("uninterrupted"))["uninterrupted"]
    assert (resumed["pcm_sha256"], resumed["sha256"]) == (whole["pcm_sha256"], whole["sha256"])
    await site.verify()


def told(spoken: Path) -> list[str]:
    """The paragraphs that were spoken; a process that starts speaks a sentence of its own."""
    return [line for line in spoken.read_text().splitlines() if line in PARAGRAPHS] if spoken.exists() else []
