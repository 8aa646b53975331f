"""The index that the settings name. Apart from other parts, since SQLAlchemy takes most of a second to import."""

from pathlib import Path

from storage.index import Index, sqlite_url
from storage.opening import is_address
from streams.settings import Settings


def index_url(settings: Settings) -> str:
    """Where the index is: what the settings say, or else a file beside the storage, or where that would be."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    storage = Path("storage/audio") if is_address(settings.storage_dir) else Path(settings.storage_dir)
    return sqlite_url(Path(f"{storage.absolute()}.index.sqlite"))


def open_index(settings: Settings) -> Index:
    """The index that the settings name. Raises IndexUnavailable, IndexRefused."""
    return Index.open(index_url(settings))
