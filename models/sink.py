"""The file under libsndfile's encoders, keeping the system's own error."""

from pathlib import Path
from typing import BinaryIO


class Sink:
    """A new file to be written through libsndfile's callbacks, which cannot raise.

    The first OSError is kept in `error` for the caller to raise: given a name instead, libsndfile would tell of a full
    disk as of any other fault, and given a plain file soundfile would lose the error.
    """

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("w+b", buffering=0)
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        """All of `data`, or 0 after an error."""
        if self.error is not None:
            return 0
        view = memoryview(data)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            self.error = error
            return 0
        return len(data)

    def read(self, count: int) -> bytes:
        """What encoders read back of what they wrote."""
        return self._file.read(count)

    def seek(self, offset: int, whence: int = 0) -> int:
        """As of a file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """As of a file."""
        return self._file.tell()

    def close(self) -> None:
        """Close the file; raises OSError as some network file systems do then."""
        self._file.close()
