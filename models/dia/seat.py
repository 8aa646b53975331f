"""A request on its way through the decoding loop."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from models.dia.sampling import Sampling
from models.dia.state import NEVER
from models.speech import Samples


@dataclass(frozen=True, slots=True)
class Request:
    """What is spoken.

    `text`: numbers as models.dia.text gives them, a recording's transcript first. `recording`: codes (frames, channels)
    of the voice to go on with. `seed`: of everything that is drawn. `most_frames`: it is ended there if it does not end
    before.
    """

    text: Sequence[int]
    seed: int
    sampling: Sampling
    most_frames: int = NEVER
    recording: Tensor | None = None

    @property
    def known(self) -> int:
        """Frames that the recording has."""
        return 0 if self.recording is None else len(self.recording)


@dataclass(frozen=True, slots=True)
class Done:
    """A request that ended. `samples`: those not taken yet. `whole`: it came to its end before it was made to.

    `codes`: (channels, frames), what was spoken.
    """

    key: int
    samples: Samples
    codes: Tensor
    whole: bool


@dataclass(slots=True, eq=False)
class Seat:
    """A request, and what the host knows of it.

    `at`: its last known column. `end`: the column in which channel 0 ended, None while it did not. `spoken`: frames
    that are samples already. `codes`: of all frames, once all are known; the slot is free then.
    """

    key: int
    request: Request
    latest_end: int
    at: int
    end: int | None = None
    spoken: int = 0
    parts: list[Samples] = field(default_factory=list)
    codes: Tensor | None = None

    @property
    def first(self) -> int:
        """The column of its first frame."""
        return self.request.known + 1

    def frames(self, longest_delay: int) -> int:
        """How many frames are known in all channels."""
        known = self.at - longest_delay
        return max((known if self.end is None else min(known, self.end - 1)) - self.first + 1, 0)

    def finished(self, longest_delay: int) -> bool:
        """Whether all its frames are known. That the other channels end too need not be decoded."""
        return self.end is not None and self.at >= self.end - 1 + longest_delay

    def told(self, end: int) -> None:
        """`end` as the device knows it: a column to come, or one that is past."""
        if end <= self.at:
            self.end = end

    def take(self) -> Samples:
        """Samples that nobody took yet."""
        taken, self.parts = self.parts, []
        return np.concatenate(taken) if taken else np.zeros(0, np.float32)

    def done(self, codes: Tensor) -> Done:
        """Its result. `codes`: of all its frames."""
        return Done(self.key, self.take(), codes, self.end is not None and self.end < self.latest_end)
