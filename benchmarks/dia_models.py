"""Dia with random weights, which cost what trained ones cost, and how transformers and Loa speak with them."""

import random
from dataclasses import dataclass
from typing import Any

import torch
from dia_roofline import clock
from torch import Tensor
from transformers import DiaConfig, DiaForConditionalGeneration

from models.dia import text
from models.dia.codec import Codec
from models.dia.drive import Eager, Graphs
from models.dia.loop import Loop
from models.dia.rules import Rules
from models.dia.sampling import Sampling
from models.dia.seat import Request
from models.dia.state import State
from models.dia.weights import Weights, take

SMALL: dict[str, dict[str, int]] = {
    "encoder_config": {
        "num_hidden_layers": 4,
        "hidden_size": 256,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "head_dim": 64,
        "intermediate_size": 1024,
    },
    "decoder_config": {
        "num_hidden_layers": 6,
        "hidden_size": 512,
        "intermediate_size": 2048,
        "num_attention_heads": 8,
        "num_key_value_heads": 2,
        "head_dim": 64,
        "cross_num_attention_heads": 8,
        "cross_num_key_value_heads": 8,
        "cross_head_dim": 64,
        "cross_hidden_size": 256,
    },
}
"""A decoder of 37 million weights, the head and embeddings included."""

FULL: dict[str, dict[str, int]] = {}
"""The shape of the published checkpoint, 1.6 billion."""

SENTENCE = "[S1] The train to the coast leaves at nine, and the next one at noon. [S2] Then we should hurry."


@dataclass(frozen=True)
class Both:
    """The same weights twice: as transformers has them, and as Loa lays them out. `frames`: the longest request."""

    theirs: Any
    ours: Weights
    rules: Rules
    slots: int
    frames: int

    def state(self) -> State:
        """The slots, empty."""
        positions = -(-(self.frames + 32) // 64) * 64
        return State(self.ours, self.rules, self.slots, positions=positions, text_bytes=256, most_candidates=45)


def make(shape: dict[str, dict[str, int]], device: str, dtype: torch.dtype, slots: int, frames: int) -> Both:
    """Nothing ends by itself: how long a request is, is said with it."""
    made = []
    for _ in range(2):
        torch.manual_seed(1)
        with torch.device(device):
            model = DiaForConditionalGeneration(DiaConfig(**shape)).to(dtype).eval()
        with torch.no_grad():
            model.logits_dense.weight[1024] = 0
        made.append(model)
    made[0].generation_config.bos_token_id, made[0].generation_config.pad_token_id = 1026, 1025
    made[0].generation_config.eos_token_id = 1024
    return Both(made[0], take(made[1]), Rules.of(made[1].config), slots, frames)


def lengths(count: int, least: int, most: int) -> list[int]:
    """Frames of each request, evenly spread and mixed."""
    spread = [least + (most - least) * n // max(count - 1, 1) for n in range(count)]
    random.Random(5).shuffle(spread)
    return spread


@torch.inference_mode()
def generate(both: Both, batch: list[int], seed: int) -> float:
    """transformers' generate, all rows at once, to the end of the longest; returns seconds."""
    ids = torch.tensor([text.ids(SENTENCE)] * len(batch), device=both.ours.device)
    mask = both.rules.fixed(None).to(ids.device).expand(len(batch), -1, -1)
    torch.manual_seed(seed)
    began = clock(ids.device.type)
    codes: Tensor = both.theirs.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        decoder_input_ids=mask,
        decoder_attention_mask=torch.ones(mask.shape[:2], dtype=torch.long, device=ids.device),
        max_length=max(batch) + 2,
        do_sample=True,
        guidance_scale=3.0,
        temperature=1.2,
        top_k=45,
        top_p=0.95,
    )
    if codes.shape[1] != max(batch) + 17:
        raise RuntimeError(f"{codes.shape[1]} columns for {max(batch)} frames")
    return clock(ids.device.type) - began


def speak(loop: Loop, frames: list[int], seed: int, device: str = "cpu") -> float:
    """Loa's loop; returns seconds."""
    waiting = [Request(text.ids(SENTENCE), seed + n, Sampling(), most_frames=each) for n, each in enumerate(frames)]
    began, spoken, key = clock(device), 0, 0
    while waiting or loop.busy:
        while waiting and loop.room:
            loop.admit(key, waiting.pop(0))
            key += 1
        spoken += sum(done.codes.shape[1] for done in loop.step())
    if spoken != sum(frames):
        raise RuntimeError(f"{spoken} frames instead of {sum(frames)}")
    return clock(device) - began


def loop(both: Both, codec: Codec) -> Loop:
    """A loop over all slots."""
    with torch.inference_mode():
        state = both.state()
        return Loop(state, Graphs(state) if both.ours.device.type == "cuda" else Eager(state), codec)
