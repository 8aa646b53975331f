"""From scores to codes: Dia's guidance and sampling, for all requests of a batch at once.

The rules are those of transformers' generation for Dia, in the same order: guidance picks the candidates, the
conditional scores of the candidates go on, temperature, the rule for the end, top-p. All but guidance works on the
candidates alone instead of on the whole vocabulary.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

NOTHING = -float("inf")


@dataclass(frozen=True, slots=True)
class Sampling:
    """How one request is drawn.

    `temperature`: at least 1 (the model knows no less). `top_p`: in (0, 1]. `top_k`: 5 … the vocabulary (four of the
    candidates may be forbidden). `guidance`: above 1. `greedy`: the likeliest, and no draw.
    """

    temperature: float = 1.2
    top_p: float = 0.95
    top_k: int = 45
    guidance: float = 3.0
    greedy: bool = False

    def __post_init__(self) -> None:
        ranges = {
            "temperature": (self.temperature >= 1, "at least 1"),
            "top_p": (0 < self.top_p <= 1, "above 0 and at most 1"),
            "top_k": (self.top_k >= 5, "at least 5"),
            "guidance": (self.guidance > 1, "above 1"),
        }
        for name, (right, allowed) in ranges.items():
            if not right:
                raise ValueError(f"{name} is {getattr(self, name)!r}; allowed: {allowed}")


class Knobs:
    """The sampling of every slot, as tensors of shape (slots, 1, 1) on the device."""

    def __init__(self, slots: int, most_candidates: int, device: torch.device) -> None:
        self.most_candidates = most_candidates
        self._values = torch.ones(5, slots, 1, 1, device=device)

    def set(self, slot: int, sampling: Sampling) -> None:
        """Take over a request's sampling. Raises ValueError for more candidates than there is room for."""
        if sampling.top_k > self.most_candidates:
            raise ValueError(f"top_k is {sampling.top_k}; allowed: at most {self.most_candidates}")
        row = (sampling.guidance, sampling.temperature, 1 - sampling.top_p, sampling.top_k, sampling.greedy)
        self._values[:, slot, 0, 0] = torch.tensor(row, dtype=torch.float32, device=self._values.device)

    def move(self, source: int, target: int) -> None:
        """A slot moves."""
        self._values[:, target] = self._values[:, source]

    def first(self, count: int) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Guidance, temperature, 1 - top_p, top_k, greedy of the first slots."""
        guidance, temperature, rest, top_k, greedy = self._values[:, :count]
        return guidance, temperature, rest, top_k, greedy


def choose(scores: Tensor, knobs: Knobs, noise: Callable[[Tensor], Tensor], end: int) -> Tensor:
    """The next code of every channel.

    `scores`: float32 (2n, channels, vocabulary), rows 2i and 2i+1 conditional and unconditional of request i. `noise`:
    of candidates (n, channels, candidates), from the exponential distribution. `end`: the id that ends a sequence; ids
    above are never drawn, and `end` only in channel 0, where it comes if it is likeliest. Returns (n, channels).
    """
    conditional, unconditional = scores[0::2], scores[1::2]
    guidance, temperature, rest, top_k, greedy = knobs.first(len(conditional))
    guided = conditional + (conditional - unconditional) * guidance
    ids = torch.topk(guided, knobs.most_candidates, dim=-1).indices
    ranks = torch.arange(knobs.most_candidates, device=scores.device)
    chosen = conditional.gather(-1, ids).masked_fill(ranks >= top_k, NOTHING) / temperature
    chosen = _rule_of_the_end(chosen, ids, end)
    probabilities = torch.softmax(_within_top_p(chosen, rest), dim=-1)
    drawn = probabilities / noise(ids)
    best = torch.where(greedy > 0, chosen, drawn).argmax(-1, keepdim=True)
    return ids.gather(-1, best).squeeze(-1)


def _rule_of_the_end(chosen: Tensor, ids: Tensor, end: int) -> Tensor:
    """Without ids above `end`; in channel 0 `end` alone where it is the likeliest, and nowhere else."""
    is_end = ids == end
    forbidden = ids > end
    forbidden[:, 1:] |= is_end[:, 1:]
    chosen = chosen.masked_fill(forbidden, NOTHING)
    ends = is_end.gather(-1, chosen.argmax(-1, keepdim=True))
    return chosen.masked_fill(ends != is_end, NOTHING)


def _within_top_p(chosen: Tensor, rest: Tensor) -> Tensor:
    """Without the least likely, whose probabilities add up to at most `rest` (1 - top_p); the likeliest stays."""
    ordered, order = torch.sort(chosen, dim=-1)
    unlikely = ordered.softmax(-1).cumsum(-1) <= rest
    unlikely[..., -1] = False
    return chosen.masked_fill(unlikely.scatter(-1, order, unlikely), NOTHING)
