"""A delivery of the webhooks: the row that a record of it tells, and how two of them come together.

Every record says all there is to say, so one of two rows counts, whole: that of the later event or retry; of one that
which has ended, and that which was taken over any other end; then the higher attempt, then the later record. Rows that
are the same in all of these are put in order by their other columns: no two rows differ and stand at the same place.
"""

from typing import Any

from storage.index.changes import Change, DeliveryNoted
from storage.index.moments import micros
from storage.index.rows import LONGEST_TEXT, Row, kept

LONGEST_STATE = 32
_REST = ("state", "not_before", "detail", "tenant", "request_id")


def delivery_of(change: Change) -> Row | None:
    """What a change says of a delivery; None for one that does not."""
    if not isinstance(change, DeliveryNoted):
        return None
    return {
        "delivery_id": change.delivery_id,
        "webhook_id": kept(change.webhook_id),
        "endpoint": change.endpoint,
        "url": kept(change.url, LONGEST_TEXT),
        "tenant": change.tenant,
        "request_id": kept(change.request_id),
        "state": kept(change.state, LONGEST_STATE),
        "attempt": change.attempt,
        "created_at": micros(change.created_at),
        "touched_at": micros(change.time),
        "not_before": micros(change.not_before),
        "detail": kept(change.detail, LONGEST_TEXT),
    }


def join_deliveries(one: Row, other: Row) -> Row:
    """The row that counts; see the top of this page."""
    return max(one, other, key=_counts)


def finish_delivery(row: Row) -> Row:
    """Nothing is made from the rest."""
    return row


def delivery_sums(_row: Row) -> Row:
    """A delivery adds nothing to the totals."""
    return {}


def _counts(row: Row) -> tuple[Any, ...]:
    state = row["state"]
    so_far = (row["created_at"], state != "due", state == "delivered", row["attempt"], row["touched_at"])
    return *so_far, *((row[name] is not None, row[name]) for name in _REST)
