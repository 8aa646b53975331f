"""The in-order window: what was taken from the log, what of it is done, and how far may be committed.

Acknowledging records out of order loses those before them when the worker dies, so only a finished prefix is ever
committed, with a note of what is finished beyond it. Faust's generation numbers can stay the same over a rebalance in
which records were skipped, so the window counts epochs of its own: one ends whenever partitions are revoked, and what
belongs to an older one is never committed. Its effects are idempotent, and it will be delivered again.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import NamedTuple

from streams import beyond


class Partition(NamedTuple):
    """A topic's partition; equal to Kafka's own pair of the same values."""

    topic: str
    partition: int


class Progress(NamedTuple):
    """Of a partition: all before `offset` is finished, and what `beyond` names. A commit takes it as it is."""

    offset: int
    beyond: str = ""


class HoleError(Exception):
    """Records between the last one seen and this one never arrived: going on would commit past them."""


@dataclass(slots=True)
class Entry:
    """An unfinished record in the window. `since`: monotonic seconds."""

    partition: Partition
    offset: int
    epoch: int
    since: float


def is_ahead(offset: int, committed: int | None) -> bool:
    """Whether a first record lies beyond what was committed: where the log starts decides then what it means."""
    return offset > max(committed or 0, 0)


class Window:
    """What is unfinished of each partition, in the order of offsets, for one epoch at a time. All else is finished."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.epoch = 0
        self._clock = clock
        self._entries: dict[Partition, dict[int, Entry]] = {}
        self._newest: dict[Partition, int] = {}
        self._before: dict[Partition, deque[range]] = {}
        self._moved: set[Partition] = set()
        self._finished: dict[Partition, Progress] = {}
        self._committed: dict[Partition, Progress] = {}

    def reset(self) -> None:
        """Begin a new epoch: forget all entries, since their partitions may be somebody else's now."""
        self.epoch += 1
        self._moved.clear()
        for table in (self._entries, self._newest, self._before, self._finished, self._committed):
            table.clear()

    def started(self, partition: Partition) -> bool:
        """Whether this epoch has seen a record of the partition."""
        return partition in self._newest

    def next(self, partition: Partition) -> int | None:
        """The offset to be taken up next; None before the first record of a partition in this epoch."""
        newest = self._newest.get(partition)
        return None if newest is None else newest + 1

    def passed(self, partition: Partition) -> int | None:
        """The offset of the first record that is not finished; None as for `next`."""
        entries = self._entries.get(partition)
        return next(iter(entries)) if entries else self.next(partition)

    def start(self, partition: Partition, offset: int, committed: int | None, log_start: int) -> int:
        """Check the first record of a partition in this epoch against the broker's committed offset.

        Returns how many records retention removed unread (0 as a rule). Raises HoleError if records were skipped.
        A record before the committed offset comes again and is harmless.
        """
        expected = log_start if committed is None or committed < 0 else committed
        removed = 0
        if offset > expected:
            if offset != log_start:
                raise HoleError(
                    f"{partition}: committed {expected}, log starts at {log_start}, first record is {offset}"
                )
            removed = offset - expected
        self._newest[partition] = offset - 1
        return removed

    def resume(self, partition: Partition, progress: Progress) -> None:
        """Pass over what was finished in an earlier epoch, or by another worker, as the group has committed it."""
        self._before[partition] = deque(beyond.read(*progress))
        self._committed[partition] = progress

    def track(self, partition: Partition, offset: int, epoch: int) -> Entry | None:
        """Take a record in. Raises HoleError at a jump upwards.

        None if nothing is to be done for it: it is stale, or already in the window, or was finished before.
        """
        if epoch != self.epoch:
            return None
        newest = self._newest[partition]
        if offset <= newest:
            return None
        if offset != newest + 1:
            raise HoleError(f"{partition}: expected {newest + 1}, got {offset}")
        self._newest[partition] = offset
        if self._was_finished(partition, offset):
            self._moved.add(partition)
            return None
        entry = Entry(partition, offset, epoch, self._clock())
        self._entries.setdefault(partition, {})[offset] = entry
        return entry

    def _was_finished(self, partition: Partition, offset: int) -> bool:
        before = self._before.get(partition) or deque()
        while before and before[0].stop <= offset:
            before.popleft()
        return bool(before) and offset in before[0]

    def done(self, entry: Entry) -> None:
        """The record has its outcome; its prefix may be committed once all before it are done."""
        if entry.epoch == self.epoch and self._entries[entry.partition].pop(entry.offset, None) is not None:
            self._moved.add(entry.partition)

    def to_commit(self) -> dict[Partition, Progress]:
        """What is finished, of each partition where it is not what was committed last."""
        while self._moved:
            partition = self._moved.pop()
            self._finished[partition] = self._progress(partition)
        return {p: progress for p, progress in self._finished.items() if progress != self._committed.get(p)}

    def _progress(self, partition: Partition) -> Progress:
        unfinished, after = self._entries.get(partition, {}), self._newest[partition] + 1
        ends = [*unfinished, after]
        here = (range(one + 1, other) for one, other in pairwise(ends))
        unread = (range(max(found.start, after), found.stop) for found in self._before.get(partition, ()))
        return Progress(ends[0], beyond.written(ends[0], filter(len, chain(here, unread))))

    def committed(self, offsets: Mapping[Partition, Progress], epoch: int) -> None:
        """The broker took these, asked for in `epoch`."""
        if epoch == self.epoch:
            self._committed.update(offsets)

    def head_age(self) -> float:
        """Seconds that the oldest unfinished record has been in the window; 0 when there is none."""
        now = self._clock()
        heads = [entry for entries in list(self._entries.values()) for entry in list(entries.values())[:1]]
        return max((now - entry.since for entry in heads), default=0.0)

    def __len__(self) -> int:
        """Unfinished records."""
        return sum(len(entries) for entries in self._entries.values())
