"""A Dia of random weights, small enough for a test: made from a seed, saved as any checkpoint is."""

import json
from pathlib import Path

import torch
from transformers import DacConfig, DacModel, DiaConfig, DiaForConditionalGeneration

ENCODER = {
    "num_hidden_layers": 2,
    "hidden_size": 32,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "intermediate_size": 64,
    "initializer_range": 0.3,
}
DECODER = {
    "num_hidden_layers": 2,
    "hidden_size": 48,
    "intermediate_size": 96,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "cross_num_attention_heads": 2,
    "cross_num_key_value_heads": 2,
    "cross_head_dim": 16,
    "cross_hidden_size": 32,
    "max_position_embeddings": 320,
    "initializer_range": 0.3,
}
CODEC = {"encoder_hidden_size": 4, "decoder_hidden_size": 32, "sampling_rate": 44_100, "initializer_range": 0.3}
GENERATION = {
    "bos_token_id": 1026,
    "do_sample": True,
    "eos_token_id": 1024,
    "guidance_scale": 3.0,
    "max_length": 256,
    "pad_token_id": 1025,
    "temperature": 1.2,
    "top_k": 45,
    "top_p": 0.95,
}

END_SCALE = 2.5
"""How much larger the weights are that score the end: it comes by itself, after some tens of frames."""


def save_checkpoint(folder: Path) -> Path:
    """A checkpoint with its codec in `codec/`, as Dia's authors publish theirs but for its size."""
    torch.manual_seed(20)
    config = DiaConfig(encoder_config=ENCODER, decoder_config=DECODER, initializer_range=0.3)
    model = DiaForConditionalGeneration(config)
    with torch.no_grad():
        model.logits_dense.weight[config.decoder_config.eos_token_id] *= END_SCALE
    model.save_pretrained(folder)
    codec = DacModel(DacConfig(**CODEC))
    with torch.no_grad():
        for name, weight in codec.named_parameters():
            if "alpha" not in name:
                weight.normal_(0, 0.3 if weight.dim() > 1 else 0.05)
    codec.save_pretrained(folder / "codec")
    (folder / "generation_config.json").write_text(json.dumps(GENERATION))
    return folder
