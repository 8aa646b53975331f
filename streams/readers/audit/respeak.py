"""Results spoken again, to see whether the same request still gives the same samples."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from itertools import islice

from models.audio import Encoder
from models.choice import Choice
from models.engine import ModelError
from models.fleet import Fleet
from models.registry import Registry
from models.speak import plan, speak_text
from storage.errors import CorruptRecord
from storage.files import AudioFiles
from storage.records import Record
from streams.parts import open_engines, open_registry
from streams.readers.audit.findings import Example, Kind, Report
from streams.settings import Settings
from streams.whole import in_thread


def choose(files: AudioFiles, file_ids: Iterable[str], most: int) -> list[Record]:
    """The first so many of these files that are still there: file ids in order are as good as drawn by lot."""
    return list(islice(_alive(files, file_ids), most))


async def respeak(
    settings: Settings, files: AudioFiles, records: Sequence[Record], report: Report, seen: Callable[[int], object]
) -> None:
    """Speak these again and compare `pcm_sha256`. Another version of an engine may speak otherwise: counted apart.

    Raises ModelError where an engine cannot be started.
    """
    registry = open_registry(settings)
    counts = report.counts
    counts |= {"spoken_again": 0, "other_version": 0}
    same = [record for record in records if _same_version(registry, record)]
    counts["other_version"] += len(records) - len(same)
    if not same:
        return
    async with AsyncExitStack() as stack:
        engines = open_engines(settings, sorted(set().union(*(_choice(registry, record).models for record in same))))
        stack.push_async_callback(engines.close)
        await engines.start()
        again = _Again(settings, files, engines, registry)
        for record in same:
            report.add(Kind.RESYNTHESIS_DIFFERS, await again.compare(record))
            counts["spoken_again"] += 1
            seen(1)


@dataclass(frozen=True, slots=True)
class _Again:
    settings: Settings
    files: AudioFiles
    engines: Fleet
    registry: Registry

    async def compare(self, record: Record) -> list[Example]:
        """What differs, if anything does."""
        about = {"request_id": record.request_id, "tenant": record.tenant, "file": record.file_id}
        try:
            found = await self._speak(record)
        except ModelError as error:
            return [about | {"detail": f"{type(error).__name__}: {error}"}]
        if found == record.pcm_sha256:
            return []
        return [about | {"detail": f"samples then {record.pcm_sha256}, now {found}"}]

    async def _speak(self, record: Record) -> str:
        """SHA-256 of the samples, spoken with what the record says about how it was spoken."""
        how, settings = record.synthesis, self.settings
        choice = _choice(self.registry, record)
        pieces = speak_text(
            self.engines,
            choice,
            plan(choice),
            float(how.get("speed", 1.0)),
            int(how.get("seed", 0)) % 2**32,
            timeout=settings.synthesis_timeout_seconds,
            tries=settings.synthesis_tries,
            checked=settings.check == "on",
        )
        with self.files.store.scratch() as path:
            encoder = await in_thread(Encoder, path, record.format, choice.rate, record.sample_rate)
            with encoder:
                async with aclosing(pieces):
                    async for piece in pieces:
                        await in_thread(encoder.write, piece.speech.samples)
                return (await in_thread(encoder.close)).pcm_sha256


def _choice(registry: Registry, record: Record) -> Choice:
    """Who spoke it, and in which language: that decides how numbers and dates are read."""
    mixed = record.synthesis.get("mixed")
    if mixed:
        return registry.resolve(record.text, mixed["model"], mixed["voice"], language=mixed["language"], mixed=True)
    return registry.resolve(record.text, record.model, f"{record.model}/{record.voice}", language=record.language)


def _same_version(registry: Registry, record: Record) -> bool:
    try:
        return record.model in registry.engines and _choice(registry, record).revision == record.model_revision
    except ModelError:
        return False  # its voice is not here any more


def _alive(files: AudioFiles, file_ids: Iterable[str]) -> Iterator[Record]:
    for file_id in file_ids:
        try:
            found = files.find(file_id)
        except CorruptRecord:
            continue
        if isinstance(found, Record):
            yield found
