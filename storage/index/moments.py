"""Times as the tables keep them."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ONE = timedelta(microseconds=1)
_FIRST = (datetime(1, 1, 2, tzinfo=UTC) - _EPOCH) // _ONE
_LAST = (datetime(9999, 12, 30, tzinfo=UTC) - _EPOCH) // _ONE


def micros(time: datetime) -> int:
    """Microseconds since 1970; a time at either end of the calendar is drawn in by a day, so that it can come back."""
    return min(max((time - _EPOCH) // _ONE, _FIRST), _LAST)


def moment(value: int) -> datetime:
    """The time, aware, in UTC."""
    return _EPOCH + timedelta(microseconds=value)


def moment_or_none(value: int | None) -> datetime | None:
    """The same, for a column that may be empty."""
    return None if value is None else moment(value)
