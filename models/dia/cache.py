"""Keys and values of every slot, allocated once: nothing is copied or grown while requests are spoken."""

from dataclasses import dataclass

import torch
from torch import Tensor

from models.dia.weights import Shape, Weights


@dataclass(frozen=True, slots=True)
class Cache:
    """What attention looks at, for each layer.

    `keys`, `values`: (2 * slots, kv heads, positions, head width), rows 2i and 2i+1 of slot i with and without
    its text. `cross_keys`, `cross_values`: (slots, kv heads, text bytes, head width). `text_lengths`: (slots,).
    """

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    cross_keys: tuple[Tensor, ...]
    cross_values: tuple[Tensor, ...]
    text_lengths: Tensor

    @classmethod
    def make(cls, weights: Weights, slots: int, positions: int, text_bytes: int) -> "Cache":
        """An empty cache. Raises torch's OutOfMemoryError (RuntimeError on a CPU)."""
        shape = weights.shape
        own = (2 * slots, shape.kv_heads, positions, shape.head_width)
        cross = (slots, shape.cross_kv_heads, text_bytes, shape.cross_head_width)

        # Zeros, not whatever was there: what is masked out is multiplied by 0, and must be finite.
        def each_layer(size: tuple[int, ...]) -> tuple[Tensor, ...]:
            return tuple(torch.zeros(size, dtype=weights.dtype, device=weights.device) for _ in range(shape.layers))

        lengths = torch.ones(slots, dtype=torch.long, device=weights.device)
        return cls(each_layer(own), each_layer(own), each_layer(cross), each_layer(cross), lengths)

    def put_text(self, weights: Weights, slot: int, encoded: Tensor) -> None:
        """Keep what a slot's rows will ask the text for. `encoded`: (bytes, encoder width)."""
        shape, count = weights.shape, len(encoded)
        for number, layer in enumerate(weights.layers):
            both = (encoded @ layer.cross_kv.T).view(count, 2, shape.cross_kv_heads, shape.cross_head_width)
            key, value = both.permute(1, 2, 0, 3)
            self.cross_keys[number][slot, :, :count] = key
            self.cross_values[number][slot, :, :count] = value
        self.text_lengths[slot] = count

    def move(self, source: int, target: int, positions: int, text_bytes: int) -> None:
        """A slot moves, as far as it is filled."""
        rows, to = slice(2 * source, 2 * source + 2), slice(2 * target, 2 * target + 2)
        for own in (*self.keys, *self.values):
            own[to, :, :positions] = own[rows, :, :positions]
        for cross in (*self.cross_keys, *self.cross_values):
            cross[target, :, :text_bytes] = cross[source, :, :text_bytes]
        self.text_lengths[target] = self.text_lengths[source]


def slot_bytes(shape: Shape, positions: int, text_bytes: int, element_bytes: int) -> int:
    """Memory of one slot."""
    own = 2 * 2 * positions * shape.kv_heads * shape.head_width
    cross = 2 * text_bytes * shape.cross_kv_heads * shape.cross_head_width
    return shape.layers * (own + cross) * element_bytes
