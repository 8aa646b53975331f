"""The pattern in which Dia writes codes: channel c is `delays[c]` columns behind channel 0."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Rules:
    """`begin`, `end`: ids before the first and after the last code of a channel. `free`: nothing is decided yet."""

    delays: tuple[int, ...]
    begin: int
    end: int
    free: int

    @classmethod
    def of(cls, config: Any) -> "Rules":
        """From transformers' DiaConfig."""
        decoder = config.decoder_config
        return cls(tuple(config.delay_pattern), decoder.bos_token_id, decoder.eos_token_id, decoder.pad_token_id)

    @property
    def longest(self) -> int:
        """Columns that a frame is spread over, less one."""
        return max(self.delays)

    def fixed(self, recording: Tensor | None) -> Tensor:
        """The columns that are decided before the first step, (columns, channels), `free` where they are not.

        Channel c is `begin` up to column `delays[c]`; then come the recording's codes (frames, channels).
        """
        frames = 0 if recording is None else len(recording)
        columns = torch.full((1 + frames + self.longest, len(self.delays)), self.free)
        for channel, delay in enumerate(self.delays):
            columns[: delay + 1, channel] = self.begin
            if recording is not None:
                columns[delay + 1 : delay + 1 + frames, channel] = recording[:, channel]
        return columns
