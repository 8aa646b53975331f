"""The parts that settings name and several commands open: the store, the index and the registry of engines."""

from pathlib import Path

from models.registry import DEFAULT_SPEAKERS, Registry
from models.text import speaker_key
from storage.files import AudioFiles
from storage.index import Index, sqlite_url
from storage.local import LocalStore
from streams.crash import crashing
from streams.settings import Settings, SettingsError


def open_files(settings: Settings) -> AudioFiles:
    """The store that the settings name, after it has shown that it honours write-once. Raises StoreError."""
    store = LocalStore(settings.storage_dir)
    store.probe()
    return AudioFiles(crashing(store))


def index_url(settings: Settings) -> str:
    """Where the index is: what the settings say, or else a file beside the storage."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    storage = Path("storage/audio") if "://" in settings.storage_dir else Path(settings.storage_dir)
    return sqlite_url(Path(f"{storage.absolute()}.index.sqlite"))


def open_index(settings: Settings) -> Index:
    """The index that the settings name. Raises IndexUnavailable, IndexRefused."""
    return Index.open(index_url(settings))


def open_registry(settings: Settings) -> Registry:
    """The engines that the settings name. Raises ModelError, SettingsError for a speaker without a voice."""
    registry = Registry(settings.models, settings.default_language, {**DEFAULT_SPEAKERS, **settings.speakers})
    for speaker, voice in settings.speakers.items():
        if registry.speakers.get(speaker_key(speaker)) != voice:
            raise SettingsError(f"TTS_SPEAKERS={speaker}={voice}: no such voice here; `loa voices` lists them")
    return registry
