"""Which requests were passed by the workers and have no outcome: kept only as long as that is so."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from streams.errors import ErrorCode
from streams.readers.identity import Ask

EDGE_SECONDS = 1.0
"""What the clocks of two brokers may differ by."""

MOST_ANSWERED, MOST_OF_ONE = 100_000, 16
"""Files whose outcomes are remembered, and the latest outcomes of each."""


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
    """Open requests by their source, and the outcomes of late.

    An outcome is written before its record is passed, and a request that was moved or repeated has several records, of
    which some may be passed long after it: so it is remembered, whether it has settled one or not.
    """

    def __init__(self, most_answered: int = MOST_ANSWERED) -> None:
        self._open: dict[str, Open] = {}
        self._by_file: dict[str, set[str]] = {}
        self._answers: OrderedDict[str, list[Answer]] = OrderedDict()
        self._most_answered = most_answered

    def __len__(self) -> int:
        return len(self._open)

    def passed(self, entry: Open) -> None:
        """The workers have passed a record; a later copy of a request stands for the earlier ones."""
        if any(entry.answered_by(answer) for answer in self._answers.get(entry.ask.file_id, ())):
            self.forget(entry.ask.source)
            return
        self._open[entry.ask.source] = entry
        self._by_file.setdefault(entry.ask.file_id, set()).add(entry.ask.source)

    def answered(self, answer: Answer) -> None:
        """An outcome was read."""
        sources = self._by_file.get(answer.file_id, set())
        for source in [source for source in sources if self._open[source].answered_by(answer)]:
            self.forget(source)
        answers = self._answers.setdefault(answer.file_id, [])
        answers.append(answer)
        del answers[:-MOST_OF_ONE]
        self._answers.move_to_end(answer.file_id)
        # A request whose outcome was forgotten before it was passed is brought back for nothing, which does no harm.
        if len(self._answers) > self._most_answered:
            self._answers.popitem(last=False)

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
