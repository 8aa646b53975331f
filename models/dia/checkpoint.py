"""Checkpoints as transformers publishes them: found, and refused where loading one could run its code.

A checkpoint is a directory, or a name of the model hub, `OWNER/NAME` or `OWNER/NAME@REVISION`. Nothing here imports
torch; of a hub's checkpoint only the small JSON files are fetched before `weights` is called.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from models.engine import UnknownModel

_PICKLES = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".npy"}
_CODE = {".py", ".pyc", ".so"}
CODEC = "codec"
_USUAL_CODEC = "descript/dac_44khz"
_SETTINGS, _WEIGHTS = "*.json", "*.safetensors"

_LOOKED_AT, _SAMPLE_BYTES = 256, 4096
"""Places in a file of weights that its digest looks at, and bytes at each: training changes nearly every number."""


@dataclass(frozen=True)
class Checkpoint:
    """Where the files are. `name`: as it was given. `commit`: of the hub's, None for a directory."""

    folder: Path
    name: str
    commit: str | None = None

    def settings(self, file: str, part: str | None = None) -> dict[str, Any]:
        """What a JSON file says, or a part of it; empty when there is none. Raises UnknownModel for broken JSON."""
        said = self._said(file) if (self.folder / file).is_file() else {}
        if not isinstance(said, dict):
            raise UnknownModel(f"checkpoint {self.name!r}: {file} is no JSON object")
        return dict((said.get(part) or {}) if part else said)

    def asks_for_code(self) -> str | None:
        """The first JSON file that names code to be run, if any does. Raises UnknownModel for broken JSON."""
        files = sorted(path.name for path in self.folder.glob(_SETTINGS))
        return next((file for file in files if _has_auto_map(self._said(file))), None)

    def _said(self, file: str) -> object:
        try:
            return json.loads((self.folder / file).read_bytes())
        except ValueError as error:
            raise UnknownModel(f"checkpoint {self.name!r}: {file} is no JSON: {error}") from error

    @cached_property
    def revision(self) -> str:
        """The hub's commit; for a directory a digest of settings and weights, of which samples are looked at."""
        if self.commit is not None:
            return self.commit[:12]
        digest = hashlib.sha256()
        for path in sorted(self.folder.glob(_SETTINGS)):
            digest.update(path.name.encode() + path.read_bytes())
        for path in sorted(self.folder.glob(_WEIGHTS)):
            with path.open("rb") as file:
                for sample in _samples(file, path.stat().st_size):
                    digest.update(sample)
        return digest.hexdigest()[:12]

    def weights(self) -> Path:
        """The folder with weights in it, downloaded where need be. Raises UnknownModel."""
        if self.commit is not None:
            _fetch(self.name, self.commit, [_SETTINGS, _WEIGHTS])
        if not any(self.folder.glob(_WEIGHTS)):
            raise UnknownModel(f"checkpoint {self.name!r} has no weights as safetensors; no other kind is loaded")
        return self.folder


def find(name: str, model_type: str) -> Checkpoint:
    """The checkpoint of that name. `model_type`: what its config.json must say. Raises UnknownModel."""
    folder = Path(name).expanduser()
    return _checked(Checkpoint(folder, name) if folder.is_dir() else _from_hub(name), model_type)


def find_codec(checkpoint: Checkpoint) -> Checkpoint:
    """The DAC that a Dia checkpoint speaks through. Raises UnknownModel.

    It is in the checkpoint's directory `codec`, or what its processor names: a directory in it, or of the hub's.
    """
    if (checkpoint.folder / CODEC).is_dir():
        return _checked(Checkpoint(checkpoint.folder / CODEC, checkpoint.name, checkpoint.commit), "dac")
    named = checkpoint.settings("audio_tokenizer_config.json")
    named = named or checkpoint.settings("processor_config.json", "audio_tokenizer")
    name = named.get("audio_tokenizer_name_or_path", _USUAL_CODEC)
    try:
        inside = checkpoint.folder / name
        return find(str(inside) if inside.is_dir() else name, "dac")
    except UnknownModel as error:
        raise UnknownModel(
            f"{error}; it is the codec of {checkpoint.name!r}, and may be put into its {CODEC}/"
        ) from error


def _checked(checkpoint: Checkpoint, model_type: str) -> Checkpoint:
    """Raises UnknownModel for another model's, and for what can run code."""
    name = checkpoint.name
    if checkpoint.commit is None:
        _refuse_code(checkpoint)
    config = checkpoint.settings("config.json")
    if not config:
        raise UnknownModel(f"checkpoint {name!r} has no config.json")
    if config.get("model_type") != model_type:
        raise UnknownModel(f"checkpoint {name!r} is for model_type {config.get('model_type')!r}, not {model_type!r}")
    if file := checkpoint.asks_for_code():
        raise UnknownModel(f"checkpoint {name!r}: {file} has auto_map, code of its own; that is never run")
    return checkpoint


def _refuse_code(checkpoint: Checkpoint) -> None:
    """Raises UnknownModel for a directory that has what can run code when it is loaded, naming the file."""
    for path in sorted(checkpoint.folder.iterdir()):
        if path.suffix in _PICKLES:
            why = "can run code when it is loaded: save the weights as safetensors, and remove it"
            raise UnknownModel(f"checkpoint {checkpoint.name!r}: {path.name} {why}")
        if path.suffix in _CODE:
            raise UnknownModel(f"checkpoint {checkpoint.name!r}: {path.name} is code, which is never run: remove it")


def _from_hub(name: str) -> Checkpoint:
    repository, _, revision = name.partition("@")
    if repository.startswith((".", "/", "~")) or repository.count("/") != 1:
        raise UnknownModel(f"checkpoint {name!r} is neither a directory nor a name of the model hub (OWNER/NAME)")
    folder = _fetch(repository, revision or None, [_SETTINGS])
    return Checkpoint(folder, repository, folder.name)


def _fetch(repository: str, revision: str | None, patterns: list[str]) -> Path:
    """The folder of a snapshot, from the cache when HF_HUB_OFFLINE says so. Raises UnknownModel."""
    try:
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(repository, revision=revision, allow_patterns=patterns))
    except ImportError as error:
        raise UnknownModel("checkpoints of the model hub need huggingface_hub (install loa-tts[torch])") from error
    except Exception as error:  # the hub's client has its own errors, those of its HTTP library, and OSError
        place = f"{repository}@{revision}" if revision else repository
        raise UnknownModel(f"checkpoint {place!r} cannot be had: {error}") from error


def _has_auto_map(settings: object) -> bool:
    if isinstance(settings, dict):
        return "auto_map" in settings or any(map(_has_auto_map, settings.values()))
    return isinstance(settings, list) and any(map(_has_auto_map, settings))


def _samples(file: BinaryIO, size: int) -> Iterator[bytes]:
    """The size, the beginning (what tensors there are), and places all over the file."""
    yield size.to_bytes(8, "little")
    for place in range(_LOOKED_AT):
        file.seek(size * place // _LOOKED_AT)
        yield file.read(_SAMPLE_BYTES)
