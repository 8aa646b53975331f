"""The tables of the index.

Times are microseconds since 1970 in UTC; what is summed is in whole milliseconds, so that sums are exact.

    loa_jobs        one row for each request that was ever seen, by file id
    loa_files       one row for each file that was ever announced or deleted
    loa_deliveries  one row for each event that an endpoint is told of, and how that stands
    loa_totals      sums of jobs and files for each tenant, and under '' for all together, apart by pool
    loa_offsets     up to where the log is in those tables: written with them, or not at all
    loa_about       one row: the version of these tables, a name of their own, and whose log they are of

An index of another version is made anew, never migrated: it is a view of log and store.
"""

from sqlalchemy import BigInteger, Column, Double, Index, Integer, MetaData, String, Table, Text, text

VERSION = 4
"""Changes with anything on this page, and with what is written into it."""

ALL = ""
"""The row of the totals that stands for all tenants: no tenant has an empty name."""

MAIN_POOL = ""
"""The pool without a name: that of files, too, and of requests while it is not known who is asked."""

metadata = MetaData()

_JOB = (
    Column("file_id", String(32), primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    # Made from what follows, for queries. A request of which only a cancellation is known has no status yet.
    Column("status", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("touched_at", BigInteger, nullable=False),
    Column("lane", Text, nullable=False),
    # The first record that asked for it, …
    Column("asked_at", BigInteger),
    Column("asked_place", Text),
    Column("source", Text),
    Column("estimated_ms", BigInteger),
    # … the latest, …
    Column("asked_last", BigInteger),
    Column("asked_last_place", Text),
    Column("asked_attempt", Integer),
    # … whose it is now: by what record, twice its attempt, and one more where another pool moved it there, …
    Column("pool", Text, nullable=False),
    Column("pool_step", BigInteger, nullable=False),
    # … its progress, …
    Column("started_at", BigInteger),
    Column("progressed_at", BigInteger),
    Column("progress_worker", Text),
    Column("chunk", Integer),
    Column("chunks", Integer),
    Column("cancel_at", BigInteger),
    # … the latest failure, …
    Column("failed_time", BigInteger),
    Column("failed_place", Text),
    Column("failed_at", BigInteger),
    Column("failed_source", Text),
    Column("code", Text),
    Column("message", Text),
    Column("retryable", Integer),
    Column("failed_attempts", Integer),
    Column("failed_worker", Text),
    # … and the result.
    Column("completed_at", BigInteger),
    Column("sha256", Text),
    Column("attempts", Integer),
    Column("worker", Text),
    Column("sample_rate", Integer),
    Column("duration_seconds", Double),
    Column("file_size", BigInteger),
    Column("expires_at", BigInteger),
    # As the result says, or as was asked for while there is none.
    Column("model", Text),
    Column("voice", Text),
    Column("speaker_id", Text),
    Column("language", Text),
    Column("format", Text),
    Column("characters", BigInteger),
    Column("metadata", Text),
)

jobs = Table("loa_jobs", metadata, *_JOB)

_QUEUED = text("status = 'queued'")
Index("loa_jobs_by_time", jobs.c.created_at, jobs.c.file_id)
Index("loa_jobs_by_status", jobs.c.status, jobs.c.created_at, jobs.c.file_id)
Index("loa_jobs_by_model", jobs.c.model, jobs.c.created_at, jobs.c.file_id)
Index("loa_jobs_by_status_model", jobs.c.status, jobs.c.model, jobs.c.created_at, jobs.c.file_id)
Index("loa_jobs_by_tenant", jobs.c.tenant, jobs.c.created_at, jobs.c.file_id)
Index("loa_jobs_by_tenant_status", jobs.c.tenant, jobs.c.status, jobs.c.created_at, jobs.c.file_id)
Index("loa_jobs_by_tenant_model", jobs.c.tenant, jobs.c.model, jobs.c.created_at, jobs.c.file_id)
Index(
    "loa_jobs_by_tenant_status_model",
    *(jobs.c.tenant, jobs.c.status, jobs.c.model, jobs.c.created_at, jobs.c.file_id),
)
Index(
    "loa_jobs_queued",
    *(jobs.c.pool, jobs.c.lane, jobs.c.created_at, jobs.c.file_id, jobs.c.estimated_ms),
    sqlite_where=_QUEUED,
    postgresql_where=_QUEUED,
)

files = Table(
    "loa_files",
    metadata,
    Column("file_id", String(32), primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("present", Integer, nullable=False),  # 1: announced, and not deleted since
    Column("created_at", BigInteger),
    Column("sha256", Text),
    Column("format", Text),
    Column("size", BigInteger),
    Column("duration_seconds", Double),
    Column("expires_at", BigInteger),
    Column("gone_created_at", BigInteger),  # of the file that was deleted: a file may be made again under its id
    Column("deleted_at", BigInteger),
    Column("reason", Text),
    # The last change of how long it is kept, and of which file that was.
    Column("kept_created_at", BigInteger),
    Column("retained_at", BigInteger),
    Column("kept_until", BigInteger),
    Column("kept_pinned", Integer),
    Column("pinned", Integer, nullable=False),  # made from what precedes: 1: it does not expire until it is released
)

_PRESENT, _GONE = text("present = 1"), text("present = 0")
Index(
    "loa_files_by_expiry",
    *(files.c.expires_at, files.c.pinned, files.c.size),
    sqlite_where=_PRESENT,
    postgresql_where=_PRESENT,
)
Index(
    "loa_files_by_tenant_expiry",
    *(files.c.tenant, files.c.expires_at, files.c.pinned, files.c.size),
    sqlite_where=_PRESENT,
    postgresql_where=_PRESENT,
)
Index("loa_files_gone", files.c.deleted_at, sqlite_where=_GONE, postgresql_where=_GONE)

deliveries = Table(
    "loa_deliveries",
    metadata,
    Column("delivery_id", String(32), primary_key=True),  # made from webhook id, endpoint and URL
    Column("webhook_id", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("request_id", Text),
    Column("state", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),  # of the event, or of the retry
    Column("touched_at", BigInteger, nullable=False),  # of the record that counts
    Column("not_before", BigInteger, nullable=False),
    Column("detail", Text),
)

_OF_A_DELIVERY = ("created_at", "delivery_id")
for _asked in ((), ("state",), ("endpoint",), ("endpoint", "state")):
    for _whose in ((), ("tenant",)):
        _named = (*_whose, *_asked)
        _columns = [deliveries.c[name] for name in (*_named, *_OF_A_DELIVERY)]
        Index("_".join(("loa_deliveries_by", *(_named or ("time",)))), *_columns)
Index("loa_deliveries_by_request", *(deliveries.c[name] for name in ("request_id", *_OF_A_DELIVERY)))

SUMS = (
    "files",
    "bytes",
    "deleted_files",
    "queued",
    "in_progress",
    "completed",
    "failed",
    "cancelled",
    "queued_ms_interactive",
    "queued_ms_bulk",
    "audio_ms",
    "characters",
)

totals = Table(
    "loa_totals",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("pool", Text, primary_key=True),
    *(Column(name, BigInteger, nullable=False) for name in SUMS),
)

offsets = Table(
    "loa_offsets",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("next", BigInteger, nullable=False),
)

about = Table(
    "loa_about",
    metadata,
    Column("version", Integer, primary_key=True),
    Column("name", Text, nullable=False),  # made up, other for each index that is begun
    Column("log", Text),  # the cluster's id
    Column("store_read_at", BigInteger),  # when files were taken from the store; NULL: never
)
