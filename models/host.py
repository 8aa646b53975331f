"""The supervisor of the engine processes: pieces to whoever has room, and the dead and the lying replaced."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from itertools import count
from typing import Any

from models import wire
from models.admission import Admission
from models.engine import AudioRejected, EngineDied, EngineTimeout, ModelError, OutOfMemory, Piece, SpeakError
from models.heartbeat import Countdown
from models.keeper import Keeper, Told
from models.observer import Nobody, Observer
from models.plugins import Options
from models.process import EngineProcess, Recipe
from models.recognise.recogniser import Listening
from models.schedule import ANYBODY, Claim
from models.speaker import Asked, Check, Speaker, What, listen
from models.speech import Speech

MOST_AHEAD = 16
"""Pieces of one text: what is spoken before its turn is held until then."""

_MOST_GUILTY = 256
_MOST_REJECTED = 2


class EnginePool:
    """Engine processes, each with all of `models` loaded. Use from one event loop.

    `processes`: how many. `devices`: instead, one process for each, whose engines are made with it as their option
    `device`. `slots`: pieces that a process speaks at once, more than one only for a single batch engine.
    `options`: what engines are made with. `listening`: who hears each piece, if anybody.
    `memory_bytes`: the most private memory a process may have, 0 for no limit.
    `start_timeout`: seconds until a process must have loaded its engines and spoken a test sentence with each.
    `heartbeat_seconds`: the longest that a process, speaking or not, may give no sign of life. These times, and that of
    a piece, are times in which the caller's process ran: one that was stopped for a while holds nothing of it against
    its engines. `observer`: who is told how they do.
    """

    def __init__(
        self,
        models: Sequence[str],
        processes: int = 1,
        *,
        devices: Sequence[str] = (),
        slots: int = 1,
        memory_bytes: int = 0,
        start_timeout: float = 120.0,
        heartbeat_seconds: float = 30.0,
        options: Options | None = None,
        listening: Listening | None = None,
        observer: Observer | None = None,
    ) -> None:
        if processes < 1 or slots < 1 or not models:
            raise ValueError(f"a pool needs models, processes and slots, not {models}, {processes} and {slots}")
        recipes = [Recipe(tuple(models), memory_bytes, _on(models, options, device), listening) for device in devices]
        recipes = recipes or [Recipe(tuple(models), memory_bytes, options, listening)] * processes
        self._models = tuple(models)
        self._observer = observer or Nobody()
        self._wanted = len(recipes)
        self._slots = slots
        self._patience = heartbeat_seconds
        told = Told(self._came, self._went, self._failing)
        self._keeper = Keeper(recipes, told, start_timeout=start_timeout, heartbeat_seconds=heartbeat_seconds)
        self._speakers: dict[EngineProcess, Speaker] = {}
        self._waiting: Admission[Asked] = Admission()
        self._guilty: OrderedDict[What, None] = OrderedDict()
        self._keys = count()

    @property
    def processes(self) -> int:
        """How many processes the pool keeps; fewer can speak while one is being replaced (`pids`)."""
        return self._wanted

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of those that are ready to speak or speaking."""
        return self._keeper.pids

    @property
    def in_hand(self) -> int:
        """How many pieces the processes are speaking."""
        return sum(len(speaker.held) for speaker in self._speakers.values())

    @property
    def failure(self) -> ModelError | None:
        """Why the latest replacement could not be started; None while all is well."""
        return self._keeper.failure

    def ahead(self, _: str) -> int:
        """How many pieces of a text are worth asking for at once: what can be spoken, up to 16 or one a process."""
        return max(self._wanted, min(self._wanted * self._slots, MOST_AHEAD))

    async def start(self) -> None:
        """Start all processes and wait until each can speak. Raises ModelError (the pool is closed then)."""
        try:
            await self._keeper.start()
        except BaseException:
            await self.close()
            raise

    async def speak(
        self,
        model: str,
        piece: Piece,
        timeout: float,  # noqa: ASYNC109 - of the process, not of the wait
        claim: Claim = ANYBODY,
        check: Check = lambda _: None,
    ) -> Speech:
        """Speak one piece on the next process with room; who waits is served as `models.schedule` says.

        `timeout`: seconds the process may take, not counting the wait for it. A process that dies, freezes or hangs is
        replaced; of several pieces that it had in hand only the one that was to blame fails (`models.admission`). Of a
        batch engine that answers, a late piece is dropped, and the others go on. A process whose audio `check` rejects
        is replaced too, if it speaks a piece at a time, or if it happens with another piece and no good one in between.
        Raises EngineTimeout, EngineDied, OutOfMemory, SpeakError, UnknownModel, and what `check` raises. When the
        caller is cancelled a batch engine drops the piece; another finishes it, and nobody hears it.
        """
        loop, key, what = asyncio.get_running_loop(), next(self._keys), (model, piece)
        frame = wire.request(key, model, piece)
        if self._keeper.closing or (self.failure and not self.pids):
            raise EngineDied(f"no engine process: {self.failure or 'closed'}")
        asked = Asked(key, what, frame, timeout, check, loop.create_future(), claim)
        asked.company = 1 if what in self._guilty else None
        self._waiting.ask(asked, claim)
        self._feed()
        try:
            return await asked.result
        except asyncio.CancelledError:
            if asked.result.cancelled() or asked.result.exception() is None:  # else it ended just before
                for speaker in self._speakers.values():
                    speaker.drop(asked)
            raise

    async def close(self) -> None:
        """End all processes; pieces being spoken or waiting end in EngineDied."""
        self._keeper.stop()
        error = EngineDied("the engines are being closed")
        for speaker in tuple(self._speakers.values()):
            self._lose(speaker, error)
        self._failing(error)
        await self._keeper.close()

    # -- pieces ---------------------------------------------------------------------------------------------------

    def _feed(self) -> None:
        """Give what waits to those who have room, the least busy first."""
        free = [speaker for speaker in self._speakers.values() if speaker.has_room]
        if (drained := self._drained()) in free:
            free.remove(drained)
        while free and self._waiting:
            speaker = min(free, key=lambda speaker: len(speaker.held))
            asked = self._waiting.next(speaker.held.values()) if speaker.process.alive else None
            if asked is not None:
                speaker.begin(asked, partial(self._late, speaker, asked))
            if asked is None or not speaker.has_room:
                free.remove(speaker)

    def _drained(self) -> Speaker | None:
        """Who takes nothing new, so that pieces under suspicion find a process without others."""
        if not self._waiting.suspects or self._keeper.replacing:
            return None
        speakers = self._speakers.values()
        if not speakers or any(not speaker.held or speaker.suspect for speaker in speakers):
            return None
        return min(speakers, key=lambda speaker: len(speaker.held))

    def _late(self, speaker: Speaker, asked: Asked) -> None:
        """A process has had a piece for too long; of a batch engine that it was told to drop: for too long since."""
        if asked.late is None:
            late = f"engine process {speaker.process.pid} did not answer within {asked.seconds:g} s"
            asked.late = EngineTimeout(late)
            if self._slots > 1:
                speaker.drop(asked)
                asked.countdown = Countdown(self._patience, partial(self._late, speaker, asked))
                return
        self._lose(speaker, asked.late)
        speaker.process.kill()

    def _heard(self, speaker: Speaker, header: dict[str, Any], outcome: Speech | Exception | None) -> None:
        """A reply has come (`models.wire`)."""
        if "id" not in header:
            self._lose(speaker, outcome if isinstance(outcome, Exception) else EngineDied(speaker.process.end))
            speaker.process.kill()
            return
        asked = speaker.take(header["id"])
        if asked is None:
            return
        if outcome is not None:
            self._deliver(speaker, asked, outcome)
        elif "full" in header:
            speaker.full = True
            self._waiting.give_back([asked])
        else:
            asked.end(asked.late or SpeakError("the engine has dropped the piece"))
        self._feed()

    def _deliver(self, speaker: Speaker, asked: Asked, outcome: Speech | Exception) -> None:
        asked.end(outcome)
        if isinstance(outcome, Speech):
            taken = asyncio.get_running_loop().time() - asked.begun
            self._observer.spoke(asked.what[0], outcome.seconds, taken, asked.together)
            speaker.rejected.clear()
            self._guilty.pop(asked.what, None)
        elif isinstance(outcome, AudioRejected) or not isinstance(outcome, ModelError):
            if isinstance(outcome, AudioRejected):
                self._observer.rejected(asked.what[0], outcome.criterion)
            speaker.rejected.add(asked.what)
            if self._slots == 1 or len(speaker.rejected) == _MOST_REJECTED:  # it may lie again
                self._waiting.give_back(speaker.take_all())
                self._dismiss(speaker)
        elif self._slots == 1 and isinstance(outcome, EngineDied | OutOfMemory):
            self._dismiss(speaker)  # out of memory: what the libraries hold by then is not given back

    # -- processes ------------------------------------------------------------------------------------------------

    def _came(self, process: EngineProcess) -> None:
        """It can speak."""
        speaker = self._speakers[process] = Speaker(process, self._slots)
        loop = asyncio.get_running_loop()

        def told(header: dict[str, Any], outcome: Speech | Exception | None) -> None:
            loop.call_soon_threadsafe(self._heard, speaker, header, outcome)

        self._keeper.background(self._keeper.in_thread(listen, speaker, told))
        self._feed()

    def _went(self, process: EngineProcess) -> None:
        """It has ended."""
        if not self._keeper.closing:
            self._observer.replaced(self._models)
        if process in self._speakers:
            self._lose(self._speakers[process], EngineDied(process.end))

    def _dismiss(self, speaker: Speaker) -> None:
        """It gets nothing more; another will come."""
        del self._speakers[speaker.process]
        speaker.process.kill()

    def _lose(self, speaker: Speaker, error: Exception) -> None:
        """What it has in hand it will not speak: one piece is to blame, of several nobody knows which."""
        self._speakers.pop(speaker.process, None)
        held = speaker.take_all()
        if len(held) > 1 and not self._keeper.closing:
            self._waiting.suspect(held)
        elif held:
            self._blame(held[0].what)
            for asked in held:
                asked.end(error)
        self._feed()

    def _failing(self, error: ModelError) -> None:
        """No process is alive, nor has one come that was to."""
        for asked in self._waiting.clear():
            asked.end(EngineDied(f"no engine process: {error}"))

    def _blame(self, what: What) -> None:
        """Whenever it is asked for again it is spoken alone, until it has been."""
        if self._slots > 1:
            self._guilty[what] = None
            if len(self._guilty) > _MOST_GUILTY:
                self._guilty.popitem(last=False)


def _on(models: Sequence[str], options: Options | None, device: str) -> Options:
    """The options, with another device."""
    return {model: {**(options or {}).get(model, {}), "device": device} for model in models}
