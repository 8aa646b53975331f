"""The engine `vits` over checkpoints of the tests, and what it says."""

from collections.abc import Sequence
from pathlib import Path

from models.engine import ModelError, Piece
from models.speech import Samples, Speech
from models.vits import Vits


def engine(*folders: Path, dtype: str = "auto") -> Vits:
    made = Vits(checkpoint=",".join(map(str, folders)), device="cpu", dtype=dtype)
    made.load()
    return made


def spoken(made: Vits, pieces: Sequence[Piece]) -> list[Speech | ModelError]:
    """Spoken together: admitted as there is room, stepped until all have ended."""
    results: dict[int, Speech | ModelError] = {}
    waiting = list(enumerate(pieces))
    while len(results) < len(pieces):
        while waiting and made.fits(waiting[0][1]):
            made.admit(*waiting.pop(0))
        for ended in made.step():
            assert ended.key not in results
            results[ended.key] = ended.result
    return [results[n] for n in range(len(pieces))]


def samples(result: Speech | ModelError) -> Samples:
    assert isinstance(result, Speech), result
    return result.samples
