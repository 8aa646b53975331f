"""The clean-up agent keeps a file that it is asked to keep, and says so; in a backlog only the last sweeps are done."""

from datetime import UTC, datetime, timedelta

import pytest

from storage.cleanup import CleanUp
from storage.files import AudioFiles
from storage.memory import MemoryStore
from storage.records import Record, Tombstone
from streams.agents.cleanup import BACKLOG, Cleanup
from streams.events import CleanupRequested, Keep
from streams.metrics.worker import WorkerMetrics
from tests.fakes import Log, MemoryWriter
from tests.unit.storage.storage_fakes import World

LATER = datetime.now(UTC) + timedelta(days=9)


@pytest.fixture
def world(tmp_path) -> World:
    made = World(MemoryStore(), tmp_path)
    made.now = datetime.now(UTC)
    made.speak()
    return made


async def executed(world: World, *commands: CleanupRequested) -> MemoryWriter:
    files = AudioFiles(world.store)
    log, writer = Log("tts.cleanup"), MemoryWriter()
    for command in commands:
        log.append(command.encode())

    def behind(topic: str) -> dict[int, range]:
        return {0: range(len(log.done) + 1, len(commands))}

    await Cleanup(files, CleanUp(files), writer, WorkerMetrics(), behind).run(aiter(log))  # type: ignore[arg-type]
    assert log.done == list(range(len(commands)))
    return writer


async def test_a_file_is_kept_and_that_is_told_the_same_each_time(world: World) -> None:
    file_id = world.record().file_id
    command = CleanupRequested(keep=Keep(file_id=file_id, expires_at=LATER, pinned=True))
    writer = await executed(world, command, command)
    first, second = writer.of("retained")
    assert first == second and first.ce_id() == second.ce_id()
    assert (first.expires_at, first.pinned, first.request_id) == (LATER, True, "r1")
    stored = world.files().find(file_id)
    assert isinstance(stored, Record) and (stored.expires_at, stored.pinned) == (LATER, True)


async def test_a_pinned_file_is_not_deleted_by_a_command_until_it_is_released(world: World) -> None:
    file_id = world.record().file_id
    pin = CleanupRequested(keep=Keep(file_id=file_id, pinned=True))
    writer = await executed(world, pin, CleanupRequested(file_id=file_id))
    assert writer.of("deleted") == []
    assert isinstance(world.files().find(file_id), Record)
    release = CleanupRequested(keep=Keep(file_id=file_id, pinned=False))
    writer = await executed(world, release, CleanupRequested(file_id=file_id))
    assert [event.reason for event in writer.of("deleted")] == ["requested"]
    assert isinstance(world.files().find(file_id), Tombstone)


async def test_a_file_of_another_tenant_is_not_kept(world: World) -> None:
    keep = Keep(file_id=world.record().file_id, pinned=True)
    writer = await executed(world, CleanupRequested(keep=keep, tenant="acme"))
    assert writer.events == []


async def test_of_a_backlog_of_sweeps_only_the_last_are_done_and_of_all_else_each(world: World) -> None:
    looked: list[str] = []
    world.store.folders = lambda prefix="": looked.append(prefix) or iter(())  # type: ignore[method-assign, func-returns-value]
    sweeps = [CleanupRequested(cutoff=datetime.now(UTC), shard="0")] * (3 * BACKLOG)
    writer = await executed(world, CleanupRequested(file_id=world.record().file_id), *sweeps)
    assert len(writer.of("deleted")) == 1
    assert len(looked) == BACKLOG + 1


async def test_nothing_is_said_of_what_is_gone(world: World) -> None:
    file_id = world.record().file_id
    writer = await executed(
        world, CleanupRequested(file_id=file_id), CleanupRequested(keep=Keep(file_id=file_id, pinned=True))
    )
    assert [event.topic for event in writer.events] == ["deleted"]


def test_a_worker_that_does_not_know_keeping_finds_nothing_to_delete() -> None:
    command = CleanupRequested(keep=Keep(file_id="0" * 32, pinned=True))
    assert (command.file_id, command.shard, command.cutoff) == (None, None, None)
    assert command.key() == "0" * 32
