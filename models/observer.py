"""The seam by which engines tell how they do; who counts it does so elsewhere."""

from collections.abc import Sequence
from typing import Protocol


class Observer(Protocol):
    """Is told, on the event loop of the pool, of every piece and process. Nothing here may block or raise."""

    def spoke(self, model: str, speech_seconds: float, engine_seconds: float, together: int) -> None:
        """A piece was spoken, `together` with others in its process, itself counted, when it was begun."""
        ...

    def rejected(self, model: str, criterion: str) -> None:
        """What was delivered for a piece was refused by `models.check`."""
        ...

    def replaced(self, models: Sequence[str]) -> None:
        """A process that had these models ended, and nobody had asked it to."""
        ...


class Nobody:
    """Wants to know nothing."""

    def spoke(self, model: str, speech_seconds: float, engine_seconds: float, together: int) -> None:
        """Nothing."""

    def rejected(self, model: str, criterion: str) -> None:
        """Nothing."""

    def replaced(self, models: Sequence[str]) -> None:
        """Nothing."""
