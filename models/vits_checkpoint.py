"""VITS checkpoints: found, read and refused by their configuration files, before any of their weights are opened.

A checkpoint is a directory as transformers saves it (`config.json`, `tokenizer_config.json`, `vocab.json`,
`model.safetensors`), or a name of the model hub, `facebook/mms-tts-vie` or `facebook/mms-tts-vie@REVISION`. Neither
torch nor transformers is imported here.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from models import packages
from models.engine import UnknownModel, Voice
from models.fingerprint import fingerprint

_DESCRIPTIONS = ("config.json", "tokenizer_config.json", "vocab.json")
_WEIGHTS = "model.safetensors"
_PICKLED = ("pytorch_model*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")

_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_NOT_IN_A_NAME = re.compile(r"[^\w.-]+")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}")


@dataclass(frozen=True)
class Checkpoint:
    """One checkpoint, its configuration read. `source`: as it was asked for. `name`: what its voices are called.

    `folder`: where its files are; of a hub's, only the descriptions until `with_weights` was called.
    """

    source: str
    name: str
    folder: Path
    config: dict[str, Any]
    tokenizer: dict[str, Any]
    alphabet: dict[str, int]

    @property
    def rate(self) -> int:
        """Hz of what it speaks."""
        return int(self.config.get("sampling_rate", 16_000))

    @cached_property
    def language(self) -> str:
        """BCP 47; `und` where it is not told. MMS tells ISO 639-3, now and then with a script: `azj-script_latin`."""
        told = str(self.tokenizer.get("language") or self.config.get("language") or "")
        code = told.replace("_", "-").partition("-")[0]
        return _bcp47(code) if _LANGUAGE.fullmatch(code) else "und"

    @cached_property
    def voices(self) -> Sequence[Voice]:
        """One, or with several speakers one for each, `name-0` first."""
        speakers = int(self.config.get("num_speakers", 1))
        if speakers < 2:
            return (Voice(self.name, (self.language,), f"VITS, {self.source}"),)
        numbers = range(speakers)
        return tuple(Voice(f"{self.name}-{k}", (self.language,), f"VITS, {self.source}, speaker {k}") for k in numbers)

    def speaker(self, voice: str) -> int | None:
        """The number in a voice's name; None for a checkpoint of one speaker."""
        return None if voice == self.name else int(voice.rpartition("-")[2])

    @cached_property
    def revision(self) -> str:
        """The hub's commit, or the fingerprint of the weights."""
        weights = self.folder / _WEIGHTS
        told = fingerprint(weights) if Path(self.source).is_dir() else self.folder.name[:16]
        return f"{self.name} {told}"


def open_checkpoint(source: str) -> Checkpoint:
    """Read the configuration of a checkpoint, of a hub's from the cache or the hub (some kilobytes).

    Raises UnknownModel naming the file for one that is missing, not VITS, pickled, or wants code of its own.
    """
    folder = Path(source)
    if folder.is_dir():
        _require_safetensors(source, folder)
        name = folder.resolve().name
    elif _HUB_NAME.fullmatch(source.partition("@")[0]):
        folder = _from_hub(source, _DESCRIPTIONS)
        name = source.partition("@")[0].rpartition("/")[2]
    else:
        raise UnknownModel(f"checkpoint {source!r} is no directory, and no name of the model hub (owner/name)")
    config, tokenizer, alphabet = (_read(source, folder / name) for name in _DESCRIPTIONS)
    _refuse_foreign(source, config, tokenizer)
    return Checkpoint(source, _NOT_IN_A_NAME.sub("-", name), folder, config, tokenizer, alphabet)


def with_weights(checkpoint: Checkpoint) -> Path:
    """The folder with the weights in it, of a hub's downloaded if need be. Raises UnknownModel."""
    if Path(checkpoint.source).is_dir():
        return checkpoint.folder
    name = checkpoint.source.partition("@")[0]
    folder = _from_hub(f"{name}@{checkpoint.folder.name}", (*_DESCRIPTIONS, _WEIGHTS))
    _require_safetensors(checkpoint.source, folder)
    return folder


def _from_hub(source: str, files: Sequence[str]) -> Path:
    """A folder with those of the files that are there; HF_HUB_OFFLINE and HF_HOME are honoured. Raises UnknownModel."""
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise UnknownModel(f"checkpoint {source!r} needs huggingface-hub (install loa-tts[torch])") from None
    name, _, revision = source.partition("@")
    try:
        return Path(snapshot_download(name, revision=revision or None, allow_patterns=list(files)))
    except Exception as error:  # the client's, its HTTP library's, the file system's
        raise UnknownModel(f"checkpoint {source!r} cannot be fetched: {type(error).__name__}: {error}") from error


def _read(source: str, path: Path) -> dict[str, Any]:
    try:
        read = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise UnknownModel(f"checkpoint {source!r}: {path.name} cannot be read: {error}") from error
    if not isinstance(read, dict):
        raise UnknownModel(f"checkpoint {source!r}: {path.name} is no JSON object")
    return read


def _require_safetensors(source: str, folder: Path) -> None:
    """Pickled weights run code when they are opened."""
    if (folder / _WEIGHTS).is_file():
        return
    pickled = sorted(path.name for pattern in _PICKLED for path in folder.glob(pattern))
    told = f"only pickled weights ({', '.join(pickled)}), which are never opened" if pickled else "no weights"
    raise UnknownModel(f"checkpoint {source!r} has {told}: {_WEIGHTS} is needed")


def _refuse_foreign(source: str, config: dict[str, Any], tokenizer: dict[str, Any]) -> None:
    if config.get("model_type") != "vits":
        raise UnknownModel(f"checkpoint {source!r}: model_type is {config.get('model_type')!r}, and must be 'vits'")
    for file, read in zip(_DESCRIPTIONS, (config, tokenizer), strict=False):
        if "auto_map" in read:
            raise UnknownModel(f"checkpoint {source!r} wants code of its own ({file}: auto_map), which is never run")
    if tokenizer.get("phonemize", True):
        raise UnknownModel(
            f"checkpoint {source!r} is made for phonemes (tokenizer_config.json: phonemize is true); "
            "only those that read letters are supported, as the MMS ones do"
        )
    if tokenizer.get("is_uroman") and packages.folder("uroman") is None:
        raise UnknownModel(
            f"checkpoint {source!r} reads romanised text (tokenizer_config.json: is_uroman) "
            "and needs the package uroman (install loa-tts[uroman])"
        )


def _bcp47(code: str) -> str:
    """`vie` → `vi`, `eng` → `en`; a language without a code of two letters keeps its three."""
    try:
        from langcodes import standardize_tag
    except ImportError:
        raise UnknownModel("model 'vits' needs the package langcodes (install loa-tts[torch])") from None
    return str(standardize_tag(code, macro=True))
