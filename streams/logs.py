"""Logs: to standard error, since standard output carries data; other people's loggers within bounds."""

import logging
import sys
import time
from collections import Counter

import structlog

LINES_A_MINUTE = 20
NOISY = ("faust", "mode", "aiokafka", "kafka")


class RateLimit(logging.Filter):
    """Lets so many lines of each logger through in a minute: while a broker is down a client can log 50 a second."""

    def __init__(self, lines: int = LINES_A_MINUTE) -> None:
        super().__init__()
        self._lines = lines
        self._minute = 0
        self._seen: Counter[str] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this line is let through."""
        minute = int(time.monotonic() / 60)
        if minute != self._minute:
            self._minute = minute
            self._seen.clear()
        self._seen[record.name] += 1
        return self._seen[record.name] <= self._lines


def set_up(level: str) -> None:
    """Send everything to standard error: readable on a terminal, JSON elsewhere."""
    terminal = sys.stderr.isatty()
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            *shared,
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.processors.format_exc_info],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    handler.addFilter(RateLimit())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))
