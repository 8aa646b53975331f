import json
from pathlib import Path
from typing import Any

import pytest

from models.engine import SpeakError, UnknownModel
from models.fingerprint import fingerprint
from models.vits import Vits
from models.vits_checkpoint import open_checkpoint
from models.vits_text import VitsText

ALPHABET = {c: n for n, c in enumerate("_ abcdeghiklmnopqrstuvxyàáảãạâđêôơườ")}


def described(folder: Path, config: dict[str, Any] | None = None, tokenizer: dict[str, Any] | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "vits", "sampling_rate": 16_000} | (config or {})))
    told = {"language": "vie", "phonemize": False, "is_uroman": False}
    (folder / "tokenizer_config.json").write_text(json.dumps(told | (tokenizer or {})))
    (folder / "vocab.json").write_text(json.dumps(ALPHABET))
    (folder / "model.safetensors").write_bytes(bytes(100))
    return folder


@pytest.mark.parametrize(
    ("code", "tag"),
    [
        ("vie", "vi"),
        ("eng", "en"),
        ("en", "en"),
        ("yor", "yo"),
        ("mww", "mww"),
        ("azj-script_latin", "az"),
        (None, "und"),
        ("?", "und"),
    ],
)
def test_the_language_is_told_in_bcp_47(tmp_path: Path, code: str | None, tag: str) -> None:
    voices = open_checkpoint(str(described(tmp_path / "tiny", tokenizer={"language": code}))).voices
    assert [(voice.name, voice.languages) for voice in voices] == [("tiny", (tag,))]


def test_speakers_are_voices(tmp_path: Path) -> None:
    checkpoint = open_checkpoint(str(described(tmp_path / "my voices", {"num_speakers": 3})))
    assert [voice.name for voice in checkpoint.voices] == ["my-voices-0", "my-voices-1", "my-voices-2"]
    assert [checkpoint.speaker(voice.name) for voice in checkpoint.voices] == [0, 1, 2]


@pytest.mark.parametrize(
    ("config", "tokenizer", "told"),
    [
        ({"model_type": "bark"}, {}, "model_type is 'bark', and must be 'vits'"),
        ({"auto_map": {"AutoModel": "modeling.Evil"}}, {}, r"code of its own \(config.json: auto_map\)"),
        ({}, {"auto_map": {}}, r"code of its own \(tokenizer_config.json: auto_map\)"),
        ({}, {"phonemize": True}, "made for phonemes"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(
    tmp_path: Path, config: dict[str, Any], tokenizer: dict[str, Any], told: str
) -> None:
    folder = described(tmp_path / "odd", config, tokenizer)
    with pytest.raises(UnknownModel, match=told) as refused:
        open_checkpoint(str(folder))
    assert str(folder) in str(refused.value)


def test_pickled_weights_are_refused_before_they_are_opened(tmp_path: Path) -> None:
    folder = described(tmp_path / "pickled")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(UnknownModel, match=r"only pickled weights \(pytorch_model.bin\), which are never opened"):
        Vits(str(folder))
    (folder / "pytorch_model.bin").unlink()
    with pytest.raises(UnknownModel, match=r"has no weights: model\.safetensors is needed"):
        Vits(str(folder))


def test_missing_or_broken_descriptions_are_named(tmp_path: Path) -> None:
    folder = described(tmp_path / "broken")
    (folder / "vocab.json").write_text("{")
    with pytest.raises(UnknownModel, match=r"vocab\.json cannot be read"):
        Vits(str(folder))
    (folder / "vocab.json").write_text("[]")
    with pytest.raises(UnknownModel, match=r"vocab\.json is no JSON object"):
        Vits(str(folder))
    (folder / "config.json").unlink()
    with pytest.raises(UnknownModel, match=r"config\.json cannot be read"):
        Vits(str(folder))
    with pytest.raises(UnknownModel, match="'/nowhere/at/all' is no directory, and no name of the model hub"):
        Vits("/nowhere/at/all")


def test_without_a_checkpoint_there_is_no_voice() -> None:
    with pytest.raises(UnknownModel, match="needs a checkpoint, and none is set"):
        _ = Vits().voices


def test_letters_become_ids_with_blanks_between() -> None:
    text = VitsText(ALPHABET, {})
    assert text.ids("ba") == [0, ALPHABET["b"], 0, ALPHABET["a"], 0]
    assert text.ids(" Ba, ba! ") == text.ids("ba ba")
    assert VitsText(ALPHABET, {"add_blank": False}).ids("ba") == [ALPHABET["b"], ALPHABET["a"]]


def test_a_letter_without_a_character_loses_its_accent_and_nothing_else() -> None:
    text = VitsText(ALPHABET, {})
    assert text.ids("cờ") != text.ids("co")
    assert text.ids("éa") == text.ids("ea")
    for lost in ("f", "7", "中", "\u093f"):
        with pytest.raises(SpeakError, match=f"no character for {lost} in"):
            text.ids(f"ba {lost} ba")
    with pytest.raises(SpeakError, match="no character for anything in"):
        text.ids("—!")


def test_a_fingerprint_tells_size_and_content(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(bytes(3_000_000))
    two.write_bytes(bytes(3_000_001))
    assert fingerprint(one) == fingerprint(one)
    assert fingerprint(one) != fingerprint(two)
    assert fingerprint(one, two) != fingerprint(two, one)
    two.write_bytes(bytes(2_999_999) + b"1")
    assert fingerprint(one) != fingerprint(two)
