"""Ogg pages with a serial number that does not change from one writing to the next.

libsndfile draws each stream's serial number at random, so the same samples give other bytes each time. The number is
overwritten here and the pages' checksums made again (RFC 3533, section 6).
"""

import io
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

SERIAL = 0x4C6F6121

_HEADER = struct.Struct("<4sBBqIIIB")
_SERIAL_AT, _CHECKSUM_AT = 14, 22
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def fix_serial(path: Path) -> None:
    """Rewrite the serial number of every page in place. Raises ValueError when the file is not whole pages of Ogg."""
    with path.open("r+b") as file:
        while _fix_page(file):
            pass


def fixed_pages(data: bytes) -> bytes:
    """The same pages with the serial number that `fix_serial` gives them. Raises ValueError if they are not whole."""
    file = io.BytesIO(data)
    while _fix_page(file):
        pass
    return file.getvalue()


def _fix_page(file: BinaryIO) -> bool:
    """Fix the page that begins here and go to its end; False at the end of the file."""
    start = file.tell()
    header = file.read(_HEADER.size)
    if not header:
        return False
    if len(header) < _HEADER.size or not header.startswith(b"OggS"):
        raise ValueError(f"no Ogg page at byte {start}")
    segments = file.read(header[-1])
    page = bytearray(header + segments + file.read(sum(segments)))
    page[_SERIAL_AT : _SERIAL_AT + 4] = SERIAL.to_bytes(4, "little")
    page[_CHECKSUM_AT : _CHECKSUM_AT + 4] = bytes(4)
    page[_CHECKSUM_AT : _CHECKSUM_AT + 4] = checksum(page).to_bytes(4, "little")
    file.seek(start)
    file.write(page)
    return True


def checksum(page: bytes | bytearray) -> int:
    """Ogg's CRC-32: the polynomial of zlib's with the bits of bytes and result in the other order, and no inversion."""
    mirrored = zlib.crc32(page.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)
