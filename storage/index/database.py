"""The database behind the index, SQLite or PostgreSQL: opened, made, and written by one at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import sqlalchemy as sql
from sqlalchemy import event, exc
from sqlalchemy.engine import URL, Connection, Engine, make_url

from storage.errors import IndexRefused, IndexUnavailable
from storage.index.tables import VERSION, about, metadata

BUSY_SECONDS = 30
CONNECT_SECONDS = 10
CONNECTIONS = 8
MORE_CONNECTIONS = 32
_LOCK = 0x10A1DE7
_READS = {"postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}}
_PRAGMAS = ("journal_mode = WAL", "synchronous = NORMAL", "cache_size = -65536", "temp_store = MEMORY")


class Database:
    """Connections in transactions; safe to use from several threads. All errors are IndexTroubles."""

    def __init__(self, url: str) -> None:
        """Open and, where there is none of this version, make the tables. Raises IndexUnavailable, IndexRefused."""
        with translated():
            self.url = _understood(url)
            self.engine = _engine(self.url)
            self._reader = self.engine.execution_options(**_READS.get(self.engine.name, {}))
            self._writer = self.engine.execution_options(loa_writes=True)
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    @property
    def place(self) -> str:
        """The address, without its password."""
        return self.url.render_as_string(hide_password=True)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the tables and changes nothing."""
        with translated(), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is the only one to write, over all processes; committed at the end, undone by an error."""
        with translated(), self._writer.begin() as connection:
            if self.url.get_backend_name() == "postgresql":
                connection.execute(sql.select(sql.func.pg_advisory_xact_lock(_LOCK)))
            yield connection

    def close(self) -> None:
        """Close all connections. Idempotent."""
        self.engine.dispose()

    def _prepare(self) -> None:
        with self.reading() as connection:
            if _version(connection) == VERSION:
                return
        with self.writing() as connection:
            if _version(connection) != VERSION:
                metadata.drop_all(connection)
                metadata.create_all(connection)
                connection.execute(about.insert().values(version=VERSION, name=uuid4().hex[:12]))


def sqlite_url(path: Path) -> str:
    """The address of an index in a file."""
    return URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)


def _version(connection: Connection) -> int | None:
    """Which tables are there; None: not all."""
    there = set(sql.inspect(connection).get_table_names())
    if not set(metadata.tables) <= there:
        return None
    return connection.execute(sql.select(about.c.version)).scalar()


def _understood(url: str) -> URL:
    """The address with the driver that is used. Raises IndexRefused."""
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend in {"postgresql", "postgres"}:
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise IndexRefused(f"{backend}: an index is in sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE")
    if not parsed.database or parsed.database == ":memory:":
        raise IndexRefused("an index in SQLite needs a file: sqlite:///FILE")
    return parsed.set(drivername="sqlite+pysqlite")


def _engine(url: URL) -> Engine:
    options: dict[str, Any] = {"pool_size": CONNECTIONS, "max_overflow": MORE_CONNECTIONS, "pool_timeout": BUSY_SECONDS}
    if url.get_backend_name() == "postgresql":
        arguments = {"connect_timeout": CONNECT_SECONDS, "application_name": "loa-index"}
        return sql.create_engine(url, connect_args=arguments, pool_pre_ping=True, **options)
    Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    engine = sql.create_engine(url, connect_args={"timeout": BUSY_SECONDS}, poolclass=sql.QueuePool, **options)
    event.listen(engine, "connect", _connected)
    event.listen(engine, "begin", _begun)
    return engine


def _connected(connection: Any, _record: object) -> None:
    """A crash may lose the last transactions, and never a part of one: the log is read again from there."""
    connection.isolation_level = None  # transactions begin where we say, not at the first write
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begun(connection: Connection) -> None:
    """A writer that begins as a reader could not go on once another has written meanwhile."""
    writes = connection.get_execution_options().get("loa_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def translated() -> Iterator[None]:
    """Turn what SQLAlchemy and its drivers raise into IndexTroubles."""
    try:
        yield
    except (exc.OperationalError, exc.InterfaceError, exc.TimeoutError) as error:
        raise IndexUnavailable(_said(error)) from error
    except (exc.SQLAlchemyError, ModuleNotFoundError) as error:
        raise IndexRefused(_said(error)) from error
    except OSError as error:
        raise IndexUnavailable(f"the index: {error}") from error


def _said(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"the index needs the package {error.name}: install loa-tts[postgres]"
    cause = error.orig if isinstance(error, exc.DBAPIError) and error.orig else error
    return f"the index: {str(cause).strip()}"
