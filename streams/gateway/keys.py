"""API keys: a file of hashes. A key is shown once, when it is made, and belongs to one tenant.

A key is `loa_<id>_<secret>`, the secret 32 random bytes: one SHA-256 of it is enough, since nothing can be guessed.
"""

import hashlib
import hmac
import os
import secrets
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from storage.records import Instant
from streams.lists import read_list
from streams.requests import Id
from streams.settings import SettingsError


class Scope(StrEnum):
    """What a key is for. `admin` may see and do everything, of all tenants."""

    SPEAK = "speak"
    READ = "read"
    ADMIN = "admin"


PREFIX = "loa"


class Key(BaseModel):
    """What the file knows of a key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    tenant: Id
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)]
    created_at: Instant
    note: str = ""


_FILE = TypeAdapter(list[Key])


def create(path: Path, tenant: str, scopes: Sequence[Scope], note: str = "") -> tuple[str, Key]:
    """Add a key; returns it in plain, for the only time, and what is kept of it. Raises SettingsError."""
    name, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    plain = f"{PREFIX}_{name}_{secret}"
    try:
        key = Key(
            id=name, sha256=_hash(plain), tenant=tenant, scopes=tuple(scopes), created_at=datetime.now(UTC), note=note
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise SettingsError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    _write(path, [*(read(path) if path.exists() else []), key])
    return plain, key


def revoke(path: Path, name: str) -> bool:
    """Remove a key by its id; False if there is none. Gateways that run notice at the next call."""
    keys = read(path)
    kept = [key for key in keys if key.id != name]
    if len(kept) != len(keys):
        _write(path, kept)
    return len(kept) != len(keys)


def read(path: Path) -> list[Key]:
    """All keys. Raises SettingsError for a file that cannot be read."""
    return read_list("TTS_API_KEYS_FILE", path, Key)


class Keys:
    """The file as it is now: read again when it has changed."""

    def __init__(self, path: Path) -> None:
        """Raises SettingsError."""
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._keys: dict[str, Key] = {}
        self._refresh()

    def find(self, plain: str) -> Key | None:
        """The key that was given in plain, if it is one."""
        self._refresh()
        parts = plain.split("_", 2)
        key = self._keys.get(parts[1]) if len(parts) == 3 else None
        # Compared in constant time, and compared all the same where the id is unknown.
        same = hmac.compare_digest(_hash(plain), key.sha256 if key else "0" * 64)
        return key if same else None

    def _refresh(self) -> None:
        try:
            found = self._path.stat()
        except OSError as error:
            raise SettingsError(f"TTS_API_KEYS_FILE={self._path}: {error.strerror}") from error
        seen = found.st_mtime_ns, found.st_ino
        if seen != self._seen:
            self._keys = {key.id: key for key in read(self._path)}
            self._seen = seen


def _hash(plain: str) -> str:
    return hashlib.sha256(plain.encode()).hexdigest()


def _write(path: Path, keys: Sequence[Key]) -> None:
    """Whole or not at all, and for its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(_FILE.dump_json(list(keys), indent=2) + b"\n")
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
