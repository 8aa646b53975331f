"""Files that settings name, each a list in JSON."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from streams.settings import SettingsError

Entry = TypeVar("Entry", bound=BaseModel)


def read_list(setting: str, path: Path, kind: type[Entry]) -> list[Entry]:
    """The file's entries. Raises SettingsError naming the setting, and the entry that is wrong, but no value of it."""
    try:
        return TypeAdapter(list[kind]).validate_json(path.read_bytes())  # type: ignore[valid-type]
    except OSError as error:
        raise SettingsError(f"{setting}={path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise SettingsError(f"{setting}={path}: {where}: {first['msg']}") from None
