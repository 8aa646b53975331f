"""Which requests were passed by the workers and have no outcome: kept only as long as that is so."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from streams.errors import ErrorCode
from streams.readers.identity import Ask

EDGE_SECONDS = 1.0
"""What the clocks of two brokers may differ by."""

MOST_EARLY = 100_000


@dataclass(frozen=True, slots=True)
class Answer:
    """An outcome. `source`, `content`: of a failure; `text_sha256`: of a result. `time`: when the broker took it."""

    file_id: str
    time: float
    code: ErrorCode | str | None = None
    source: str | None = None
    content: str | None = None
    text_sha256: str | None = None


@dataclass(slots=True)
class Open:
    """A request without an outcome. `time`: when the broker took its latest record. `passed`: when we saw it passed."""

    ask: Ask
    topic: str
    partition: int
    offset: int
    time: float
    passed: float

    def answered_by(self, answer: Answer) -> bool:
        """Whether an outcome is this request's: of the same content, and not older than its latest record."""
        if answer.time < self.time - EDGE_SECONDS:
            return False
        if answer.code is None:
            return self.ask.text_sha256 is None or answer.text_sha256 in {None, self.ask.text_sha256}
        if answer.source == self.ask.place or (answer.content and answer.content == self.ask.content):
            return True
        return self.ask.content is None and answer.code != ErrorCode.REQUEST_CONFLICT


class Ledger:
    """Open requests by their source, and outcomes that came before their request was passed."""

    def __init__(self, most_early: int = MOST_EARLY) -> None:
        self._open: dict[str, Open] = {}
        self._by_file: dict[str, set[str]] = {}
        self._early: OrderedDict[str, list[Answer]] = OrderedDict()
        self._most_early = most_early

    def __len__(self) -> int:
        return len(self._open)

    def passed(self, entry: Open) -> None:
        """The workers have passed a record; a later copy of a request stands for the earlier ones."""
        early = self._early.get(entry.ask.file_id, [])
        if any(entry.answered_by(answer) for answer in early):
            del self._early[entry.ask.file_id]
            self.forget(entry.ask.source)
            return
        self._open[entry.ask.source] = entry
        self._by_file.setdefault(entry.ask.file_id, set()).add(entry.ask.source)

    def answered(self, answer: Answer) -> None:
        """An outcome was read."""
        sources = self._by_file.get(answer.file_id, set())
        settled = [source for source in sources if self._open[source].answered_by(answer)]
        for source in settled:
            self.forget(source)
        if not settled:
            self._early.setdefault(answer.file_id, []).append(answer)
            self._early.move_to_end(answer.file_id)
            # A request whose early outcome was forgotten is brought back for nothing, which does no harm.
            if len(self._early) > self._most_early:
                self._early.popitem(last=False)

    def forget(self, source: str) -> None:
        """It has its outcome, or is on its way again."""
        entry = self._open.pop(source, None)
        if entry is not None:
            sources = self._by_file[entry.ask.file_id]
            sources.discard(source)
            if not sources:
                del self._by_file[entry.ask.file_id]

    def lost(self, now: float, grace: float) -> Iterator[Open]:
        """Those that have been without an outcome for longer than a grace, in seconds."""
        return (entry for entry in list(self._open.values()) if now - entry.passed > grace)
