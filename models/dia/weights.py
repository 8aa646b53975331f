"""Dia's weights, laid out for decoding: projections that read the same input are one matrix."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a decoder, from its configuration."""

    layers: int
    width: int
    heads: int
    kv_heads: int
    head_width: int
    cross_heads: int
    cross_kv_heads: int
    cross_head_width: int
    channels: int
    vocabulary: int
    eps: float
    rope_theta: float

    @classmethod
    def of(cls, config: Any) -> "Shape":
        """From transformers' DiaDecoderConfig. Raises ValueError for rotary embeddings of another kind."""
        rope = config.rope_parameters
        if rope["rope_type"] != "default":
            raise ValueError(f"rope_type is {rope['rope_type']!r}; allowed: default")
        return cls(
            layers=config.num_hidden_layers,
            width=config.hidden_size,
            heads=config.num_attention_heads,
            kv_heads=config.num_key_value_heads,
            head_width=config.head_dim,
            cross_heads=config.cross_num_attention_heads,
            cross_kv_heads=config.cross_num_key_value_heads,
            cross_head_width=config.cross_head_dim,
            channels=config.num_channels,
            vocabulary=config.vocab_size,
            eps=config.norm_eps,
            rope_theta=rope["rope_theta"],
        )


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of the decoder; matrices as (out, in).

    `qkv`: queries, keys and values of self-attention. `cross_kv`: keys and values from the encoder's output.
    `constant`: (width,), what cross-attention adds to an unconditional row, whatever that row asks.
    """

    self_norm: Tensor
    qkv: Tensor
    self_out: Tensor
    cross_norm: Tensor
    cross_q: Tensor
    cross_kv: Tensor
    cross_out: Tensor
    constant: Tensor
    mlp_norm: Tensor
    gate_up: Tensor
    down: Tensor


@dataclass(frozen=True, slots=True)
class Weights:
    """All of the decoder, and the encoder as transformers has it.

    `embedding`: (channels * vocabulary, width). `head`: the same shape.
    """

    shape: Shape
    encoder: Any
    embedding: Tensor
    layers: tuple[Layer, ...]
    norm: Tensor
    head: Tensor

    @property
    def device(self) -> torch.device:
        """Where they are."""
        return self.head.device

    @property
    def dtype(self) -> torch.dtype:
        """What is calculated in."""
        return self.head.dtype

    def encode(self, ids: list[int]) -> Tensor:
        """The encoder's output for one text: (bytes, encoder width)."""
        batch = torch.tensor([ids], device=self.device)
        encoded: Tensor = self.encoder(input_ids=batch).last_hidden_state[0]
        return encoded

    def step_bytes(self) -> int:
        """Bytes of weights that one step of decoding reads."""
        read = [self.norm, self.head]
        for layer in self.layers:
            read += [layer.qkv, layer.self_out, layer.cross_q, layer.cross_out, layer.gate_up, layer.down]
        return sum(weight.numel() * weight.element_size() for weight in read)


@torch.inference_mode()
def take(model: Any) -> Weights:
    """The weights of transformers' DiaForConditionalGeneration, which loses what is laid out anew here."""
    decoder = model.model.decoder
    # Without a condition all inputs of the encoder are one vector, and so is its output, for any length.
    nothing = model.model.encoder(input_ids=torch.zeros(1, 1, dtype=torch.long, device=model.device))
    unconditional = nothing.last_hidden_state[0, 0]
    layers = []
    for number, layer in enumerate(decoder.layers):
        layers.append(_layer(layer, unconditional))
        decoder.layers[number] = torch.nn.Identity()  # as large as what was made of it
    return Weights(
        shape=Shape.of(model.config.decoder_config),
        encoder=model.model.encoder,
        embedding=decoder.embeddings.embed.weight.data,
        layers=tuple(layers),
        norm=decoder.norm.weight.data,
        head=model.logits_dense.weight.data,
    )


def _layer(layer: Any, unconditional: Tensor) -> Layer:
    own, cross = layer.self_attention, layer.cross_attention
    value = cross.v_proj(unconditional).view(cross.num_key_value_heads, 1, cross.head_dim)
    value = value.expand(-1, cross.num_key_value_groups, -1).reshape(-1)
    return Layer(
        self_norm=layer.pre_sa_norm.weight.data,
        qkv=torch.cat([own.q_proj.weight, own.k_proj.weight, own.v_proj.weight]),
        self_out=own.o_proj.weight.data,
        cross_norm=layer.pre_ca_norm.weight.data,
        cross_q=cross.q_proj.weight.data,
        cross_kv=torch.cat([cross.k_proj.weight, cross.v_proj.weight]),
        cross_out=cross.o_proj.weight.data,
        constant=cross.o_proj(value),
        mlp_norm=layer.pre_mlp_norm.weight.data,
        gate_up=layer.mlp.gate_up_proj.weight.data,
        down=layer.mlp.down_proj.weight.data,
    )
