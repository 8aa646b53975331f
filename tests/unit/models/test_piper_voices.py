import json
from pathlib import Path
from typing import Any

import pytest

from models.engine import UnknownModel
from models.piper import Piper
from models.piper_voices import read_voices

CONFIG: dict[str, Any] = {
    "audio": {"sample_rate": 22_050},
    "espeak": {"voice": "en-us"},
    "num_speakers": 1,
    "phoneme_id_map": {"_": [0]},
}


def voice_file(folder: Path, name: str, **config: Any) -> Path:
    path = folder / f"{name}.onnx"
    path.write_bytes(b"no graph")
    path.with_name(f"{name}.onnx.json").write_text(json.dumps(CONFIG | config))
    return path


def test_voices_are_named_by_their_files(tmp_path: Path) -> None:
    voice_file(tmp_path, "vi_VN-vais1000-medium", language={"code": "vi_VN"})
    voice_file(tmp_path, "en_US-joe-medium")
    found = read_voices(tmp_path)
    assert [(file.voice.name, file.voice.languages) for file in found] == [
        ("en_US-joe-medium", ("en-US", "en")),
        ("vi_VN-vais1000-medium", ("vi-VN", "vi")),
    ]


def test_speakers_are_voices_the_default_first(tmp_path: Path) -> None:
    speakers = {"p239": 0, "p 236/x": 1, "p264": 2}
    voice_file(tmp_path, "en_GB-vctk", num_speakers=3, speaker_id_map=speakers, default_speaker_id=1)
    found = read_voices(tmp_path)
    assert [(f.voice.name, f.speaker) for f in found] == [
        ("en_GB-vctk-p-236-x", 1),
        ("en_GB-vctk-p239", 0),
        ("en_GB-vctk-p264", 2),
    ]


def test_speakers_without_names_of_their_own_are_numbered(tmp_path: Path) -> None:
    voice_file(tmp_path, "de", num_speakers=2, speaker_id_map={"a b": 0, "a/b": 1})
    assert [f.voice.name for f in read_voices(tmp_path)] == ["de-0", "de-1"]


def test_all_is_spoken_at_the_highest_rate(tmp_path: Path) -> None:
    voice_file(tmp_path, "low", audio={"sample_rate": 16_000})
    assert Piper(str(tmp_path)).rate == 16_000
    voice_file(tmp_path, "medium")
    assert Piper(str(tmp_path)).rate == 22_050


def test_what_is_amiss_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match=r"needs a directory of voice files, and none is set"):
        _ = Piper().voices
    with pytest.raises(UnknownModel, match=r"directory '/nowhere' is none"):
        Piper("/nowhere")
    with pytest.raises(UnknownModel, match=r"has no voice: NAME\.onnx with NAME\.onnx\.json is needed"):
        Piper(str(tmp_path))
    path = voice_file(tmp_path, "joe")
    described = path.with_name("joe.onnx.json")
    for content, told in (
        ("{", r"describes no voice \(JSONDecodeError"),
        ("{}", r"describes no voice \(KeyError: 'audio'\)"),
        (json.dumps(CONFIG | {"num_speakers": 0}), "describes no voice that could speak"),
        (json.dumps(CONFIG | {"phoneme_type": "pinyin"}), "'pinyin' is not supported; allowed: espeak, text"),
    ):
        described.write_text(content)
        with pytest.raises(UnknownModel, match=told) as refused:
            Piper(str(tmp_path))
        assert str(path) in str(refused.value)
    described.unlink()
    with pytest.raises(UnknownModel, match=r"joe\.onnx' lacks its description 'joe\.onnx\.json'"):
        Piper(str(tmp_path))


def test_two_voices_of_one_name_are_refused(tmp_path: Path) -> None:
    voice_file(tmp_path, "de", num_speakers=2)
    voice_file(tmp_path, "de-1")
    with pytest.raises(UnknownModel, match="two voices are called 'de-1'"):
        Piper(str(tmp_path))


def test_the_revision_tells_the_files(tmp_path: Path) -> None:
    path = voice_file(tmp_path, "joe")
    first = Piper(str(tmp_path)).revision
    assert first == Piper(str(tmp_path)).revision
    path.write_bytes(b"no graft")
    assert first != Piper(str(tmp_path)).revision
