"""The voices of espeak-ng, read from its data directory: small text files, one a voice."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_DEFAULT = "en-us"
_DEFAULT_PRIORITY = 5


@dataclass(frozen=True, slots=True)
class VoiceFile:
    """One voice. `identifier`: what the library calls it, `gmw/en-US`; `languages`: BCP 47, the best first."""

    name: str
    identifier: str
    languages: tuple[str, ...]
    description: str
    priority: int


def read_voices(folder: Path) -> Sequence[VoiceFile]:
    """Every voice under `folder` (espeak-ng-data/lang): `en-us` first, then by espeak's priority and name."""
    found = [_read(path, folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    voices = _with_own_names([voice for voice in found if voice is not None])
    return sorted(voices, key=lambda voice: (voice.name != _DEFAULT, voice.priority, voice.name))


def _read(path: Path, folder: Path) -> VoiceFile | None:
    """One voice file; None when it could not speak. A line is `language TAG [PRIORITY]` or `name TEXT`."""
    tags: list[str] = []
    priorities: list[int] = []
    description = path.name
    dictionary = ""
    for line in path.read_text("utf-8", "replace").splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "language":
            tags.append(words[1])
            priorities.append(int(words[2]) if len(words) > 2 and words[2].isdigit() else _DEFAULT_PRIORITY)
        elif len(words) > 1 and words[0] == "name":
            description = " ".join(words[1:])
        elif len(words) > 1 and words[0] == "dictionary":
            dictionary = words[1]
    if not tags or not _has_dictionary(folder, dictionary or tags[0]):
        return None
    identifier = path.relative_to(folder).as_posix()
    return VoiceFile(tags[0].lower(), identifier, tuple(map(bcp47, tags)), description, max(priorities))


def _has_dictionary(folder: Path, name: str) -> bool:
    """Some voices ship without their dictionary, and are silent. It is named by the language, or by its first part."""
    return any((folder.parent / f"{n}_dict").exists() for n in (name, name.partition("-")[0]))


def _with_own_names(voices: Iterable[VoiceFile]) -> list[VoiceFile]:
    """A voice is named by its first language; where two share it, the one with the longer file name by its file."""
    named: dict[str, VoiceFile] = {}
    for voice in sorted(voices, key=lambda voice: len(voice.identifier)):
        name = voice.name if voice.name not in named else voice.identifier.rpartition("/")[2].lower()
        named[name] = VoiceFile(name, voice.identifier, voice.languages, voice.description, voice.priority)
    return list(named.values())


def bcp47(tag: str) -> str:
    """The usual letter case of a language tag (RFC 5646, 2.1.1): `vi-vn-x-south` → `vi-VN-x-south`."""
    first, *rest = tag.split("-")
    out = [first.lower()]
    for part in rest:
        after_singleton = any(len(p) == 1 for p in out[1:])
        if len(part) == 2 and part.isalpha() and not after_singleton:
            out.append(part.upper())
        elif len(part) == 4 and part.isalpha() and not after_singleton:
            out.append(part.title())
        else:
            out.append(part.lower())
    return "-".join(out)
