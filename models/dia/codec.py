"""The codec (DAC): frames of codes to samples, in windows that several requests share, and a recording to codes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.speech import Samples

WINDOW_FRAMES = 128
"""1.5 s. Longer ones recompute less at their edges, and shorter ones can be heard sooner."""


@dataclass(frozen=True, slots=True)
class Window:
    """Frames `begin` … `end` are decoded, and of what comes out frames `fresh` … `until` are kept."""

    begin: int
    end: int
    fresh: int
    until: int


def next_window(spoken: int, known: int, whole: bool, context: int, size: int = WINDOW_FRAMES) -> Window | None:
    """The next window when `spoken` of the `known` frames are samples already; None while too few are known.

    `whole`: no more will come. `context`: frames on each side that a sample depends on. Windows are exact: an edge lies
    at the true begin or end, or `context` away from what is kept. All have `size` frames but that of a text which is
    shorter in all.
    """
    begin = max(spoken - context, 0)
    if known - begin >= size and (not whole or known - begin > size):
        return Window(begin, begin + size, spoken, begin + size - context)
    if whole and known > spoken:
        return Window(max(known - size, 0), known, spoken, known)
    return None


def context_frames(ratios: Sequence[int]) -> int:
    """How many frames on each side a sample depends on: the decoder's convolutions, walked from the samples back.

    `ratios`: of upsampling, first to last. A residual unit with kernel 7 and dilation d reaches 3 d to each side; a
    transposed convolution with kernel 2 s and stride s half a stride beyond the input that it belongs to.
    """
    reach = 3.0
    for stride in reversed(ratios):
        reach = (reach + 3 * (1 + 3 + 9) + stride / 2) / stride
    return math.ceil(reach + 3)


class Codec:
    """transformers' DacModel, on its device."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.rate: int = model.config.sampling_rate
        self.hop: int = model.config.hop_length
        self.channels: int = model.config.n_codebooks
        self.codes: int = model.config.codebook_size
        self.context = context_frames(model.config.upsampling_ratios)

    @torch.inference_mode()
    def decode(self, frames: Sequence[Tensor]) -> list[Samples]:
        """Samples of several windows of one length. `frames`: of each, codes (channels, frames)."""
        batch = torch.stack(list(frames))
        samples = self._model.decode(audio_codes=batch).audio_values.float().cpu().numpy()
        return [np.ascontiguousarray(each) for each in samples]

    @torch.inference_mode()
    def encode(self, samples: Samples) -> Tensor:
        """Codes (frames, channels) of a recording at `rate`; silence fills its last frame."""
        padded = np.pad(samples, (0, -len(samples) % self.hop))
        given = torch.from_numpy(padded).to(self._model.device, self._model.dtype)
        codes: Tensor = self._model.encode(given[None, None]).audio_codes[0]
        return codes.T.contiguous()
