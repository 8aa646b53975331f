"""Every metric of Loa: name, help and labels, and which part of Loa has it. The tables of docs/metrics.md are these.

Names and units are as Prometheus asks: `loa_`, base units, `_total` for counters. Labels come from closed lists (codes,
models, lanes, topics, routes). None holds an id, and tenants are named only as far as TTS_METRICS_TENANTS says.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Part(StrEnum):
    """A process of Loa."""

    WORKER = "worker"
    GATEWAY = "gateway"
    WEBHOOKS = "webhooks"
    RECONCILER = "reconciler"


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """`buckets`: upper bounds, of a histogram alone. Each is itself alone, which makes it a quick key."""

    kind: Literal["counter", "gauge", "histogram"]
    parts: tuple[Part, ...]
    name: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


DECLARED: list[Metric] = []

_WAITS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
_CALLS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_FACTORS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 5, 10)
_PIECES = (1, 2, 4, 8, 16, 32, 64, 128)


def _declared(metric: Metric) -> Metric:
    DECLARED.append(metric)
    return metric


def _counter(part: Part, name: str, text: str, *labels: str) -> Metric:
    return _declared(Metric("counter", (part,), name, text, labels))


def _gauge(part: Part, name: str, text: str, *labels: str) -> Metric:
    return _declared(Metric("gauge", (part,), name, text, labels))


def _histogram(part: Part, buckets: tuple[float, ...], name: str, text: str, *labels: str) -> Metric:
    return _declared(Metric("histogram", (part,), name, text, labels, buckets))


BUILD = _declared(
    Metric(
        "gauge", tuple(Part), "loa_build_info", "1; which version of Loa this is, and which part", ("version", "part")
    )
)

# A worker's requests

REQUESTS = _counter(
    Part.WORKER,
    "loa_requests_total",
    "outcomes written, again where one is; `outcome`: `completed`, `failed`; `code`: `ok`, or why it failed; `model`: "
    "`none` where none was chosen",
    "outcome",
    "code",
    "model",
)
TENANT_REQUESTS = _counter(
    Part.WORKER,
    "loa_tenant_requests_total",
    "the same by tenant: the first TTS_METRICS_TENANTS that come, and `_other` for all beyond; none where that is 0",
    "tenant",
    "outcome",
)
TENANT_AUDIO = _counter(
    Part.WORKER, "loa_tenant_audio_seconds_total", "speech made and stored by tenant, as above, in seconds", "tenant"
)
REPEATS = _counter(
    Part.WORKER, "loa_repeated_records_total", "records answered with what another one of the same request led to"
)
RETRIES = _counter(Part.WORKER, "loa_retries_total", "requests put back, to be tried again; `code`: why", "code")
MOVED = _counter(
    Part.WORKER,
    "loa_moved_records_total",
    "records copied to another topic; `to`: `bulk`, where they are in nobody's way, `express`, past a backlog, `pool`: "
    "to the workers of their model",
    "to",
)
QUEUE_SECONDS = _histogram(
    Part.WORKER,
    _WAITS,
    "loa_queue_seconds",
    "from the broker's taking a request up to an engine's beginning with it, in seconds",
    "lane",
)
SYNTHESIS_SECONDS = _histogram(
    Part.WORKER,
    _WAITS,
    "loa_synthesis_seconds",
    "from an engine's beginning with a request to its file's commit, in seconds",
    "model",
)
AUDIO = _counter(Part.WORKER, "loa_audio_seconds_total", "speech made and stored, in seconds", "model")
CHARACTERS = _counter(Part.WORKER, "loa_characters_total", "characters of the texts spoken", "model")

# Its engines

PIECE_SECONDS = _histogram(
    Part.WORKER,
    _WAITS,
    "loa_engine_piece_seconds",
    "time of an engine process for a piece of text, in seconds",
    "model",
)
REAL_TIME_FACTOR = _histogram(
    Part.WORKER,
    _FACTORS,
    "loa_engine_real_time_factor",
    "that time for each second of speech: below 1 is faster than it is heard",
    "model",
)
BATCH = _histogram(
    Part.WORKER, _PIECES, "loa_engine_batch_pieces", "pieces that a process had in hand with one that it spoke", "model"
)
REJECTIONS = _counter(
    Part.WORKER, "loa_gate_rejections_total", "pieces of audio that the check refused, by what", "model", "criterion"
)
RESTARTS = _counter(
    Part.WORKER, "loa_engine_restarts_total", "engine processes that ended unasked; `models`: that it had", "models"
)
PROCESSES = _gauge(Part.WORKER, "loa_engine_processes", "engine processes that can speak")
PROCESSES_WANTED = _gauge(Part.WORKER, "loa_engine_processes_wanted", "engine processes that there should be")
PIECES = _gauge(Part.WORKER, "loa_engine_pieces", "pieces that engines have in hand")

# What it has in hand of the log

WINDOW_AGE = _gauge(
    Part.WORKER,
    "loa_window_age_seconds",
    "age of the oldest record in hand, behind which nothing is committed, in seconds",
)
WINDOW_RECORDS = _gauge(Part.WORKER, "loa_window_records", "records in hand, or finished behind one that is not")
IN_HAND_REQUESTS = _gauge(Part.WORKER, "loa_in_hand_requests", "requests in hand", "lane")
IN_HAND_SECONDS = _gauge(
    Part.WORKER, "loa_in_hand_seconds", "speech of the requests in hand, estimated, in seconds", "lane"
)
IN_HAND_BYTES = _gauge(Part.WORKER, "loa_in_hand_bytes", "size of the records in hand, in bytes")
READ_AHEAD_BYTES = _gauge(
    Part.WORKER, "loa_read_ahead_bytes", "size of records that were read and are not in hand yet, in bytes", "topic"
)
LAG = _gauge(
    Part.WORKER, "loa_consumer_lag_records", "records of this worker's partitions that are not finished", "topic"
)
PARTITIONS = _gauge(Part.WORKER, "loa_assigned_partitions", "partitions that this worker has", "topic")
REBALANCES = _counter(Part.WORKER, "loa_rebalances_total", "times that this worker was given partitions")
COMMITS_REFUSED = _counter(Part.WORKER, "loa_commits_refused_total", "commits that the group did not take")
UNREAD = _counter(
    Part.WORKER, "loa_records_removed_unread_total", "records that retention removed before they were read", "topic"
)

# Its files

AUDIO_BYTES = _counter(Part.WORKER, "loa_audio_bytes_total", "audio written to the store, in bytes")
DELETED_FILES = _counter(
    Part.WORKER, "loa_deleted_files_total", "files deleted; `reason` as in `tts.deleted`", "reason"
)
DELETED_BYTES = _counter(Part.WORKER, "loa_deleted_bytes_total", "audio deleted, in bytes", "reason")
CLEANUP_ERRORS = _counter(Part.WORKER, "loa_cleanup_errors_total", "clean-ups of a shard or of a file that failed")

# A gateway's calls

CALLS = _counter(
    Part.GATEWAY,
    "loa_http_requests_total",
    "HTTP calls; `route`: as in docs/http.md, or `none`",
    "method",
    "route",
    "status",
)
CALL_SECONDS = _histogram(
    Part.GATEWAY, _CALLS, "loa_http_request_duration_seconds", "time to the last byte, in seconds", "method", "route"
)
WAITING = _gauge(Part.GATEWAY, "loa_http_waits", "calls that wait for an outcome")
STREAMS = _gauge(Part.GATEWAY, "loa_http_event_streams", "streams of events that are being read")

# The installation, as any gateway sees it: each tells the same, so take the greatest

DEPENDENCY = _gauge(
    Part.GATEWAY,
    "loa_dependency_up",
    "1 if it answered when it was last asked, else 0, and what it would have told is missing; `dependency`: `kafka`, "
    "`index`",
    "dependency",
)
WORKERS = _gauge(Part.GATEWAY, "loa_group_members", "workers in the consumer group")
GROUP_LAG = _gauge(Part.GATEWAY, "loa_group_lag_records", "records that the group has not passed", "topic")
QUEUED_SECONDS = _gauge(
    Part.GATEWAY,
    "loa_queued_speech_seconds",
    "speech that is queued for a pool of workers, estimated, in seconds; `pool`: empty for the one without a name",
    *("pool", "lane"),
)
JOBS = _gauge(Part.GATEWAY, "loa_jobs", "requests that the index remembers", "status")
STORE_FILES = _gauge(Part.GATEWAY, "loa_store_files", "files that are there")
STORE_BYTES = _gauge(Part.GATEWAY, "loa_store_bytes", "their audio, in bytes")
EXPIRED_FILES = _gauge(Part.GATEWAY, "loa_store_expired_files", "those of them that expired and wait for clean-up")
EXPIRED_BYTES = _gauge(Part.GATEWAY, "loa_store_expired_bytes", "their audio, in bytes")

# Webhooks

ATTEMPTS = _counter(
    Part.WEBHOOKS, "loa_webhook_attempts_total", "posts to endpoints; `result`: `taken`, `refused`, `gone`", "result"
)
ATTEMPT_SECONDS = _histogram(
    Part.WEBHOOKS, _CALLS, "loa_webhook_attempt_seconds", "time an endpoint took to answer, in seconds"
)
DELIVERIES = _counter(
    Part.WEBHOOKS,
    "loa_webhook_deliveries_total",
    "deliveries that ended; `state`: `delivered`, `gone`, `given_up`",
    "state",
)
DELIVERY_SECONDS = _histogram(
    Part.WEBHOOKS, _WAITS, "loa_webhook_delivery_seconds", "from an event to its being delivered, in seconds"
)
DELIVERIES_IN_HAND = _gauge(Part.WEBHOOKS, "loa_webhook_deliveries_in_hand", "deliveries that wait or are being made")

# The reconciler

LOOKS = _counter(
    Part.RECONCILER,
    "loa_reconciler_looks_total",
    "comparisons of requests and outcomes; `result`: `ok`, `failed`",
    "result",
)
LAST_LOOK = _gauge(
    Part.RECONCILER, "loa_reconciler_last_look_timestamp_seconds", "when the last that succeeded ended, in Unix time"
)
BROUGHT_BACK = _counter(
    Part.RECONCILER, "loa_reconciler_brought_back_total", "requests that had been passed without an outcome, put back"
)
