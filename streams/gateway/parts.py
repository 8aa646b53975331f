"""What the routes of the gateway work with, built once and passed in."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from structlog.contextvars import bind_contextvars

from models.registry import Registry
from storage.index import Index
from streams.gateway.auth import Caller, Doorkeeper
from streams.gateway.feed import Feed
from streams.gateway.keys import Scope
from streams.gateway.library import Library
from streams.gateway.load import Load
from streams.gateway.speech import Speaking
from streams.gateway.waits import Waits
from streams.kafka import EventWriter
from streams.quotas import Quotas
from streams.settings import Settings


@dataclass(frozen=True, slots=True)
class Parts:
    """A gateway's parts."""

    settings: Settings
    writer: EventWriter
    waits: Waits
    library: Library
    speaking: Speaking
    registry: Registry
    door: Doorkeeper
    index: Index
    load: Load
    quotas: Quotas

    @property
    def feed(self) -> Feed:
        """For streams of events."""
        return self.waits.feed

    def caller(self, request: Request, scope: Scope) -> Caller:
        """Who calls. Raises ApiError."""
        caller = self.door.caller(request, scope)
        if caller.tenant:
            bind_contextvars(tenant=caller.tenant)
        return caller


def parts_of(request: Request) -> Parts:
    """The parts of the app that serves this call."""
    found: Parts = request.app.state.parts
    return found


PartsOf = Annotated[Parts, Depends(parts_of)]
