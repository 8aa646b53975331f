"""VITS checkpoints with tiny random weights, as transformers saves them."""

import json
from pathlib import Path

import torch
from transformers import VitsConfig, VitsModel

LETTERS = " 'abcdefghijklmnopqrstuvwxyzàáảãạăằắẳẵặâầấẩẫậđèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵ"
HOP = 16


def save_vits(
    folder: Path,
    *,
    language: str | None = "vie",
    speakers: int = 1,
    stochastic: bool = True,
    rate: int = 16_000,
    dtype: torch.dtype = torch.float32,
    slower: float = 1.0,
) -> Path:
    """A checkpoint of about 60,000 weights, always the same. `slower`: 8 is about the pace of speech."""
    torch.manual_seed(7)
    sized = {"hidden_size": 16, "ffn_dim": 32, "flow_size": 16, "spectrogram_bins": 9, "num_hidden_layers": 2}
    voiced = {"upsample_initial_channel": 16, "upsample_rates": [4, 4], "upsample_kernel_sizes": [8, 8]}
    flows = {"duration_predictor_filter_channels": 16, "prior_encoder_num_wavenet_layers": 2}
    config = VitsConfig(
        vocab_size=len(LETTERS) + 1,
        num_speakers=speakers,
        speaker_embedding_size=8 if speakers > 1 else 0,
        use_stochastic_duration_prediction=stochastic,
        posterior_encoder_num_wavenet_layers=2,
        sampling_rate=rate,
        # Random weights drawl: some frames a character with these.
        speaking_rate=(1500.0 if stochastic and speakers == 1 else 2.0) / slower,
        noise_scale_duration=0.3,
        **sized,
        **voiced,
        **flows,
    )
    model = VitsModel(config).to(dtype).eval()
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if name.endswith(("translate", "log_scale")):  # made as zeros: they would test nothing
                weights.normal_(std=0.3)
    model.save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps({c: n for n, c in enumerate("_" + LETTERS)}))
    tokenizer = {"language": language, "phonemize": False, "normalize": True, "add_blank": True, "is_uroman": False}
    names = {"pad_token": "_", "unk_token": "<unk>", "tokenizer_class": "VitsTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer | names))
    return folder
