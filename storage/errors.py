"""What a store may raise, and the one place where an operating system's errors become that.

StoreError
├── NotFound        nothing at that key
├── BadKey          a name that no store may hold: the caller's mistake
├── CorruptRecord   stored metadata that is not a record; speaking and putting again repairs it
├── StoreRefused    the store does not do what write-once needs, or denies access: trying again will not help
├── StoreFull       no space or quota left: try again when there is
├── Unavailable     anything else that may pass: an I/O error, a lost network, too many open files
└── IndexTrouble    of the index's database, which is no part of the store
    ├── IndexUnavailable    it cannot be asked now; the same call may succeed later
    ├── IndexRefused        it is no database of an index, or refuses what is asked: trying again will not help
    ├── IndexMoved          it stands elsewhere in the log than its reader believes: read on from where it stands
    └── BadCursor           the cursor of a page is none: the caller's mistake
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager


class StoreError(Exception):
    """Anything this room refuses or fails to do."""


class NotFound(StoreError):  # noqa: N818 - named as in the vocabulary of errors
    """Nothing is stored under that key."""


class BadKey(StoreError):  # noqa: N818
    """The key is no name that every store can hold."""


class CorruptRecord(StoreError):  # noqa: N818
    """The metadata's bytes are neither a record nor a tombstone."""


class StoreRefused(StoreError):  # noqa: N818
    """The store denies access, or does not honour write-once or durability."""


class StoreFull(StoreError):  # noqa: N818
    """No space, inodes or quota left."""


class Unavailable(StoreError):  # noqa: N818
    """The store cannot do it now; the same call may succeed later."""


class IndexTrouble(StoreError):  # noqa: N818
    """The index cannot do it."""


class IndexUnavailable(IndexTrouble):
    """The database does not answer, is locked, or is full; the same call may succeed later."""


class IndexRefused(IndexTrouble):
    """The database is none of an index, its driver is missing, or it refuses."""


class IndexMoved(IndexTrouble):
    """Records between where the index stands and those that were to be taken in would be skipped."""


class BadCursor(IndexTrouble):
    """The cursor is none that the index gave."""


_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTSUP, errno.EMLINK}


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn an OSError of the body into the StoreError it means; `what` names the key or the deed in the message."""
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound(f"{what}: not found") from error
    except OSError as error:
        message = f"{what}: {error.strerror or error}"
        if error.errno in _FULL:
            raise StoreFull(message) from error
        raise (StoreRefused if error.errno in _REFUSED else Unavailable)(message) from error
