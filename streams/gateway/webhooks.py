"""`GET /api/tts/webhooks`: what endpoints are told of requests, and how each delivery stands."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from storage.index import Delivery, DeliveryState
from storage.records import iso
from streams.gateway.auth import Caller
from streams.gateway.installation_answers import DeliveryPage
from streams.gateway.jobs import MOST_ON_A_PAGE, asked
from streams.gateway.keys import Scope
from streams.gateway.parts import PartsOf
from streams.ids import ID_PATTERN
from streams.readers.webhooks.endpoints import CALLBACK, NAME_PATTERN

router = APIRouter(tags=["webhooks"])


class Filter(BaseModel):
    """Which deliveries of the caller's events are listed."""

    state: DeliveryState | None = Field(None, description="only those that stand so")
    endpoint: str | None = Field(
        None, pattern=NAME_PATTERN, description="only to this one: its name, or `callback` for those of requests"
    )
    request_id: str | None = Field(None, pattern=ID_PATTERN, description="only of this request")
    limit: int = Field(50, ge=1, le=MOST_ON_A_PAGE)
    cursor: str | None = Field(None, max_length=200, description="`next_cursor` of the page before")


@router.get("/api/tts/webhooks", response_model=DeliveryPage)
async def list_deliveries(request: Request, parts: PartsOf, wanted: Annotated[Filter, Query()]) -> JSONResponse:
    """What endpoints are told of the caller's requests and files, the newest event first."""
    caller = parts.caller(request, Scope.READ)
    page = await asked(lambda index: index.deliveries(caller.tenant, **wanted.model_dump()), parts)
    found = [shown(delivery, caller) for delivery in page.deliveries]
    return JSONResponse({"success": True, "deliveries": found, "next_cursor": page.next_cursor})


def shown(delivery: Delivery, caller: Caller) -> dict[str, Any]:
    """A delivery as the API shows it.

    Who sees one tenant alone named only the URL of its own callbacks, and need not know the network that they are
    called from: of what failed there, such as an address that was refused, the word before the colon is enough.
    """
    named = caller.tenant is None or delivery.endpoint == CALLBACK
    detail = delivery.detail if caller.tenant is None else (delivery.detail or "").partition(":")[0] or None
    same = ("request_id", "tenant", "endpoint", "state", "attempt")
    return {
        "id": delivery.webhook_id,
        **{name: getattr(delivery, name) for name in same},
        "url": delivery.url if named else None,
        "detail": detail,
        **{name: iso(getattr(delivery, name)) for name in ("created_at", "updated_at", "not_before")},
    }
