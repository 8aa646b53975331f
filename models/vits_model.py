"""VITS in batches, each row as it would be alone: transformers' modules, with what they lack done here.

transformers' own forward draws noise for the whole batch from the global generator, in shapes that depend on the
longest row, has one speaking rate for all, and lets the padding of a spectrogram run back into the end of shorter
waveforms. Here every row has a generator, a rate and an end of its own. A row alone gives what transformers gives it
after `torch.manual_seed(seed)`.

J. Kim, J. Kong and J. Son, "Conditional Variational Autoencoder with Adversarial Learning for End-to-End
Text-to-Speech", ICML 2021.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from models.engine import OutOfMemory, SpeakError, UnknownModel
from models.speech import Samples

with warnings.catch_warnings():
    # transformers uses a part of torch that is deprecated: nothing that an operator could act on.
    warnings.simplefilter("ignore", FutureWarning)
    from transformers import VitsModel
    from transformers.utils import logging

_MOST_SECONDS = 120.0
"""Longer than any piece at the slowest rate: beyond, the durations are no durations."""

_FULL = {"auto": torch.float32, "float32": torch.float32, "float64": torch.float64}
_HALF = {"float16": torch.float16, "bfloat16": torch.bfloat16}


@dataclass(frozen=True, slots=True)
class Row:
    """One piece. `ids`: characters. `rate`: 1 is the checkpoint's own pace, 2 twice as fast."""

    ids: Sequence[int]
    rate: float
    seed: int
    speaker: int | None


@dataclass(frozen=True, slots=True)
class Spectrogram:
    """What the vocoder makes audible. `latents`: (channels, frames)."""

    latents: Tensor
    speaker: int | None

    @property
    def frames(self) -> int:
        """Length."""
        return int(self.latents.shape[-1])


class VitsVoices:
    """A loaded checkpoint. `dtype`: float16 and bfloat16 are for the vocoder alone, which is most of the work.

    The rest stays in float32: durations are summed over hundreds of frames, and half precision cannot count so far.
    """

    def __init__(self, folder: Path, device: str, dtype: str) -> None:
        self._device = torch.device(_device(device))
        self._dtype = _FULL.get(dtype, torch.float32)
        self._model = _load(folder, self._dtype).to(self._device)
        self._vocoder_dtype = _HALF.get(dtype, self._dtype)
        self._model.decoder.to(self._vocoder_dtype)
        config = self._model.config
        self._hop = int(np.prod(config.upsample_rates))
        self._most_frames = int(_MOST_SECONDS * config.sampling_rate / self._hop)
        self._ends = _Ends(self._model.decoder)

    @property
    def together(self) -> bool:
        """Whether the vocoder takes several rows at once: on a CPU there is nothing to gain by it."""
        return self._device.type != "cpu"

    @torch.inference_mode()
    def spectrograms(self, rows: Sequence[Row]) -> list[Spectrogram]:
        """Text encoder, durations and flow, all rows at once. Raises SpeakError, OutOfMemory."""
        with _translated(self._device):
            generators = [torch.Generator().manual_seed(row.seed) for row in rows]
            ids, mask = self._padded([row.ids for row in rows])
            speakers = self._speakers([row.speaker for row in rows])
            text = self._model.text_encoder(
                input_ids=ids, padding_mask=mask.unsqueeze(-1).to(self._dtype), attention_mask=mask, return_dict=True
            )
            masked = mask.unsqueeze(1).to(self._dtype)
            hidden = text.last_hidden_state.transpose(1, 2)
            log_durations = self._log_durations(hidden, masked, speakers, rows, generators)
            index, lengths = self._expanded(log_durations, masked, rows)
            latents, ends = self._drawn(text, index, lengths, generators)
            latents = self._model.flow(latents, ends, speakers, reverse=True) * ends
            return [
                Spectrogram(latents[n, :, :length].clone(), row.speaker)
                for n, (row, length) in enumerate(zip(rows, lengths, strict=True))
            ]

    @torch.inference_mode()
    def waveforms(self, spectrograms: Sequence[Spectrogram]) -> list[Samples]:
        """The vocoder, all rows at once; float32, within [-1, 1]. Raises OutOfMemory, SpeakError."""
        with _translated(self._device):
            lengths = [spectrogram.frames for spectrogram in spectrograms]
            channels = spectrograms[0].latents.shape[0]
            batch = torch.zeros(len(lengths), channels, max(lengths), dtype=self._vocoder_dtype, device=self._device)
            for n, spectrogram in enumerate(spectrograms):
                batch[n, :, : lengths[n]] = spectrogram.latents
            speakers = self._speakers([spectrogram.speaker for spectrogram in spectrograms])
            if speakers is not None:
                speakers = speakers.to(self._vocoder_dtype)
            with self._ends.at(lengths):
                out = self._model.decoder(batch, speakers).squeeze(1).float().cpu().numpy()
            return [np.ascontiguousarray(out[n, : length * self._hop]) for n, length in enumerate(lengths)]

    def _padded(self, ids: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """Ids and mask, (rows, longest)."""
        longest = max(map(len, ids))
        padded = torch.tensor([[*row, *[0] * (longest - len(row))] for row in ids], device=self._device)
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in ids], device=self._device)
        return padded, mask

    def _speakers(self, numbers: Sequence[int | None]) -> Tensor | None:
        """Speaker embeddings, (rows, size, 1); None where the checkpoint has one speaker."""
        known = [number for number in numbers if number is not None]
        if len(known) < len(numbers):
            return None
        embedded: Tensor = self._model.embed_speaker(torch.tensor(known, device=self._device))
        return embedded.unsqueeze(-1)

    def _log_durations(
        self,
        hidden: Tensor,
        mask: Tensor,
        speakers: Tensor | None,
        rows: Sequence[Row],
        generators: Sequence[torch.Generator],
    ) -> Tensor:
        """Logarithms of frames a character, (rows, 1, characters)."""
        predictor = self._model.duration_predictor
        if not self._model.config.use_stochastic_duration_prediction:
            predicted: Tensor = predictor(hidden, mask, speakers)
            return predicted
        noise = torch.zeros(len(rows), 2, hidden.shape[2])
        for n, (row, generator) in enumerate(zip(rows, generators, strict=True)):
            noise[n, :, : len(row.ids)] = torch.randn(2, len(row.ids), generator=generator)
        latents = noise.to(self._device, self._dtype) * self._model.noise_scale_duration
        return _predict(predictor, hidden, mask, speakers, latents)

    def _expanded(self, log_durations: Tensor, mask: Tensor, rows: Sequence[Row]) -> tuple[list[Tensor], list[int]]:
        """Of which character each frame is, and how many frames there are, for each row. Raises SpeakError."""
        scales = [1.0 / (self._model.speaking_rate * row.rate) for row in rows]
        scale = torch.tensor(scales, dtype=self._dtype, device=self._device).view(-1, 1, 1)
        durations = torch.ceil(torch.exp(log_durations) * mask * scale).squeeze(1).cpu()
        index, lengths = [], []
        for row, counts in zip(rows, durations, strict=True):
            total = float(counts.sum())
            if not 0 < total <= self._most_frames:
                raise SpeakError(f"the checkpoint wants {total:g} frames for {len(row.ids)} characters")
            index.append(torch.repeat_interleave(torch.arange(len(counts)), counts.long()))
            lengths.append(int(total))
        return index, lengths

    def _drawn(
        self, text: Any, index: Sequence[Tensor], lengths: Sequence[int], generators: Sequence[torch.Generator]
    ) -> tuple[Tensor, Tensor]:
        """The prior, drawn from: (rows, channels, frames); and its mask, (rows, 1, frames)."""
        rows, longest, channels = len(lengths), max(lengths), text.prior_means.shape[2]
        at = torch.zeros(rows, longest, dtype=torch.long)
        noise = torch.zeros(rows, longest, channels, dtype=self._dtype)
        ends = torch.zeros(rows, 1, longest, dtype=self._dtype)
        for n, length in enumerate(lengths):
            at[n, :length] = index[n]
            ends[n, :, :length] = 1
            # transformers draws into a transposed tensor, and how torch fills one differs from a contiguous one.
            drawn = torch.empty(1, length, channels, dtype=self._dtype).transpose(1, 2)
            noise[n, :length] = drawn.normal_(generator=generators[n])[0].T
        at = at.to(self._device).unsqueeze(-1).expand(-1, -1, channels)
        ends = ends.to(self._device)
        means = text.prior_means.gather(1, at).transpose(1, 2)
        log_variances = text.prior_log_variances.gather(1, at).transpose(1, 2)
        noise = noise.to(self._device).transpose(1, 2)
        return means + noise * torch.exp(log_variances) * self._model.noise_scale, ends


class _Ends:
    """Zeroes what lies beyond each row's end before every convolution of a vocoder: a row alone has nothing there."""

    def __init__(self, vocoder: nn.Module) -> None:
        self._lengths: Sequence[int] = ()
        for module in vocoder.modules():
            if isinstance(module, nn.Conv1d | nn.ConvTranspose1d) and module is not getattr(vocoder, "cond", None):
                module.register_forward_pre_hook(self._cut)

    @contextmanager
    def at(self, lengths: Sequence[int]) -> Iterator[None]:
        """Within the block, rows have these lengths in frames."""
        self._lengths = lengths
        yield

    def _cut(self, _: nn.Module, inputs: tuple[Tensor]) -> None:
        longest = max(self._lengths)
        scale = inputs[0].shape[-1] // longest
        for n, length in enumerate(self._lengths):
            if length < longest:
                inputs[0][n, :, length * scale :] = 0


def _predict(predictor: Any, hidden: Tensor, mask: Tensor, speakers: Tensor | None, latents: Tensor) -> Tensor:
    """transformers' stochastic duration predictor in reverse, with the noise given, (rows, 2, characters)."""
    inputs = predictor.conv_pre(hidden)
    if speakers is not None:
        inputs = inputs + predictor.cond(speakers)
    inputs = predictor.conv_proj(predictor.conv_dds(inputs, mask)) * mask
    flows = list(reversed(predictor.flows))
    for flow in [*flows[:-2], flows[-1]]:  # one flow is of no use in this direction
        latents, _ = flow(torch.flip(latents, [1]), mask, global_conditioning=inputs, reverse=True)
    return latents[:, :1]


def _load(folder: Path, dtype: torch.dtype) -> Any:
    """The model without what only training needs. Raises UnknownModel for weights that are not all there."""
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        loaded: Any = VitsModel.from_pretrained(
            folder, dtype=dtype, use_safetensors=True, local_files_only=True, output_loading_info=True
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise UnknownModel(f"checkpoint {str(folder)!r} cannot be loaded: {error}") from error
    model, told = loaded
    missing = sorted(name for name in told["missing_keys"] if not name.startswith("posterior_encoder."))
    if missing:
        raise UnknownModel(f"checkpoint {str(folder)!r} lacks {len(missing)} weights, {missing[0]} among them")
    del model.posterior_encoder
    for module in model.modules():
        if parametrize.is_parametrized(module):
            # Weight normalisation: the product once for all, not once a call.
            for name in list(module.parametrizations):
                parametrize.remove_parametrizations(module, name)
    return model.eval()


def _device(wanted: str) -> str:
    if wanted != "auto":
        return wanted
    return "cuda" if torch.cuda.is_available() else "cpu"


@contextmanager
def _translated(device: torch.device) -> Iterator[None]:
    """torch's errors as this room's: without memory it says so in several ways."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        words = str(error)
        if isinstance(error, torch.OutOfMemoryError | MemoryError) or "allocate memory" in words:
            if device.type == "cuda":
                torch.cuda.empty_cache()
            raise OutOfMemory(words.partition("\n")[0] or "out of memory") from error
        raise SpeakError(f"{type(error).__name__}: {words.partition(chr(10))[0]}") from error
