"""The Whisper recogniser on a checkpoint of random weights: it is read, asked in the voice's language, and refused."""

from pathlib import Path

import numpy as np
import orjson
import pytest
from transformers import (
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperProcessor,
    WhisperTokenizer,
)

from models.engine import UnknownModel
from models.recognise.recogniser import load_recogniser
from models.speech import Speech

SPECIAL = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|vi|>", "<|transcribe|>", "<|translate|>"]
SPECIAL += ["<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whisper")
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    vocabulary = {token: number for number, token in enumerate([*letters, *SPECIAL])}
    (folder / "vocab.json").write_bytes(orjson.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = WhisperTokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt"), additional_special_tokens=SPECIAL[1:]
    )
    WhisperProcessor(WhisperFeatureExtractor(feature_size=8), tokenizer).save_pretrained(folder)
    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in SPECIAL}
    config = WhisperConfig(
        vocab_size=len(tokenizer),
        num_mel_bins=8,
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        max_target_positions=32,
        decoder_start_token_id=ids["<|startoftranscript|>"],
        pad_token_id=ids["<|endoftext|>"],
        bos_token_id=ids["<|endoftext|>"],
        eos_token_id=ids["<|endoftext|>"],
    )
    model = WhisperForConditionalGeneration(config)
    how = model.generation_config
    how.lang_to_id = {token: ids[token] for token in ("<|en|>", "<|vi|>")}
    how.task_to_id = {"transcribe": ids["<|transcribe|>"], "translate": ids["<|translate|>"]}
    how.is_multilingual = True
    how.no_timestamps_token_id = ids["<|notimestamps|>"]
    how.max_length = 24
    how._from_model_config = False  # it would be made anew
    model.save_pretrained(folder)
    return folder


def test_a_checkpoint_is_asked_in_the_language_of_the_voice(checkpoint: Path) -> None:
    whisper = load_recogniser(f"whisper:{checkpoint}")
    assert [whisper.knows(language) for language in ("vi-VN", "en", "de")] == [True, True, False]
    noise = Speech(np.random.default_rng(1).normal(0, 0.1, 24_000).astype(np.float32), 24_000)
    assert whisper.hear(noise, "vi-VN") == whisper.hear(noise, "vi-VN")
    assert isinstance(whisper.hear(noise, "en"), str)


def test_pickled_weights_are_refused(checkpoint: Path, tmp_path: Path) -> None:
    for path in checkpoint.iterdir():
        if path.name != "model.safetensors":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "pytorch_model.bin").write_bytes(b"cos\nsystem\n")
    with pytest.raises(UnknownModel, match="cannot be loaded"):
        load_recogniser(f"whisper:{tmp_path}")
