"""Which piece a process is given next, when it has room: fairly, and with what may have ended a process kept apart.

A process that ends with several pieces in hand does not tell which one ended it. All are tried again, in companies half
as large, until the guilty one is alone with it; whoever is not guilty is spoken on the way. They are kept from pieces
that have harmed nobody yet.
"""

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from typing import Generic, Protocol, TypeVar

from models.schedule import Claim, FairQueue


class Waiting(Protocol):
    """A piece that waits. `company`: if it is under suspicion, the most pieces in one process, it included."""

    company: int | None

    @property
    def wanted(self) -> bool:
        """Whether somebody still waits for it."""
        ...


A = TypeVar("A", bound=Waiting)


class Admission(Generic[A]):
    """All that waits for the processes of a pool."""

    def __init__(self) -> None:
        self._queue: FairQueue[A] = FairQueue()
        self._returned: deque[A] = deque()
        self._suspects: deque[A] = deque()

    def ask(self, piece: A, claim: Claim) -> None:
        """Wait in turn."""
        self._queue.push(piece, claim)

    def give_back(self, pieces: Iterable[A]) -> None:
        """Their turn had come, and it was no fault of theirs that they were not spoken: they are the next."""
        self._returned.extendleft(reversed([piece for piece in pieces if piece.wanted]))

    def suspect(self, pieces: Sequence[A]) -> None:
        """These were together when their process ended."""
        for piece in pieces:
            piece.company = max(1, len(pieces) // 2)
            if piece.wanted:
                self._suspects.append(piece)

    def next(self, held: Collection[A]) -> A | None:
        """The piece to be spoken beside those that a process has in hand; None if there is none for it."""
        limits = [piece.company for piece in held if piece.company is not None]
        if limits or not held:
            suspect = self._suspect_beside(len(held), limits)
            if suspect is not None or limits:
                return suspect
        while (piece := self._first()) is not None:
            if piece.company is None or not held:
                return piece
            self._suspects.append(piece)
        return None

    @property
    def suspects(self) -> bool:
        """Whether a piece waits that may only go to a process without others, or with such as it."""
        return any(piece.wanted for piece in self._suspects)

    def __bool__(self) -> bool:
        """Whether something waits."""
        return bool(self._returned or self._suspects or self._queue)

    def clear(self) -> list[A]:
        """Nobody waits any more; returns all that did."""
        waited = [*self._returned, *self._suspects]
        self._returned.clear()
        self._suspects.clear()
        while self._queue:
            waited.append(self._queue.pop())
        return waited

    def _suspect_beside(self, count: int, limits: Sequence[int]) -> A | None:
        for piece in tuple(self._suspects):
            if not piece.wanted:
                self._suspects.remove(piece)
            elif count < min([piece.company or 1, *limits]):
                self._suspects.remove(piece)
                return piece
        return None

    def _first(self) -> A | None:
        """Whose turn it is among the others."""
        while self._returned or self._queue:
            piece = self._returned.popleft() if self._returned else self._queue.pop()
            if piece.wanted:
                return piece
        return None
