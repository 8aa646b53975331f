"""A change as a row that knows little; `joins` puts it together with what is known already."""

from collections.abc import Mapping
from typing import Any

import orjson

from storage.index.changes import (
    About,
    Asked,
    CancelAsked,
    Change,
    Completed,
    Deleted,
    DeliveryNoted,
    Failed,
    Progressed,
    Retained,
    Shown,
    milliseconds,
)
from storage.index.moments import micros
from storage.index.tables import MAIN_POOL, files, jobs

Row = dict[str, Any]

LONGEST_WORD, LONGEST_TEXT = 255, 4000

BLANK_JOB: Row = dict.fromkeys(jobs.c.keys())
BLANK_FILE: Row = dict.fromkeys(files.c.keys())


def job_of(change: Change) -> Row | None:
    """What a change says of a request; None for one that is about its file alone, or about telling of it."""
    if isinstance(change, Deleted | Retained | DeliveryNoted):
        return None
    unasked = {"lane": "interactive", "pool": MAIN_POOL, "pool_step": 0}
    return BLANK_JOB | _names(change.about) | unasked | _said(change)


def file_of(change: Change) -> Row | None:
    """What a change says of a file; None for one that does not."""
    if isinstance(change, Completed):
        return BLANK_FILE | _names(change.about) | _making(change)
    if isinstance(change, Deleted):
        gone = micros(change.created_at or change.deleted_at)
        said = {"gone_created_at": gone, "deleted_at": micros(change.deleted_at), "reason": kept(change.reason)}
        return BLANK_FILE | _names(change.about) | said
    if isinstance(change, Retained):
        return BLANK_FILE | _names(change.about) | _kept(change)
    return None


def _names(about: About) -> Row:
    return {"file_id": about.file_id, "tenant": about.tenant, "request_id": about.request_id}


def _said(change: Asked | Progressed | Failed | Completed | CancelAsked) -> Row:
    if isinstance(change, Asked):
        return _asked(change)
    if isinstance(change, Progressed):
        time = micros(change.time)
        progress = {"started_at": time, "progressed_at": time, "progress_worker": kept(change.worker)}
        return progress | {"chunk": change.chunk, "chunks": change.chunks}
    if isinstance(change, Failed):
        return _failed(change)
    if isinstance(change, Completed):
        return _completed(change)
    return {"cancel_at": micros(change.time)}


def _asked(change: Asked) -> Row:
    return {
        "lane": change.lane,
        "asked_at": micros(change.since),
        "asked_place": kept(change.place),
        "source": kept(change.source),
        "estimated_ms": milliseconds(change.estimated_seconds),
        "asked_last": micros(change.time),
        "asked_last_place": kept(change.place),
        "asked_attempt": change.attempt,
        "pool": kept(change.pool),
        "pool_step": 2 * change.attempt + change.moved,
    } | _shown(change.shown)


def _failed(change: Failed) -> Row:
    return {
        "failed_time": micros(change.time),
        "failed_place": kept(change.place),
        "failed_at": micros(change.failed_at),
        "failed_source": kept(change.source),
        "code": kept(change.code),
        "message": kept(change.message, LONGEST_TEXT),
        "retryable": int(change.retryable),
        "failed_attempts": change.attempts,
        "failed_worker": kept(change.worker),
    }


def _completed(change: Completed) -> Row:
    return {
        "completed_at": micros(change.created_at),
        "sha256": kept(change.sha256),
        "attempts": change.attempts,
        "worker": kept(change.worker),
        "sample_rate": change.sample_rate,
        "duration_seconds": change.duration_seconds,
        "file_size": change.size,
        "expires_at": micros(change.expires_at),
    } | _shown(change.shown)


def _making(change: Completed) -> Row:
    return {
        "created_at": micros(change.created_at),
        "sha256": kept(change.sha256),
        "format": kept(change.shown.format),
        "size": change.size,
        "duration_seconds": change.duration_seconds,
        "expires_at": micros(change.expires_at),
    }


def _kept(change: Retained) -> Row:
    return {
        "kept_created_at": micros(change.created_at),
        "retained_at": micros(change.retained_at),
        "kept_until": micros(change.expires_at),
        "kept_pinned": int(change.pinned),
    }


def _shown(shown: Shown) -> Row:
    return {
        "model": kept(shown.model),
        "voice": kept(shown.voice),
        "speaker_id": kept(shown.speaker_id),
        "language": kept(shown.language),
        "format": kept(shown.format),
        "characters": shown.characters,
        "metadata": _json(shown.metadata),
    }


def _json(metadata: Mapping[str, Any] | None) -> str | None:
    """The metadata as text; what is nested too deeply to be written again is not kept."""
    try:
        return orjson.dumps(metadata, option=orjson.OPT_SORT_KEYS).decode() if metadata else None
    except orjson.JSONEncodeError:
        return None


def kept(text: str | None, most: int = LONGEST_WORD) -> str | None:
    """A text as every database can keep it, and in an index of its own."""
    return None if text is None else text.replace("\0", "")[:most]
