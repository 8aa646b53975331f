"""A file in the making, read as it grows: for who listens before it is finished."""

import struct
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from models.audio import FORMATS
from models.ogg import fixed_pages

HEAD_BYTES: Mapping[str, int] = MappingProxyType({"wav": 44, "flac": 42, "mp3": 2048})
"""How many bytes at the beginning, at most, are others once the file is finished: there it says how long it is.

All behind them, and all of the formats that are not named, is what the finished file has in the same place.
"""

_UNKNOWN = struct.pack("<I", 0xFFFFFFFF)
_RIFF_SIZE, _DATA_SIZE = slice(4, 8), slice(40, 44)


class Growing:
    """What an `Encoder` has added to its file; `format` is the encoder's. Blocking."""

    def __init__(self, path: Path, format: str) -> None:  # noqa: A002
        self._path = path
        self._format = FORMATS[format]
        self._taken = 0

    def take(self) -> bytes:
        """The bytes since the last time, which may be none; call it between two writes. Raises OSError."""
        with self._path.open("rb") as file:
            file.seek(self._taken)
            data = file.read()
        if self._format.container == "OGG":
            data = fixed_pages(data)
        elif self._format.container == "WAV" and not self._taken and data:
            data = _endless(data)
        self._taken += len(data)
        return data


def _endless(wav: bytes) -> bytes:
    """The same with sizes as they are written where nobody knows them yet; an empty file's would end it here."""
    patched = bytearray(wav)
    patched[_RIFF_SIZE] = patched[_DATA_SIZE] = _UNKNOWN
    return bytes(patched)
