"""Traces: the way of a request through all processes, as W3C Trace Context has it.

What comes with a caller's `traceparent` keeps it to the last webhook, whether or not anybody records. Where TTS_TRACES
says so, `streams.otel` records spans on the way, and each record and call carries the one that sent it; else nothing
is imported, and spans are objects that do nothing.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from types import MappingProxyType, TracebackType
from typing import Literal, Protocol, Self

from streams.settings import Settings, SettingsError

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Value = str | int | float | bool
Attributes = Mapping[str, Value]

TRACE_HEADERS = frozenset({"traceparent", "tracestate"})
NONE: Mapping[str, bytes] = MappingProxyType({})

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-[\x21-\x7e]*)?", re.ASCII)
_TRACESTATE = re.compile(r"[\x20-\x7e]{1,512}")


class Span:
    """A part of a request's way. This one is not recorded. `headers`: what follows is part of it by these."""

    def __init__(self, headers: Mapping[str, bytes]) -> None:
        self.headers = headers

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def set(self, attributes: Attributes) -> None:
        """Say more of it."""

    def name(self, name: str) -> None:
        """Call it otherwise."""

    def note(self, what: str, attributes: Attributes) -> None:
        """Say that something happened in it, now."""

    def link(self, headers: Mapping[str, bytes]) -> None:
        """Say that it serves another trace too, which these headers are part of."""

    def fail(self, code: str, message: str) -> None:
        """Say that it did not do what it was to do."""


class Recorder(Protocol):
    """Makes spans. Without a `parent` a span is part of that around it, or the first of a trace."""

    def span(
        self, name: str, kind: Kind, attributes: Attributes, parent: Mapping[str, bytes] | None, began: datetime | None
    ) -> AbstractContextManager[Span]:
        """A span, ended with the block. `parent`: headers. `began`: if before the block."""
        ...

    def around(self, otherwise: Mapping[str, bytes]) -> Mapping[str, bytes]:
        """Headers of the span around this place; `otherwise`, if there is none."""
        ...


class _Unrecorded:
    def span(
        self, name: str, kind: Kind, attributes: Attributes, parent: Mapping[str, bytes] | None, began: datetime | None
    ) -> AbstractContextManager[Span]:
        return Span(NONE if parent is None else parent)

    def around(self, otherwise: Mapping[str, bytes]) -> Mapping[str, bytes]:
        return otherwise


_recorder: Recorder = _Unrecorded()


@contextmanager
def recording(settings: Settings, service: str) -> Iterator[None]:
    """Record spans within the block, if TTS_TRACES says so. Raises SettingsError where what it takes is not there."""
    if settings.traces == "off":
        yield
        return
    try:
        from streams.otel import OpenTelemetry
    except ModuleNotFoundError as error:
        missing = f"TTS_TRACES={settings.traces}: needs the package extra otel: pip install 'loa-tts[otel]' ({error})"
        raise SettingsError(missing) from error
    made = OpenTelemetry.over_otlp(service)
    with recorded_by(made):
        try:
            yield
        finally:
            made.close()


@contextmanager
def recorded_by(recorder: Recorder) -> Iterator[None]:
    """Let this one record all spans of this process within the block."""
    global _recorder  # noqa: PLW0603 - of a process there is one, as there is one log
    before, _recorder = _recorder, recorder
    try:
        yield
    finally:
        _recorder = before


def span(
    name: str,
    kind: Kind = "internal",
    attributes: Attributes = MappingProxyType({}),
    parent: Mapping[str, bytes] | None = None,
    began: datetime | None = None,
) -> AbstractContextManager[Span]:
    """See `Recorder.span`."""
    return _recorder.span(name, kind, attributes, parent, began)


def sending(topic: str, carried: Mapping[str, bytes] | None) -> AbstractContextManager[Span]:
    """The span of writing a record, whose headers the record carries. `carried`: it has now.

    What is part of no trace begins none, and what is part of another than the span around this stays in it.
    """
    carried = carried or NONE
    around = _recorder.around(carried)
    own = trace_id(carried)
    if own is not None and own != trace_id(around):
        around = carried
    if trace_id(around) is None:
        return Span(carried)
    about = {"messaging.operation.name": "send", "messaging.operation.type": "send"}
    return _recorder.span(f"send {topic}", "producer", messaging(topic) | about, around, None)


def around(otherwise: Mapping[str, bytes] | None) -> Mapping[str, bytes]:
    """See `Recorder.around`."""
    return _recorder.around(otherwise or NONE)


def messaging(topic: str) -> dict[str, Value]:
    """What spans about a topic have in common."""
    return {"messaging.system": "kafka", "messaging.destination.name": topic}


def trace_id(headers: Mapping[str, bytes]) -> str | None:
    """The id of the trace that these headers are part of, 32 hexadecimal digits; None where they are of none."""
    found = _TRACEPARENT.fullmatch(headers.get("traceparent", b"").decode("ascii", "replace"))
    return found[1] if found and found[1].strip("0") else None


def text_of(headers: Mapping[str, bytes]) -> dict[str, str]:
    """`traceparent` and `tracestate` as HTTP carries them; nothing where they are not what they are to be."""
    if trace_id(headers) is None:
        return {}
    state = headers.get("tracestate", b"").decode("ascii", "replace")
    found = {"traceparent": headers["traceparent"].decode("ascii")}
    return found | {"tracestate": state} if _TRACESTATE.fullmatch(state) else found
