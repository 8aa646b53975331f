"""A whole text, spoken by all processes of a pool at once and delivered in order."""

import asyncio
import hashlib
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.check import BARE, check, criteria_of
from models.choice import Choice
from models.engine import AudioRejected, Engine, EngineDied, Piece
from models.fleet import Fleet
from models.host import EnginePool
from models.kept import Kept
from models.resample import resample
from models.schedule import Claim, Lane
from models.silence import pause
from models.speech import Speech
from models.text import Chunk
from models.turns import split_turns

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Spoken:
    """Chunk `k` (from 1) of `n`, its pause included."""

    k: int
    n: int
    speech: Speech


def plan(choice: Choice) -> list[Chunk]:
    """The chunks that `speak_text` will speak, in order; their number is known beforehand."""
    return [
        chunk
        for number, (part, after) in enumerate(choice.spans)
        for chunk in split_turns(part.words, part.engine.max_characters, _tags(part.engine), after, number)
    ]


def _tags(engine: Engine) -> Sequence[str]:
    return getattr(engine, "speaker_tags", ())


def estimate_seconds(choice: Choice, chunks: Sequence[Chunk], speed: float) -> float:
    """Seconds of audio, roughly, pauses included."""
    pauses = sum(chunk.pause_after_seconds for chunk in chunks) / speed
    return pauses + sum(choice.of(chunk).engine.estimate(chunk.text, speed) for chunk in chunks if chunk.voiced)


def chunk_seed(seed: int, k: int) -> int:
    """The seed of chunk `k`: the request's own for the first, so that one chunk alone is the engine's own result."""
    if k == 1:
        return seed
    return _seed(f"{seed}:{k}")


def retry_seed(seed: int, rejected: int) -> int:
    """The seed of a chunk whose audio was rejected so often: another one each time, and the same ones each time."""
    return _seed(f"{seed}/{rejected}") if rejected else seed


def _seed(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "little")


async def speak_text(
    pool: EnginePool | Fleet,
    choice: Choice,
    chunks: Sequence[Chunk],
    speed: float = 1.0,
    seed: int = 0,
    *,
    timeout: float = 60.0,  # noqa: ASYNC109 - of each piece in its process, not of the whole
    tries: int = 1,
    tenant: str = "default",
    lane: Lane = Lane.INTERACTIVE,
    checked: bool = True,
    kept: Kept | None = None,
    begun: Callable[[], object] = lambda: None,
) -> AsyncGenerator[Spoken, None]:
    """Yield every chunk in order, checked, with the silence that follows it, at the choice's rate.

    At most one chunk more than `EnginePool.ahead` says is held, so a text of any length takes little memory.
    `chunks`: from `plan`. `seed`: 0 … 2**32-1. `timeout`: seconds that each chunk may take, beside ten times what it is
    expected to cost. `tries`: of a chunk whose process died, or whose audio was rejected. `tenant`, `lane`: on whose
    behalf. `checked`: by all criteria of `models.check`, not only that there are samples. `kept`: where chunks are that
    were spoken before, and where they are to be. `begun`: called when an engine process is given a chunk.
    Raises SpeakError (EngineDied, OutOfMemory, AudioRejected among them); AudioRejected when no chunk has anything to
    speak. Close the generator to give up early.
    """
    if not any(chunk.voiced for chunk in chunks):
        raise AudioRejected("there is no letter or number to speak in the text")
    ahead: deque[asyncio.Task[Speech]] = deque()
    upcoming = iter(enumerate(chunks, start=1))
    try:
        for k in range(1, len(chunks) + 1):
            while len(ahead) <= pool.ahead(choice.model) and (following := next(upcoming, None)) is not None:
                number, chunk = following
                by = choice.of(chunk)
                piece = Piece(chunk.text, by.voice, speed, chunk_seed(seed, number))
                cost = by.engine.cost(chunk.text, speed)
                limit, claim = timeout + 10 * cost, Claim(tenant, lane, cost, begun)
                criteria = criteria_of(by.engine) if checked else BARE
                speaking = _Speaking(pool, by.engine, choice.rate, limit, tries, claim, criteria, kept)
                ahead.append(asyncio.create_task(speaking.chunk(number, chunk, piece)))
            yield Spoken(k, len(chunks), await ahead.popleft())
    finally:
        for task in ahead:
            task.cancel()
        await asyncio.gather(*ahead, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class _Speaking:
    """How a chunk is spoken. `rate`: Hz that it is wanted at.

    `limit`: seconds a process may take for it. `tries`: processes that may fail over it.
    """

    pool: EnginePool | Fleet
    engine: Engine
    rate: int
    limit: float
    tries: int
    claim: Claim
    criteria: frozenset[str]
    kept: Kept | None

    async def chunk(self, k: int, chunk: Chunk, piece: Piece) -> Speech:
        """The chunk and its pause, checked."""
        silence = pause(chunk.pause_after_seconds / piece.speed, self.rate)
        if not chunk.voiced:
            return Speech(silence, self.rate)
        speech = await self._kept_or_spoken(k, piece)
        if speech.rate != self.rate:  # of another engine than the first
            speech = await asyncio.to_thread(resample, speech, self.rate)
        return Speech(np.concatenate((speech.samples, silence)), speech.rate) if len(silence) else speech

    async def _kept_or_spoken(self, k: int, piece: Piece) -> Speech:
        if self.kept is None:
            return await self._piece(piece)
        speech = await self.kept.recall(k, piece)
        if speech is None:
            speech = await self._piece(piece)
            self.kept.keep(k, piece, speech)
        return speech

    async def _piece(self, piece: Piece) -> Speech:
        """Spoken by as many processes as it takes. Each rejection changes the seed, a death does not."""
        rejected = 0
        for _ in range(self.tries - 1):
            try:
                return await self._once(replace(piece, seed=retry_seed(piece.seed, rejected)))
            except AudioRejected as error:
                rejected += 1
                log.warning("spoken again with another seed: %s", error)
            except EngineDied:
                continue
        return await self._once(replace(piece, seed=retry_seed(piece.seed, rejected)))

    async def _once(self, piece: Piece) -> Speech:
        estimate = self.engine.estimate(piece.text, piece.speed)

        def whole(speech: Speech) -> None:
            check(speech, piece.text, piece.speed, estimate, self.engine.rate, criteria=self.criteria)

        return await self.pool.speak(self.engine.name, piece, self.limit, self.claim, whole)
