"""The decoding loop: requests come and go between steps, and are heard while they are spoken."""

import numpy as np
import torch
from torch import Tensor

from models.dia.codec import WINDOW_FRAMES, Codec, Window, next_window
from models.dia.drive import Drive
from models.dia.seat import Done, Request, Seat
from models.dia.state import State
from models.speech import Samples


class Loop:
    """Speaks up to as many requests at once as `state` has slots. All is called from one thread.

    `windows`: how many windows the codec decodes together. `patience`: for how many steps a window waits for others.
    """

    def __init__(
        self,
        state: State,
        drive: Drive,
        codec: Codec,
        *,
        windows: int = 8,
        patience: int = 32,
        window_frames: int = WINDOW_FRAMES,
    ) -> None:
        self.slots = len(state.at)
        self.steps = 0
        self._state, self._drive, self._codec = state, drive, codec
        self._delay = state.rules.longest
        self._seats: list[Seat | None] = [None] * self.slots
        self._closing: list[Seat] = []
        self._windows, self._patience, self._window_frames = windows, patience, window_frames
        self._waited = 0

    @property
    def room(self) -> bool:
        """Whether another request may be admitted."""
        return None in self._seats

    @property
    def busy(self) -> bool:
        """Whether anything is left to do."""
        return bool(self._closing) or any(seat is not None for seat in self._seats)

    def latest_end(self, request: Request) -> int:
        """The column in which a request is ended at the latest."""
        return min(request.known + 1 + request.most_frames, self._state.positions - self._delay)

    @torch.inference_mode()
    def admit(self, key: int, request: Request) -> None:
        """Begin a request; there must be `room`. Raises torch's errors when memory is short: the slot stays free."""
        slot, latest_end = self._seats.index(None), self.latest_end(request)
        self._state.knobs.set(slot, request.sampling)
        seed = None if request.sampling.greedy else request.seed
        self._state.begin(slot, list(request.text), request.recording, latest_end, seed)
        self._seats[slot] = Seat(key, request, latest_end, request.known)

    @torch.inference_mode()
    def step(self) -> list[Done]:
        """One column more of every request, and samples of what is due; returns those that ended."""
        self._close_ranks()
        if active := [seat for seat in self._seats if seat is not None]:
            self._drive.step(active)
            self.steps += 1
        self._retire()
        self._decode_due()
        done = [seat for seat in self._closing if seat.spoken == seat.frames(self._delay)]
        self._closing = [seat for seat in self._closing if seat not in done]
        return [seat.done(seat.codes) for seat in done if seat.codes is not None]

    def take(self, key: int) -> Samples:
        """What a request has said since it was asked last; empty when there is nothing new, or no such request."""
        for seat in self._all():
            if seat.key == key:
                return seat.take()
        return np.zeros(0, np.float32)

    def drop(self, key: int) -> None:
        """Forget a request, if there is one of that key."""
        self._seats = [None if seat is not None and seat.key == key else seat for seat in self._seats]
        self._closing = [seat for seat in self._closing if seat.key != key]

    def clear(self) -> list[int]:
        """Forget all requests; returns their keys."""
        keys = [seat.key for seat in self._all()]
        self._seats, self._closing = [None] * self.slots, []
        return keys

    def _all(self) -> list[Seat]:
        return [*self._closing, *(seat for seat in self._seats if seat is not None)]

    def _close_ranks(self) -> None:
        """Fill holes from behind: a step takes the first slots."""
        while True:
            hole = next((slot for slot, seat in enumerate(self._seats) if seat is None), self.slots)
            last = next((slot for slot in range(self.slots - 1, hole, -1) if self._seats[slot] is not None), None)
            seat = None if last is None else self._seats[last]
            if last is None or seat is None:
                return
            self._state.move(last, hole, seat.at, len(seat.request.text))
            self._seats[hole], self._seats[last] = seat, None

    def _retire(self) -> None:
        """Free the slots of those whose frames are all known."""
        for slot, seat in enumerate(self._seats):
            if seat is not None and seat.finished(self._delay):
                seat.codes = self._state.frames(slot, seat.first, seat.frames(self._delay))
                self._seats[slot] = None
                self._closing.append(seat)

    def _decode_due(self) -> None:
        """Decode windows together: enough of them, or as soon as a request ended or a window waits for long."""
        ready = [(seat, window) for seat in self._all() if (window := self._next_window(seat)) is not None]
        self._waited = self._waited + 1 if ready else 0
        if not ready or not (self._closing or len(ready) >= self._windows or self._waited > self._patience):
            return
        self._waited = 0
        length = ready[0][1].end - ready[0][1].begin
        alike = [each for each in ready if each[1].end - each[1].begin == length][: self._windows]
        decoded = self._codec.decode([self._codes(seat, window) for seat, window in alike])
        for (seat, window), samples in zip(alike, decoded, strict=True):
            begin, end = (self._codec.hop * (frame - window.begin) for frame in (window.fresh, window.until))
            seat.parts.append(samples[begin:end])
            seat.spoken = window.until

    def _next_window(self, seat: Seat) -> Window | None:
        known, whole = seat.frames(self._delay), seat.codes is not None
        return next_window(seat.spoken, known, whole, self._codec.context, self._window_frames)

    def _codes(self, seat: Seat, window: Window) -> Tensor:
        """Codes (channels, frames) of a window."""
        if seat.codes is not None:
            return seat.codes[:, window.begin : window.end]
        return self._state.frames(self._seats.index(seat), seat.first + window.begin, window.end - window.begin)
