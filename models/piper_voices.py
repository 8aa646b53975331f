"""Piper voices in a directory: each `NAME.onnx` with its `NAME.onnx.json`, read without opening the model itself."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from models.engine import UnknownModel, Voice
from models.espeak_voices import bcp47

PHONEME_TYPES = ("espeak", "text")
"""Others need packages that fetch their data when they first speak."""

_NOT_IN_A_NAME = re.compile(r"[^\w.-]+")


@dataclass(frozen=True, slots=True)
class PiperVoiceFile:
    """One voice. `speaker`: its number in a file of several, else None. `config`: the JSON beside `path`."""

    voice: Voice
    path: Path
    speaker: int | None
    config: Mapping[str, Any]

    @property
    def rate(self) -> int:
        """Hz of what it speaks."""
        return int(self.config["audio"]["sample_rate"])


def read_voices(folder: Path) -> Sequence[PiperVoiceFile]:
    """Every voice in `folder`, by name; of a file with several speakers each, the default one first.

    Raises UnknownModel naming the file that is missing or cannot be used.
    """
    if not folder.is_dir():
        raise UnknownModel(f"Piper's directory {str(folder)!r} is none, or cannot be read")
    models = sorted(folder.glob("*.onnx"))
    if not models:
        raise UnknownModel(f"Piper's directory {str(folder)!r} has no voice: NAME.onnx with NAME.onnx.json is needed")
    found: dict[str, PiperVoiceFile] = {}
    for voice in (voice for path in models for voice in _voices(path, _config(path))):
        if voice.voice.name in found:
            raise UnknownModel(f"Piper's directory {str(folder)!r}: two voices are called {voice.voice.name!r}")
        found[voice.voice.name] = voice
    return list(found.values())


def _config(path: Path) -> dict[str, Any]:
    described = path.with_name(path.name + ".json")
    try:
        config = orjson.loads(described.read_bytes())
        rate, speakers = int(config["audio"]["sample_rate"]), int(config["num_speakers"])
        espeak, ids = str(config["espeak"]["voice"]), dict(config["phoneme_id_map"])
    except FileNotFoundError:
        raise UnknownModel(f"Piper voice {str(path)!r} lacks its description {described.name!r}") from None
    except OSError as error:
        raise UnknownModel(f"Piper voice {str(path)!r}: {described.name!r} cannot be read: {error}") from error
    except (ValueError, TypeError, KeyError) as error:
        told = f"{type(error).__name__}: {error}"
        raise UnknownModel(f"Piper voice {str(path)!r}: {described.name!r} describes no voice ({told})") from error
    if rate < 1 or speakers < 1 or not espeak or not ids:
        raise UnknownModel(f"Piper voice {str(path)!r}: {described.name!r} describes no voice that could speak")
    kind = config.get("phoneme_type", PHONEME_TYPES[0])
    if kind not in PHONEME_TYPES:
        allowed = ", ".join(PHONEME_TYPES)
        raise UnknownModel(f"Piper voice {str(path)!r}: phoneme_type {kind!r} is not supported; allowed: {allowed}")
    return dict(config)


def _voices(path: Path, config: dict[str, Any]) -> Sequence[PiperVoiceFile]:
    languages = _languages(config)
    base = _NOT_IN_A_NAME.sub("-", path.stem)
    if config["num_speakers"] == 1:
        return [PiperVoiceFile(Voice(base, languages, "Piper"), path, None, config)]
    named = {number: str(name) for name, number in (config.get("speaker_id_map") or {}).items()}
    first = int(config.get("default_speaker_id", 0))
    numbers = sorted(range(config["num_speakers"]), key=lambda number: (number != first, number))
    names = {number: _NOT_IN_A_NAME.sub("-", named.get(number, str(number))) for number in numbers}
    if len(set(names.values())) < len(names):
        names = {number: str(number) for number in numbers}
    return [
        PiperVoiceFile(Voice(f"{base}-{names[n]}", languages, f"Piper, speaker {n}"), path, n, config) for n in numbers
    ]


def _languages(config: Mapping[str, Any]) -> tuple[str, ...]:
    """`en_US` → (`en-US`, `en`); espeak's name of the language where the file does not tell its own."""
    code = str((config.get("language") or {}).get("code") or config["espeak"]["voice"])
    tag = bcp47(code.replace("_", "-"))
    return tuple(dict.fromkeys((tag, tag.partition("-")[0])))
