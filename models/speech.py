"""Speech: the one audio type between an engine and the encoder."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Speech:
    """Mono samples and their rate.

    `samples`: float32, shape (n,), nominally within [-1, 1]. `rate`: Hz.
    """

    samples: Samples
    rate: int

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return len(self.samples) / self.rate
