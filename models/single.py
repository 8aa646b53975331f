"""An engine that speaks one piece at a time, served as one that speaks several (models.engine.BatchEngine)."""

from collections.abc import Sequence
from typing import cast

from models.engine import BatchEngine, Ended, Engine, Piece
from models.faults import translated


def slots_of(engine: Engine) -> int | None:
    """How many pieces a batch engine speaks at once; None for one that speaks a piece at a time."""
    slots: int | None = getattr(engine, "slots", None)
    return slots


class Single:
    """One slot, and a step that speaks the whole piece."""

    slots = 1

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._piece: tuple[int, Piece] | None = None

    def fits(self, _: Piece) -> bool:
        """Whether nothing is being spoken."""
        return self._piece is None

    def admit(self, key: int, piece: Piece) -> None:
        """What the next step speaks."""
        self._piece = key, piece

    def step(self) -> Sequence[Ended]:
        """Speak it."""
        if self._piece is None:
            return ()
        (key, piece), self._piece = self._piece, None
        try:
            return (Ended(key, self._engine.speak(piece)),)
        except Exception as error:
            return (Ended(key, translated(error)),)

    def drop(self, key: int) -> None:
        """Do not begin it."""
        if self._piece is not None and self._piece[0] == key:
            self._piece = None


def in_steps(engine: Engine) -> BatchEngine | Single:
    """The engine, to be served in steps."""
    return Single(engine) if slots_of(engine) is None else cast("BatchEngine", engine)
