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
        raise StoreRefused(
            f"{place}: access to {what} is denied; look at the credentials, and at what they allow: get, put, delete "
            f"and list ({_first_line(error)})"
        ) from error
    except (NotSupportedError, UnknownConfigurationKeyError) as error:
        raise StoreRefused(f"{place}: {what}: {_first_line(error)}") from error
    except (BaseError, OSError) as error:
        raise _other(error, what, place) from error


def _other(error: Exception, what: str, place: str) -> StoreError:
    said, line = str(error), _first_line(error)
    if _NOT_HTTPS.search(said):
        return StoreRefused(f"{place}: {line}; an endpoint with http:// has to be allowed, as by AWS_ALLOW_HTTP=true")
    if _NO_CREDENTIALS.search(said):
        return Unavailable(f"{place}: no credentials could be had, such as by AWS_ACCESS_KEY_ID ({line})")
    if _NO_BUCKET.search(said):
        return StoreRefused(f"{place}: there is no such bucket")
    return (StoreFull if _FULL.search(said) else Unavailable)(f"{what}: {line}")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:_LONGEST]
