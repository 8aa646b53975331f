"""Ids of a stream of events: each says up to where all topics were read, so that any gateway can go on from there."""

import base64
import binascii
from collections.abc import Iterator, Mapping

from streams.gateway.errors import ApiError

TOPICS = ("progress", "completed", "failed", "deleted")
"""The topics of the stream, by their short names, in the order in which an id has them."""

Places = Mapping[tuple[str, int], int]
"""Short name of a topic and number of a partition → the next offset to be read."""

_VERSION = 1
_MOST = 2**63


def written(places: Places) -> str:
    """An id: version and places as variable-length numbers (LEB128), topic by topic, in base64url."""
    data = bytearray([_VERSION])
    partitions = 1 + max((number for _, number in places), default=-1)
    for topic in TOPICS:
        for partition in range(partitions):
            data += _number(places.get((topic, partition), 0))
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def read(text: str) -> dict[tuple[str, int], int]:
    """The places of an id, of as many partitions as whoever gave it knew of. Raises ApiError 400 for what is none."""
    wrong = ApiError(400, "invalid_request", f"Last-Event-ID: {text[:80]!r} is none that these streams give")
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise wrong from None
    numbers = list(_numbers(data[1:]))
    partitions, rest = divmod(len(numbers), len(TOPICS))
    if data[:1] != bytes([_VERSION]) or rest or not partitions or any(n >= _MOST for n in numbers):
        raise wrong
    pairs = [(topic, partition) for topic in TOPICS for partition in range(partitions)]
    return dict(zip(pairs, numbers, strict=True))


def _number(value: int) -> bytes:
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    data.append(value)
    return bytes(data)


def _numbers(data: bytes) -> Iterator[int]:
    """The numbers; one that is cut off is too large for any offset."""
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield value
            value = shift = 0
    if shift:
        yield _MOST
