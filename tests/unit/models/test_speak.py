"""Pieces spoken again: with the same seed after a death, with another one after a rejection, the same each time."""

import numpy as np
import pytest

from models.choice import Choice
from models.engine import AudioRejected, EngineDied, Piece
from models.plugins import load_engine
from models.speak import chunk_seed, plan, retry_seed, speak_text
from models.speech import Speech
from tests.fakes import InProcessPool

TONE = load_engine("tone")
TEXT = "One sentence here.\n\nAnother one there.\n\nAnd a third."


def choice(text: str = TEXT) -> Choice:
    return Choice(text=text, engine=TONE, voice="sine", language="en", speaker_id=None)


async def speak(pool: InProcessPool, **how: object) -> list[Speech]:
    chosen = choice()
    return [each.speech async for each in speak_text(pool, chosen, plan(chosen), seed=5, **how)]  # type: ignore[arg-type]


def silent(piece: Piece) -> Speech:
    return Speech(np.zeros(TONE.rate, np.float32), TONE.rate)


def lying(times: int, instead: Exception | None = None) -> InProcessPool:
    """A pool whose second chunk fails so often: silence, or an error."""
    left = [times]

    def speak(piece: Piece) -> Speech:
        if "Another" in piece.text and left[0]:
            left[0] -= 1
            if instead:
                raise instead
            return silent(piece)
        return TONE.speak(piece)

    return InProcessPool(instead=speak)


async def test_a_rejected_piece_is_spoken_again_with_another_seed_the_same_each_time() -> None:
    seeds = []
    for _ in range(2):
        pool = lying(2)
        assert len(await speak(pool, tries=3)) == 3
        seeds.append([piece.seed for piece in pool.spoken if "Another" in piece.text])
    first = chunk_seed(5, 2)
    assert seeds[0] == seeds[1] == [first, retry_seed(first, 1), retry_seed(first, 2)]
    assert len(set(seeds[0])) == 3


async def test_a_piece_whose_process_died_is_spoken_again_with_its_seed() -> None:
    pool = lying(2, EngineDied("gone"))
    await speak(pool, tries=3)
    assert [piece.seed for piece in pool.spoken if "Another" in piece.text] == [chunk_seed(5, 2)] * 3


async def test_a_piece_that_is_rejected_each_time_fails_with_the_reason() -> None:
    pool = lying(9)
    with pytest.raises(AudioRejected, match="silence: 0 at its peak"):
        await speak(pool, tries=3)
    assert sum("Another" in piece.text for piece in pool.spoken) == 3


async def test_unchecked_audio_passes_unless_it_is_none() -> None:
    assert len(await speak(lying(9), checked=False)) == 3
    empty = InProcessPool(instead=lambda _: Speech(np.zeros(0, np.float32), TONE.rate))
    with pytest.raises(AudioRejected, match="empty"):
        await speak(empty, checked=False)


def test_seeds_are_far_apart_and_the_first_is_the_requests_own() -> None:
    assert (chunk_seed(7, 1), retry_seed(7, 0)) == (7, 7)
    seeds = {retry_seed(chunk_seed(7, k), t) for k in range(1, 50) for t in range(5)}
    assert len(seeds) == 49 * 5
    assert all(0 <= seed < 2**32 for seed in seeds)
