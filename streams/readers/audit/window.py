"""What part of the log an audit sees, and what it therefore cannot know."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from aiokafka import TopicPartition

from streams.headers import position
from streams.readers.audit.findings import Example, Kind
from streams.readers.replay import Range
from streams.routes import REQUEST_TOPICS, part_of

EDGE_SECONDS = 1.0
DAY_SECONDS = 86_400.0
KEPT = 0.8  # of the days: an outcome tells when it was written, and its request may have waited


@dataclass
class Window:
    """The ranges that were read, by topic. Times in seconds since 1970; `since` 0 means: from the log's beginning.

    `shorts`: topic names to short names. `committed`: what the workers' group has passed. `oldest`: time of the first
    record read of each partition. `days`: how long requests are to be kept.
    """

    at: float
    since: float
    until: float
    days: float
    shorts: Mapping[str, str]
    committed: Mapping[TopicPartition, int]
    ranges: Mapping[TopicPartition, Range]
    oldest: dict[TopicPartition, float] = field(default_factory=dict)

    def horizon(self, prefix: str) -> float:
        """The time before which a topic (or all of `requests`) may have lost records to retention; 0 if none."""
        cut = [
            self.oldest.get(pair, self.at)
            for pair, span in self.ranges.items()
            if span.first > 0 and self._is(pair, prefix)
        ]
        return max(cut, default=0.0)

    def verdict(self, asked_at: float, source: str | None) -> Kind | None:
        """What an outcome means whose request was not read; None: its request is out of the window."""
        span = self._range_of(source) if source else None
        if span is not None:
            gone = self._offset(source) < span.first
            known_before = self._offset(source) < span.start
        else:
            gone = asked_at < self.horizon("requests") + EDGE_SECONDS and source is None
            known_before = gone or asked_at < self.since + EDGE_SECONDS
        if not known_before:
            return Kind.OUTCOME_WITHOUT_REQUEST
        # The broker keeps requests for so many days: what is gone sooner was taken by somebody.
        early = gone and asked_at >= max(self.since + EDGE_SECONDS, self.at - KEPT * self.days * DAY_SECONDS)
        return Kind.RETENTION_GAP if early else None

    def unread(self) -> Iterator[Example]:
        """Requests that retention removed before the workers had passed them."""
        for pair, span in self.ranges.items():
            passed = self.committed.get(pair)
            if passed is not None and self._is(pair, "requests") and span.first > passed:
                yield {"topic": pair.topic, "partition": pair.partition, "removed_unread": span.first - passed}

    def _is(self, pair: TopicPartition, prefix: str) -> bool:
        short = self.shorts[pair.topic]
        return short == prefix or (prefix == "requests" and part_of(short) in REQUEST_TOPICS)

    def _range_of(self, source: str | None) -> Range | None:
        for pair, span in self.ranges.items():
            if source and source.startswith(position(pair.topic, pair.partition, 0)[:-1]):
                return span
        return None

    @staticmethod
    def _offset(source: str | None) -> int:
        found = re.search(r"-(\d+)$", source or "")
        return int(found[1]) if found else 0
