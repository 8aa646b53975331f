"""Where a long look stands, kept in a small file: whoever is stopped, or has looked at enough, goes on from there."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson


class BookmarkError(Exception):
    """The file is no bookmark, or of something else, or cannot be written."""


@dataclass(frozen=True, slots=True)
class Bookmark:
    """`about`: what is looked at; a bookmark in something else is refused."""

    path: Path
    about: Mapping[str, str]

    def read(self) -> str:
        """The id after which to go on; "" for the beginning. Raises BookmarkError."""
        try:
            told = orjson.loads(self.path.read_bytes())
        except FileNotFoundError:
            return ""
        except (OSError, orjson.JSONDecodeError) as error:
            raise BookmarkError(f"{self.path}: cannot be read: {error}") from error
        after = told.pop("after", None) if isinstance(told, dict) else None
        if not isinstance(after, str) or told != self.about:
            raise BookmarkError(f"{self.path}: is not of {dict(self.about)}; give another file, or remove it")
        return after

    def put(self, after: str) -> None:
        """All up to that id is done. Raises BookmarkError."""
        beside = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        try:
            beside.write_bytes(orjson.dumps({**self.about, "after": after}))
            beside.replace(self.path)
        except OSError as error:
            raise BookmarkError(f"{self.path}: cannot be written: {error.strerror}") from error

    def remove(self) -> None:
        """All is done: the next look begins at the beginning."""
        self.path.unlink(missing_ok=True)
