"""A request that is heard while it is being spoken: its file's pieces, readable as they come."""

from dataclasses import dataclass

import structlog

from models.growing import Growing
from storage.errors import StoreError
from storage.parts import PartWriter

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Listening:
    """Pieces for who listens, if the request is a stream. A store that cannot take them ends that, not the request."""

    growing: Growing | None
    parts: PartWriter

    def grow(self) -> int:
        """Write what was added to the file; returns how many pieces there are. Blocking. Raises OSError."""
        if self.growing is None:
            return 0
        try:
            if data := self.growing.take():
                self.parts.add(data)
        except StoreError as error:
            log.warning("nobody can listen meanwhile", file_id=self.parts.folder.file_id, error=str(error))
            self.growing = None
        return self.parts.count
