"""What is on each topic, who writes and who reads it: in words, for documents."""

from dataclasses import dataclass

from pydantic import BaseModel

from streams.events import EVENTS
from streams.requests import SynthesisRequested


@dataclass(frozen=True, slots=True)
class Channel:
    """One topic. `message`: the name of what is on it; `model`: of its value, None for whatever was received.

    `key`: what the record's key is. `writers`, `readers`: who else than Loa's own views (index, audit) does so.
    `sends`, `receives`: what Loa does with it, in an operation's words; None where it does not.
    """

    message: str
    written: str
    key: str
    writers: str
    readers: str
    sends: str | None = None
    receives: str | None = None
    model: type[BaseModel] | None = None


_MODELS: dict[str, type[BaseModel]] = {event.topic: event for event in EVENTS}
_AS_RECEIVED = "as received"

CHANNELS: dict[str, Channel] = {
    "requests": Channel(
        message="SynthesisRequested",
        written="clients: a text to speak",
        key="yours: the request id, or anything, or none",
        writers="clients, gateway; `loa dlq redrive` and `loa reconcile` put requests back",
        readers="worker",
        sends="An HTTP call becomes a request.",
        receives="A request is spoken, or fails.",
        model=SynthesisRequested,
    ),
    "requests.bulk": Channel(
        message="SynthesisRequested",
        written="clients, worker: requests that may wait",
        key=_AS_RECEIVED,
        writers="clients, worker",
        readers="worker",
        sends="A request that may wait is moved out of the way of others, byte for byte.",
        receives="A request is spoken with what capacity is left.",
        model=SynthesisRequested,
    ),
    "requests.retry": Channel(
        message="RetriedRequest",
        written="worker: requests to be tried again later",
        key=_AS_RECEIVED,
        writers="worker",
        readers="worker",
        sends="A request that failed for what may pass waits for its next attempt, byte for byte.",
        receives="A request whose pause is over is tried again.",
        model=SynthesisRequested,
    ),
    "requests.dlq": Channel(
        message="DeadLetter",
        written="worker: records that could not be answered, byte for byte",
        key=_AS_RECEIVED,
        writers="worker",
        readers="operators (`loa dlq`), gateway",
        sends="A record that could not be answered is kept, with the reason in its headers.",
    ),
    "progress": Channel(
        message="SynthesisProgressed",
        written="worker: `started`, then `chunk` k of n",
        key="`request_id`",
        writers="worker",
        readers="clients, gateway",
        sends="A request was taken up, or a chunk of it was spoken. May be lost: no outcome depends on it.",
        model=_MODELS["progress"],
    ),
    "completed": Channel(
        message="SynthesisCompleted",
        written="worker: the audio is durable",
        key="`request_id`",
        writers="worker",
        readers="clients, gateway, webhooks",
        sends="Audio and metadata of a request are durable.",
        model=_MODELS["completed"],
    ),
    "failed": Channel(
        message="SynthesisFailed",
        written="worker: a code and a sentence",
        key="`request_id`",
        writers="worker",
        readers="clients, gateway, webhooks",
        sends="A request ends without audio.",
        model=_MODELS["failed"],
    ),
    "commands": Channel(
        message="CancelRequested",
        written="operators: cancel a request",
        key="`request_id`, or anything",
        writers="clients, operators, gateway",
        readers="worker: each reads all of it",
        sends="An HTTP call cancels a request.",
        receives="A request that is queued or being spoken is stopped.",
        model=_MODELS["commands"],
    ),
    "cleanup": Channel(
        message="CleanupRequested",
        written="timer, operators: what to clean up",
        key="`file_id`, or `shard-` and its digit",
        writers="timer of each worker, gateway, operators",
        readers="worker",
        sends="The timer, or an HTTP call, asks for a clean-up.",
        receives="What has expired is removed, or one file is.",
        model=_MODELS["cleanup"],
    ),
    "webhooks": Channel(
        message="WebhookDelivery",
        written="`loa webhooks`: deliveries that are due, and how they ended",
        key="`url`",
        writers="`loa webhooks`",
        readers="`loa webhooks`",
        sends="A delivery is due, is due again, or has ended.",
        receives="A delivery is attempted when its time has come.",
        model=_MODELS["webhooks"],
    ),
    "deleted": Channel(
        message="AudioDeleted",
        written="worker: a file is gone",
        key="`file_id`",
        writers="worker",
        readers="clients, gateway, webhooks",
        sends="A file is gone.",
        model=_MODELS["deleted"],
    ),
    "retained": Channel(
        message="AudioRetained",
        written="worker: a file's expiry or pin was changed",
        key="`file_id`",
        writers="worker",
        readers="clients, gateway",
        sends="A file is kept for longer, or pinned, or released.",
        model=_MODELS["retained"],
    ),
}
"""By the topics' short names."""
