"""Logs: to standard error, since standard output carries data; other people's loggers through the same door.

What is bound with `structlog.contextvars` (request id, tenant, trace id) is in every line that is written meanwhile.
"""

import contextvars
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Literal, TextIO

import structlog

from streams.traces import trace_id

Format = Literal["auto", "json", "console"]
About = AbstractContextManager[None]

MINUTE = 60.0
OURS = frozenset({"models", "storage", "streams"})
MOST_OF_OURS, MOST_OF_OTHERS = 20, 1
"""So often the same message is written in a minute. Ours are about different requests; a client of a broker that is
down can log the same 50 times a second."""

MOST_MESSAGES = 1000
NOISY = ("aiohttp", "aiokafka", "asyncio", "faust", "kafka", "mode", "urllib3", "uvicorn")

Message = tuple[str, int, str]


class Bounded(logging.StreamHandler[TextIO]):
    """Writes a message so often a minute; how often it was left out is told when the minute has passed, or at the end.

    `clock`: monotonic seconds.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(stream)
        self._clock = clock
        self._began = clock()
        self._seen: Counter[Message] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, or count it."""
        now = self._clock()
        if now - self._began >= MINUTE or len(self._seen) >= MOST_MESSAGES:
            self._tell_left_out()
            self._began = now
        message = _message(record)
        self._seen[message] += 1
        if self._seen[message] <= _most(record.name):
            super().emit(record)

    def close(self) -> None:
        """Say what is still to be said."""
        self.acquire()
        try:
            self._tell_left_out()
        finally:
            self.release()
        super().close()

    def _tell_left_out(self) -> None:
        for (name, level, text), times in self._seen.items():
            if (left_out := times - _most(name)) > 0:
                record = logging.LogRecord(name, level, "", 0, text, None, None)
                record.left_out = left_out
                # It is about no request, whatever is being worked on just now.
                contextvars.Context().run(super().emit, record)
        self._seen.clear()


def set_up(level: str, form: Format = "auto") -> None:
    """Send everything to standard error. `form`: `auto` is readable on a terminal, and JSON elsewhere."""
    console = sys.stderr.isatty() if form == "auto" else form == "console"
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = Bounded(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(("left_out", "engine_pid"))],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_last(console=console)],
        )
    )
    logging.captureWarnings(True)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))


def about(request_id: str | None, tenant: str | None, headers: Mapping[str, bytes]) -> About:
    """What is logged within the block is about a request; `headers`: those that say of which trace it is."""
    said = {"request_id": request_id, "tenant": tenant, "trace_id": trace_id(headers)}
    return structlog.contextvars.bound_contextvars(**{name: value for name, value in said.items() if value})


def _last(*, console: bool) -> list[structlog.typing.Processor]:
    """How a line is written."""
    if console:
        plain = structlog.dev.plain_traceback
        return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


def _message(record: logging.LogRecord) -> Message:
    """What makes a line the same as another: its words, without what it is about."""
    text = record.msg.get("event") if isinstance(record.msg, dict) else record.msg
    return record.name, record.levelno, str(text)


def _most(name: str) -> int:
    return MOST_OF_OURS if name.partition(".")[0] in OURS else MOST_OF_OTHERS
