"""The database itself: opened by several, written by one at a time, killed, of another version, unreachable."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sql

from storage.errors import IndexMoved, IndexRefused, IndexUnavailable
from storage.index import Asked, Index, Read, Shown, sqlite_url
from storage.index.tables import VERSION
from storage.index.tables import about as about_table
from tests.index.conftest import NewIndex
from tests.index.telling import about, asked, at, completed, failed, progressed

ONE = about("one")
TOPIC = "tts.requests"


def test_offsets_are_written_with_the_rows_and_never_skip(index: Index) -> None:
    with pytest.raises(IndexMoved, match="stands at None"):
        index.apply([asked(ONE)], [Read(TOPIC, 0, 0, 1)])
    assert index.job("default", "one") is None
    index.begin({(TOPIC, 0): 0})
    index.apply([asked(ONE)], [Read(TOPIC, 0, 0, 5)])
    assert index.offsets() == {(TOPIC, 0): 5}
    index.apply([asked(ONE)], [Read(TOPIC, 0, 2, 4)])
    assert index.offsets() == {(TOPIC, 0): 5}, "what is told again does not set it back"
    with pytest.raises(IndexMoved, match="stands at 5, not at 6"):
        index.apply([completed(ONE, 1)], [Read(TOPIC, 0, 6, 7)])
    assert index.totals(None).total_files == 0
    index.begin({(TOPIC, 0): 2})
    assert index.offsets() == {(TOPIC, 0): 2}


def test_several_write_at_once(open_index: NewIndex) -> None:
    """Each request is told of by four, as gateways do that share its topics."""
    indexes = [open_index() for _ in range(4)]
    who = [about(f"r{n}") for n in range(150)]
    ways = (
        lambda one: asked(one, 0, estimated_seconds=1.0),
        lambda one: progressed(one, 1, 2),
        lambda one: failed(one, 2),
        lambda one: completed(one, 3, size=10),
    )

    def tell(number: int) -> None:
        for start in range(0, len(who), 10):
            indexes[number].apply([ways[number](one) for one in who[start : start + 10]])
            assert indexes[number].totals(None).jobs["cancelled"] == 0

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(tell, range(4)))
    totals = indexes[0].totals(None)
    assert totals.jobs == {"queued": 0, "in_progress": 0, "completed": 150, "failed": 0, "cancelled": 0}
    assert (totals.total_files, totals.total_bytes, totals.queued_seconds["interactive"]) == (150, 1500, 0)


def test_readers_see_one_state(open_index: NewIndex) -> None:
    index, other = open_index(), open_index()
    index.apply([asked(ONE)])
    with index.database.reading() as connection:
        query = sql.text("SELECT status FROM loa_jobs")
        assert connection.execute(query).scalar() == "queued"
        other.apply([completed(ONE, 1)])
        assert connection.execute(query).scalar() == "queued"
    assert index.job("default", "one").status == "completed"  # type: ignore[union-attr]


KILLED = """
import os, sys
from storage.index import Index, Read, writing
from tests.index.telling import about, asked, completed
index = Index.open(sys.argv[1])
merge = writing.merge
def killed(connection, changes):
    merge(connection, changes)
    os.kill(os.getpid(), 9)
writing.merge = killed
index.apply([completed(about("one"), 1)], [Read("tts.requests", 0, 1, 2)])
"""


def test_killed_in_the_middle_of_a_transaction(open_index: NewIndex, database_url: str) -> None:
    index = open_index()
    index.begin({(TOPIC, 0): 0})
    index.apply([asked(ONE)], [Read(TOPIC, 0, 0, 1)])
    before = index.totals(None)
    ended = subprocess.run([sys.executable, "-c", KILLED, database_url], cwd=Path(__file__).parents[2], check=False)
    assert ended.returncode == -9
    assert (index.totals(None), index.offsets()) == (before, {(TOPIC, 0): 1})
    index.apply([completed(ONE, 1)], [Read(TOPIC, 0, 1, 2)])
    assert index.totals(None).total_files == 1


OPENED = "import sys; from storage.index import Index; Index.open(sys.argv[1]).close()"


def test_several_open_it_at_once_where_nothing_is(database_url: str) -> None:
    command = [sys.executable, "-W", "error", "-c", OPENED, database_url]
    processes = [subprocess.Popen(command, cwd=Path(__file__).parents[2]) for _ in range(4)]
    assert [process.wait() for process in processes] == [0] * 4


def test_another_version_is_made_anew(open_index: NewIndex) -> None:
    index = open_index()
    index.apply([asked(ONE)])
    index.close()
    assert open_index().job("default", "one"), "the same version is kept"
    with index.database.writing() as connection:
        connection.execute(about_table.update().values(version=VERSION + 1))
        connection.execute(sql.text("ALTER TABLE loa_jobs DROP COLUMN message"))
    again = open_index()
    assert again.job("default", "one") is None
    again.apply([asked(ONE), failed(ONE, 1)])
    assert again.job("default", "one").message  # type: ignore[union-attr]


def test_half_an_index_is_made_anew(open_index: NewIndex) -> None:
    index = open_index()
    with index.database.writing() as connection:
        connection.execute(sql.text("DROP TABLE loa_files"))
    assert open_index().totals(None).total_files == 0


def test_tables_of_others_are_left_alone(open_index: NewIndex) -> None:
    index = open_index()
    with index.database.writing() as connection:
        connection.execute(sql.text("CREATE TABLE jobs (id INTEGER)"))
        connection.execute(about_table.update().values(version=VERSION + 1))
    with open_index().database.reading() as connection:
        assert connection.execute(sql.text("SELECT count(*) FROM jobs")).scalar() == 0


def test_another_log_is_another_index(index: Index) -> None:
    assert index.belong_to("cluster-a") and index.belong_to("cluster-a")
    index.begin({(TOPIC, 0): 7})
    index.apply([asked(ONE), completed(ONE, 1)])
    index.store_was_read(at(0))
    assert not index.belong_to("cluster-b")
    assert (index.job("default", "one"), index.offsets(), index.store_read_at()) == (None, {}, None)
    assert index.totals(None).total_files == 0 and index.belong_to("cluster-b")


@pytest.mark.parametrize("text", ["\0", "a\0b" * 9999, "\U0001f50a" * 9999, "ไทย", "'; DROP TABLE loa_jobs; --", ""])
def test_any_text_can_be_kept(index: Index, text: str) -> None:
    shown = Shown(text, text, text, text, text, 1, {"key": text, text: [text]})
    index.apply([asked(ONE, shown=shown, source=text), failed(ONE, 1, text, text), progressed(ONE, 1, worker=text)])
    job = index.job("default", "one")
    assert job and job.metadata == {"key": text, text: [text]}
    assert job.model == text.replace("\0", "")[:255]
    assert index.jobs(None, model=job.model).jobs == (job,)


@pytest.mark.parametrize("time", [datetime.min, datetime.max])
@pytest.mark.parametrize("hours", [-23, 0, 23])
def test_any_time_can_be_kept(index: Index, time: datetime, hours: int) -> None:
    zoned = time.replace(tzinfo=timezone(timedelta(hours=hours)))
    index.apply([Asked(ONE, "tts.requests-0-0", zoned, "tts.requests-0-0", zoned)])
    job = index.job("default", "one")
    assert job and job.created_at.year == time.year
    assert index.jobs(None, since=zoned).jobs == (job,)


@pytest.mark.parametrize(
    "make",
    [
        lambda: about("x" * 256),
        lambda: about(""),
        lambda: about("a\0b"),
        lambda: completed(ONE, 0, size=-1),
        lambda: completed(ONE, 0, size=2**63),
        lambda: progressed(ONE, 0, 2**31),
        lambda: failed(ONE, 0, attempts=2**40),
        lambda: asked(ONE, estimated_seconds=float("nan")),
        lambda: asked(ONE, estimated_seconds=float("inf")),
    ],
)
def test_what_cannot_be_kept_is_refused(make: object) -> None:
    with pytest.raises(ValueError):
        make()  # type: ignore[operator]


@pytest.mark.parametrize("url", ["mysql://host/db", "sqlite://", "sqlite:///:memory:", "nonsense", "", "http://x"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(IndexRefused):
        Index.open(url)


def test_a_password_is_not_shown(open_index: NewIndex) -> None:
    with pytest.raises(IndexUnavailable) as caught:
        Index.open("postgresql://loa:secret@127.0.0.1:1/loa")
    assert "secret" not in str(caught.value)
    assert "secret" not in open_index().database.place


def test_a_file_that_is_no_index_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("My notes, more than a hundred bytes of them, so that it might be a database. " * 20)
    with pytest.raises(IndexRefused, match="not a database"):
        Index.open(sqlite_url(file))
    assert file.read_text().startswith("My notes")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(IndexUnavailable):
        Index.open(sqlite_url(tmp_path / "file" / "index.sqlite"))


def test_a_path_of_any_characters(tmp_path: Path) -> None:
    path = tmp_path / "a b?c%20#d" / "index.sqlite"
    Index.open(sqlite_url(path)).close()
    assert path.exists()
