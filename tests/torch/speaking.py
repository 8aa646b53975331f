"""What the tests speak, by transformers' own generation and by the loop."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from models.dia import text
from models.dia.loop import Loop
from models.dia.sampling import Sampling
from models.dia.seat import Done, Request

TEXTS = (
    "Hello there.",
    "[S1] One. [S2] Two, and then three.",
    "A",
    "Numbers 1 2 3 and a much longer text for the encoder to see.",
    "[S2] Câu này dài.",
)


def request(words: str, seed: int, most_frames: int = 60, recording: Tensor | None = None, **sampling: Any) -> Request:
    return Request(text.ids(words), seed, Sampling(**sampling), most_frames, recording)


def generate(model: Any, asked: Request) -> tuple[Tensor, bool]:
    """Codes (channels, frames) as transformers generates them alone, and whether it ended by itself."""
    delays, known = model.config.delay_pattern, asked.known
    mask = torch.full((1, known + 1 + max(delays), len(delays)), 1025)
    for channel, delay in enumerate(delays):
        mask[0, : delay + 1, channel] = 1026
        if asked.recording is not None:
            mask[0, delay + 1 : delay + 1 + known, channel] = asked.recording[:, channel]
    ids = torch.tensor([asked.text])
    sampling = asked.sampling
    options = {"do_sample": False} if sampling.greedy else {"do_sample": True, "top_p": sampling.top_p}
    torch.manual_seed(asked.seed)
    columns = model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        decoder_input_ids=mask,
        decoder_attention_mask=torch.ones(1, mask.shape[1], dtype=torch.long),
        guidance_scale=sampling.guidance,
        top_k=sampling.top_k,
        temperature=sampling.temperature,
        max_length=known + 2 + asked.most_frames,
        **options,
    )[0]
    end = int((columns[:, 0] == 1024).nonzero()[0])
    codes = [columns[known + 1 + delay : end + delay, channel] for channel, delay in enumerate(delays)]
    return torch.stack(codes), end < known + 1 + asked.most_frames


def speak_all(loop: Loop, asked: Iterable[Request]) -> list[Done]:
    """Admits each as soon as there is room, and gives the results in the order of the requests."""
    waiting, done = list(enumerate(asked)), {}
    while waiting or loop.busy:
        while waiting and loop.room:
            loop.admit(*waiting.pop(0))
        done |= {each.key: each for each in loop.step()}
    return [done[key] for key in sorted(done)]
