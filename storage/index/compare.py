"""An index held against one that was made anew: what it lacks, and what it says without ground."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sql
from sqlalchemy.engine import Connection

from storage.index.from_store import MISSING
from storage.index.kinds import KINDS, Kind
from storage.index.moments import micros
from storage.index.rows import Row
from storage.index.tables import SUMS, totals
from storage.index.writing import Sums, count

MOST_EXAMPLES = 5
AT_ONCE = 1000

Pair = tuple[Row | None, Row | None]


@dataclass(frozen=True, slots=True)
class Limits:
    """What cannot be compared. Rows are compared in full if they begin at or after `whole_since`: before it, retention
    has removed records. Requests last heard of before `before`, and files deleted before `files_before`, may have been
    forgotten. What the store has since `young_since` may not have been told yet.
    """

    whole_since: datetime
    before: datetime
    files_before: datetime
    young_since: datetime


@dataclass
class Drift:
    """How far an index is off. `counts`: by kind, such as `jobs missing`; `examples`: a few of each.

    missing: log or store know it, and the index does not. stale: the index knows less of it. unfounded: the index says
    what neither log nor store do. `totals wrong`: sums that are not those of the rows.
    """

    compared: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, kind: str, example: Mapping[str, Any]) -> None:
        """One more."""
        self.counts[kind] += 1
        shown = self.examples.setdefault(kind, [])
        if len(shown) < MOST_EXAMPLES:
            shown.append(dict(example))


def compare(index: Connection, anew: Connection, limits: Limits) -> Drift:
    """Walk both, in the order of their keys; memory does not grow with them."""
    drift = Drift()
    sums: Sums = Counter()
    for kind in KINDS:
        for have, should in _pairs(kind.key, _rows(index, kind), _rows(anew, kind)):
            drift.compared += 1
            if have is not None:
                count(sums, kind, have)
            found = _judge(kind, have, should, limits)
            if found:
                about = have or should or {}
                named = {name: about[name] for name in ("tenant", "request_id", kind.key)}
                drift.add(f"{kind.name} {found[0]}", named | {"columns": found[1]})
    _totals(index, sums, drift)
    return drift


def _judge(kind: Kind, have: Row | None, should: Row | None, limits: Limits) -> tuple[str, list[str]] | None:
    """What is wrong with a row, and in which columns; None: nothing."""
    if have is None:
        excused = should is None or _young(kind, should, limits) or _forgotten(should, limits)
        return None if excused else ("missing", [])
    if should is None:
        return ("unfounded", []) if _whole(have, limits) else None
    if should.get("reason") == MISSING and have["gone_created_at"] == should["gone_created_at"]:
        should |= {name: have[name] for name in ("deleted_at", "reason")}  # each found it at a time of its own
    lacks = _differing(have, kind.finish(kind.join(have, should)))
    if lacks:
        return None if _young(kind, should, limits) else ("stale", lacks)
    excess = _differing(should, kind.finish(kind.join(should, have)))
    return ("unfounded", excess) if excess and _whole(have, limits) else None


def _differing(one: Row, other: Row) -> list[str]:
    return [name for name, value in one.items() if other[name] != value]


def _young(kind: Kind, row: Row, limits: Limits) -> bool:
    """Whether the store may know more of it than the log has told."""
    times = [row[name] for name in kind.stored if row[name] is not None]
    return bool(times) and max(times) >= micros(limits.young_since)


def _forgotten(row: Row, limits: Limits) -> bool:
    """Whether it is old enough to have been pruned."""
    if "touched_at" in row:
        return int(row["touched_at"]) < micros(limits.before)
    return not row["present"] and row["deleted_at"] < micros(limits.files_before)


def _whole(row: Row, limits: Limits) -> bool:
    """Whether the log still has all that was ever said of it."""
    began = row["created_at"] if row["created_at"] is not None else row["gone_created_at"]
    return bool(began >= micros(limits.whole_since))


def _totals(index: Connection, sums: Sums, drift: Drift) -> None:
    said = {(row["tenant"], row["pool"]): row for row in index.execute(sql.select(totals)).mappings()}
    for whose in sorted({(tenant, pool) for tenant, pool, _ in sums} | set(said)):
        for name in SUMS:
            have, counted = said[whose][name] if whose in said else 0, sums[*whose, name]
            if have != counted:
                tenant, pool = whose
                about = {"tenant": tenant, "pool": pool, "sum": name, "said": have, "counted": counted}
                drift.add("totals wrong", about)


def _rows(connection: Connection, kind: Kind) -> Iterator[Row]:
    query = sql.select(kind.table).order_by(kind.keys)
    for row in connection.execution_options(yield_per=AT_ONCE).execute(query).mappings():
        yield dict(row)


def _pairs(key: str, ours: Iterator[Row], theirs: Iterator[Row]) -> Iterator[Pair]:
    """Rows of the same key together; both in order."""
    one, other = next(ours, None), next(theirs, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one[key] < other[key]):
            yield one, None
            one = next(ours, None)
        elif one is None or other[key] < one[key]:
            yield None, other
            other = next(theirs, None)
        else:
            yield one, other
            one, other = next(ours, None), next(theirs, None)
