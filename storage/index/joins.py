"""How what is known of a request or a file comes together, whatever comes first, and however often.

Two rows join to one that knows what both know. Of two makings of a file the later counts, of two failures the later, of
all records that asked the first and the last, and for whose pool it is the one of the last attempt that was moved: a
join is the greatest of each group of columns by the group's key, so it does not matter which row was there first, and
joining one again changes nothing. `status` and a few others are made from the joined row.
"""

from collections.abc import Callable
from typing import Any

from storage.index.changes import milliseconds
from storage.index.rows import Row

Key = Callable[[Row], tuple[Any, ...] | None]

EDGE_MICROS = 100_000
"""What the clocks of two brokers may differ by: a request that comes later than this after a failure is a new try."""

_SHOWN = ("model", "voice", "speaker_id", "language", "format", "characters", "metadata")
_RESULT = ("completed_at", "sha256", "attempts", "worker", "sample_rate", "duration_seconds", "file_size", "expires_at")
_FIRST = ("asked_at", "asked_place", "source", "estimated_ms")
_LAST = ("asked_last", "asked_last_place")
_POOL = ("pool_step", "pool")
_PROGRESS = ("progressed_at", "progress_worker")
_FAILURE = (
    *("failed_time", "failed_place", "failed_at", "failed_source", "failed_attempts", "failed_worker"),
    *("code", "message", "retryable"),
)
_MAKING = ("created_at", "sha256", "format", "size", "duration_seconds", "expires_at")
_KEEPING = ("kept_created_at", "retained_at", "kept_until", "kept_pinned")
_DELETION = ("gone_created_at", "deleted_at", "reason")


def join_jobs(one: Row, other: Row) -> Row:
    """What both know; see the top of this page."""
    first = _best(min, _asking, one, other)
    result = _best(max, _resulting, one, other)
    joined = dict(one)
    for columns, best in (
        (_FIRST, first),
        (_RESULT, result),
        (_SHOWN, result if result["completed_at"] is not None else first),
        (_LAST, _best(max, lambda row: _key(row, *_LAST), one, other)),
        (_POOL, _best(max, lambda row: _key(row, *_POOL), one, other)),
        (_PROGRESS, _best(max, lambda row: _key(row, *_PROGRESS), one, other)),
        (_FAILURE, _best(max, _failing, one, other)),
    ):
        for name in columns:
            joined[name] = best[name]
    joined["started_at"] = _least(one["started_at"], other["started_at"])
    for name in ("chunk", "chunks", "cancel_at", "asked_attempt"):
        joined[name] = _most(one[name], other[name])
    joined["lane"] = "bulk" if "bulk" in {one["lane"], other["lane"]} else "interactive"
    return joined


def join_files(one: Row, other: Row) -> Row:
    """What both know: the latest making of a file, the latest deletion, and the last change of its expiry."""
    joined = dict(one)
    for columns, key in (
        (_MAKING, _made),
        (_DELETION, lambda row: _key(row, *_DELETION)),
        (_KEEPING, lambda row: _key(row, *_KEEPING)),
    ):
        best = _best(max, key, one, other)
        for name in columns:
            joined[name] = best[name]
    return joined


def finish_job(row: Row) -> Row:
    """Fill in what is made from the rest."""
    row["status"] = _status(row)
    began = [row[name] for name in ("asked_at", "started_at", "failed_time", "completed_at") if row[name] is not None]
    row["created_at"] = min(began, default=row["cancel_at"])
    times = ("asked_last", "progressed_at", "failed_time", "completed_at", "cancel_at")
    row["touched_at"] = max(row[name] for name in times if row[name] is not None)
    return row


def finish_file(row: Row) -> Row:
    """Fill in whether it is there, and how long that file is kept."""
    made, gone = row["created_at"], row["gone_created_at"]
    row["present"] = int(made is not None and (gone is None or gone < made))
    kept = made is not None and row["kept_created_at"] == made
    row["pinned"] = int(kept and row["kept_pinned"])
    if kept:
        row["expires_at"] = max(row["expires_at"], row["kept_until"])
    return row


def job_sums(row: Row) -> Row:
    """What a request adds to the totals."""
    if row["status"] is None:
        return {}
    sums: Row = {row["status"]: 1}
    if row["status"] == "queued":
        sums[f"queued_ms_{row['lane']}"] = row["estimated_ms"] or 0
    elif row["status"] == "completed":
        sums |= {"audio_ms": milliseconds(row["duration_seconds"]), "characters": row["characters"] or 0}
    return sums


def file_sums(row: Row) -> Row:
    """What a file adds to the totals."""
    return {"files": 1, "bytes": row["size"]} if row["present"] else {"deleted_files": 1}


def _status(row: Row) -> str | None:
    if row["completed_at"] is not None:
        return "completed"
    failed = row["failed_time"]
    if failed is not None and not _asked_again(row):
        return "cancelled" if row["code"] == "cancelled" else "failed"
    if row["progressed_at"] is not None and (failed is None or row["progressed_at"] > failed):
        return "in_progress"
    if row["asked_at"] is not None or failed is not None or row["progressed_at"] is not None:
        return "queued"
    return None


def _asked_again(row: Row) -> bool:
    """Whether the latest record that asked came after the failure, and is not the one which that answers."""
    last = row["asked_last"]
    if last is None or row["asked_last_place"] == row["failed_source"]:
        return False
    return bool(last > row["failed_time"] + EDGE_MICROS)


def _asking(row: Row) -> tuple[Any, ...] | None:
    return _key(row, "asked_at", "asked_place")


def _resulting(row: Row) -> tuple[Any, ...] | None:
    """What is announced of a file whose expiry was changed since has the later one."""
    return _key(row, "completed_at", "sha256", "expires_at")


def _made(row: Row) -> tuple[Any, ...] | None:
    """See `_resulting`."""
    return _key(row, "created_at", "sha256", "expires_at")


def _failing(row: Row) -> tuple[Any, ...] | None:
    """A conflict is about another content under the same id: it counts only where nothing else does."""
    key = _key(row, "failed_time", "failed_place")
    return key and (row["code"] != "request_conflict", *key)


def _key(row: Row, *names: str) -> tuple[Any, ...] | None:
    """The columns' values; None where the first has none."""
    return None if row[names[0]] is None else tuple(row[name] for name in names)


def _best(choose: Callable[..., Any], key: Key, one: Row, other: Row) -> Row:
    first, second = key(one), key(other)
    if first is None or second is None:
        return other if first is None else one
    return one if choose(first, second) == first else other


def _least(one: int | None, other: int | None) -> int | None:
    return min((value for value in (one, other) if value is not None), default=None)


def _most(one: int | None, other: int | None) -> int | None:
    return max((value for value in (one, other) if value is not None), default=None)
