"""The seam to where spoken chunks outlive the process: what was spoken before a crash is not spoken again."""

from typing import Protocol

from models.engine import Piece
from models.speech import Speech


class Kept(Protocol):
    """The chunks of one text. `k`: a chunk's number, from 1. A chunk is that of the same piece alone, seed included."""

    async def recall(self, k: int, piece: Piece) -> Speech | None:
        """What `keep` was given, in this process or another, to the last bit; None if it is not there, whole."""
        ...

    def keep(self, k: int, piece: Piece, speech: Speech) -> None:
        """Try to keep it. Returns at once; that it cannot be kept is no reason to fail."""
        ...
