"""What an object store's client says, as StoreErrors: the one place that knows obstore's exceptions.

The client has but one exception for most of what goes wrong, so that here and there its sentence is looked at.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    InvalidPathError,
    NotSupportedError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
    UnknownConfigurationKeyError,
)

from storage.errors import BadKey, NotFound, StoreError, StoreFull, StoreRefused, Unavailable

_DENIED = re.compile(r"Access ?Denied|\b403 Forbidden\b")
_FULL = re.compile(r"\b507\b|QuotaExceeded|InsufficientStorage|StorageFull|NoSpace|no space left", re.IGNORECASE)
_NO_BUCKET = re.compile(r"NoSuchBucket|ContainerNotFound|bucket does not exist", re.IGNORECASE)
_NO_CREDENTIALS = re.compile(
    r"169\.254\.169\.254|metadata\.google\.internal|MissingCredentials|credential", re.IGNORECASE
)
_NOT_HTTPS = re.compile(r"BadScheme|builder error")
_LONGEST = 300


class Taken(Exception):  # noqa: N818 - not a failure: the answer of a conditional write
    """What a conditional write asked for is not so: the name is taken, or another version is there."""


@contextmanager
def translated(what: str, place: str) -> Iterator[None]:
    """Turn what the client raises in the body into a StoreError, or `Taken`.

    `what`: the key or the deed. `place`: the store's address, which the message names.
    """
    try:
        yield
    except (AlreadyExistsError, PreconditionError) as error:
        raise Taken(what) from error
    except FileNotFoundError as error:
        if _NO_BUCKET.search(str(error)):
            raise StoreRefused(f"{place}: there is no such bucket") from error
        raise NotFound(f"{what}: not found") from error
    except InvalidPathError as error:
        raise BadKey(f"key {what!r}: {_first_line(error)}") from error
    except (PermissionDeniedError, UnauthenticatedError) as error:
        raise _denied(error, what, place) from error
    except (NotSupportedError, UnknownConfigurationKeyError) as error:
        raise StoreRefused(f"{place}: {what}: {_first_line(error)}") from error
    except (BaseError, OSError) as error:
        raise _other(error, what, place) from error


def _other(error: Exception, what: str, place: str) -> StoreError:
    said, line = str(error), _first_line(error)
    if _DENIED.search(said) and not _NO_CREDENTIALS.search(said):
        return _denied(error, what, place)
    if _NOT_HTTPS.search(said):
        return StoreRefused(f"{place}: {line}; an endpoint with http:// has to be allowed, as by AWS_ALLOW_HTTP=true")
    if _NO_CREDENTIALS.search(said):
        return Unavailable(f"{place}: no credentials could be had, such as by AWS_ACCESS_KEY_ID ({line})")
    if _NO_BUCKET.search(said):
        return StoreRefused(f"{place}: there is no such bucket")
    return (StoreFull if _FULL.search(said) else Unavailable)(f"{what}: {line}")


def _denied(error: Exception, what: str, place: str) -> StoreRefused:
    return StoreRefused(
        f"{place}: access denied to {what}; the credentials have to allow get, put, delete and list in the bucket "
        f"({_first_line(error)})"
    )


def _first_line(error: Exception) -> str:
    """What it says first, with the code and sentence of a server's answer in XML, and without the rest of that."""
    line, _, _ = (str(error).splitlines() or [type(error).__name__])[0].partition("<?xml")
    told = " ".join(
        match[1] for tag in ("Code", "Message") if (match := re.search(f"<{tag}>(.*?)</{tag}>", str(error)))
    )
    return f"{line.strip()[:_LONGEST]} {told[:_LONGEST]}".strip()
