"""Dia's decoder, for one new position of each of several requests, or for all positions of one recording.

Rows 2i and 2i+1 are request i with and without its text. Only rows with it look at the text: to the others cross-
attention adds a constant. Attention is not scaled, norms are in float32 at any precision: as the model was trained.
"""

from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import embedding, linear, scaled_dot_product_attention, silu

from models.dia.cache import Cache
from models.dia.weights import Layer, Shape, Weights


class Attention(Protocol):
    """Where keys and values are kept, and who sees which.

    All take and return (rows, positions, heads, head width); `number`: of the layer.
    """

    def own(self, number: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Self-attention; keeps key and value."""
        ...

    def cross(self, number: int, query: Tensor) -> Tensor:
        """Attention to the text, of the rows that have one."""
        ...


class StepAttention:
    """One new position in each of the first `count` slots.

    `at`: (count,), the new positions. `reach`, `text_reach`: positions and text bytes that are looked at at most.
    """

    def __init__(self, cache: Cache, at: Tensor, reach: int, text_reach: int) -> None:
        count = len(at)
        self._cache, self._reach, self._text_reach = cache, reach, text_reach
        self._rows = torch.arange(2 * count, device=at.device)
        self._at = at.repeat_interleave(2)
        dtype = cache.keys[0].dtype
        self._mask = _hide(reach, self._at + 1, dtype)
        self._text_mask = _hide(text_reach, cache.text_lengths[:count], dtype)

    def own(self, number: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """To all positions so far, the new one among them."""
        keys, values = self._cache.keys[number], self._cache.values[number]
        keys[self._rows, :, self._at] = key.squeeze(1)
        values[self._rows, :, self._at] = value.squeeze(1)
        rows = len(query)
        return _look(query, keys[:rows, :, : self._reach], values[:rows, :, : self._reach], self._mask)

    def cross(self, number: int, query: Tensor) -> Tensor:
        """Each request to its own text."""
        rows = len(query)
        keys = self._cache.cross_keys[number][:rows, :, : self._text_reach]
        values = self._cache.cross_values[number][:rows, :, : self._text_reach]
        return _look(query, keys, values, self._text_mask)


class RecordingAttention:
    """All positions of a recording, in one slot; each sees those before it."""

    def __init__(self, cache: Cache, slot: int, text_bytes: int) -> None:
        self._cache, self._slot, self._text_bytes = cache, slot, text_bytes

    def own(self, number: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Each position to those before it and itself."""
        rows, count = slice(2 * self._slot, 2 * self._slot + 2), query.shape[1]
        key, value = key.transpose(1, 2), value.transpose(1, 2)
        self._cache.keys[number][rows, :, :count] = key
        self._cache.values[number][rows, :, :count] = value
        seen = scaled_dot_product_attention(
            query.transpose(1, 2), key, value, is_causal=True, scale=1.0, enable_gqa=True
        )
        return seen.transpose(1, 2)

    def cross(self, number: int, query: Tensor) -> Tensor:
        """All positions to the text."""
        key = self._cache.cross_keys[number][None, self._slot, :, : self._text_bytes]
        value = self._cache.cross_values[number][None, self._slot, :, : self._text_bytes]
        return scaled_dot_product_attention(query.transpose(1, 2), key, value, scale=1.0, enable_gqa=True).transpose(
            1, 2
        )


class Decoder:
    """The layers. `positions`: how many there are at most."""

    def __init__(self, weights: Weights, positions: int) -> None:
        self.weights = weights
        shape = weights.shape
        self._offsets = torch.arange(shape.channels, device=weights.device) * shape.vocabulary
        self._cos, self._sin = rotations(shape, positions, weights.device, weights.dtype)

    def embed(self, codes: Tensor) -> Tensor:
        """(…, channels) → (…, width): the sum over the channels."""
        return embedding(codes + self._offsets, self.weights.embedding).sum(-2)

    def __call__(self, inputs: Tensor, at: Tensor, attention: Attention) -> Tensor:
        """Through all layers. `inputs`: (rows, positions, width), `at`: (rows or 1, positions); returns the like."""
        turn = self._cos[at].unsqueeze(2), self._sin[at].unsqueeze(2)
        hidden = inputs
        for number, layer in enumerate(self.weights.layers):
            hidden = hidden + self._own(number, layer, hidden, turn, attention)
            hidden = self._cross(number, layer, hidden, attention)
            gate, up = linear(self._norm(hidden, layer.mlp_norm), layer.gate_up).chunk(2, dim=-1)
            hidden = hidden + linear(up * silu(gate), layer.down)
        return hidden

    def scores(self, hidden: Tensor) -> Tensor:
        """(rows, width) → float32 (rows, channels, vocabulary)."""
        shape = self.weights.shape
        scores = linear(self._norm(hidden, self.weights.norm), self.weights.head)
        return scores.view(-1, shape.channels, shape.vocabulary).float()

    def _own(
        self, number: int, layer: Layer, hidden: Tensor, turn: tuple[Tensor, Tensor], attention: Attention
    ) -> Tensor:
        shape = self.weights.shape
        both = linear(self._norm(hidden, layer.self_norm), layer.qkv)
        both = both.view(*both.shape[:2], -1, shape.head_width)
        turned = rotate(both[:, :, : shape.heads + shape.kv_heads], *turn)
        query, key = turned[:, :, : shape.heads], turned[:, :, shape.heads :]
        value = both[:, :, shape.heads + shape.kv_heads :]
        return linear(attention.own(number, query, key, value).flatten(2), layer.self_out)

    def _cross(self, number: int, layer: Layer, hidden: Tensor, attention: Attention) -> Tensor:
        """`hidden` with what the text adds to rows that have one, and the constant to the others."""
        query = linear(self._norm(hidden[0::2], layer.cross_norm), layer.cross_q)
        query = query.view(*query.shape[:2], -1, self.weights.shape.cross_head_width)
        added = linear(attention.cross(number, query).flatten(2), layer.cross_out)
        return hidden + torch.stack((added, layer.constant.expand_as(added)), dim=1).flatten(0, 1)

    def _norm(self, hidden: Tensor, weight: Tensor) -> Tensor:
        """RMSNorm (Zhang and Sennrich, 2019)."""
        exact = hidden.float()
        exact = exact * torch.rsqrt(exact.square().mean(-1, keepdim=True) + self.weights.shape.eps)
        return weight * exact.to(hidden.dtype)


def rotations(shape: Shape, positions: int, device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Cosines and sines of rotary position embeddings (Su et al., 2021): two of (positions, head width)."""
    halves = torch.arange(0, shape.head_width, 2, dtype=torch.float) / shape.head_width
    angles = torch.outer(torch.arange(positions, dtype=torch.float), 1.0 / shape.rope_theta**halves)
    angles = torch.cat((angles, angles), dim=-1).to(device)
    return angles.cos().to(dtype), angles.sin().to(dtype)


def rotate(states: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn each head, its first half against its second."""
    first, second = states.chunk(2, dim=-1)
    return states * cos + torch.cat((-second, first), dim=-1) * sin


def _look(query: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
    """Attention of one position: heads that share keys and values go in as further positions, so none is repeated."""
    rows, _, heads, width = query.shape
    grouped = query.view(rows, keys.shape[1], heads // keys.shape[1], width)
    mask = mask.expand(rows, 1, grouped.shape[2], keys.shape[2])
    return scaled_dot_product_attention(grouped, keys, values, mask, scale=1.0).reshape(rows, 1, heads, width)


def _hide(count: int, lengths: Tensor, dtype: torch.dtype) -> Tensor:
    """(rows, 1, 1, count) to be added to scores: 0 before a row's length, and -inf from there on."""
    hidden = torch.arange(count, device=lengths.device) >= lengths[:, None]
    return torch.zeros(hidden.shape, dtype=dtype, device=lengths.device).masked_fill_(hidden, -float("inf"))[
        :, None, None
    ]
