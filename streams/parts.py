"""The parts that settings name and several commands open: the store, the registry of engines, and their processes."""

from collections.abc import Sequence

from models.fleet import Fleet
from models.observer import Observer
from models.registry import DEFAULT_SPEAKERS, Registry
from models.text import speaker_key
from storage.errors import StoreError
from storage.fallback import FallbackStore
from storage.files import AudioFiles
from storage.opening import open_store
from streams.crash import crashing
from streams.settings import Settings, SettingsError

_MEBIBYTE = 1 << 20


def open_files(settings: Settings) -> AudioFiles:
    """The store that the settings name, after it has shown that it honours write-once. Raises StoreError."""
    store = open_store(settings.storage_dir)
    if settings.storage_fallback is not None:
        store = FallbackStore(store, open_store(settings.storage_fallback))
    store.probe()
    return AudioFiles(crashing(store))


def check_links(settings: Settings, files: AudioFiles) -> None:
    """Raises SettingsError if downloads are to be redirected to a store that gives no links."""
    if not settings.redirect_downloads:
        return
    try:
        link = files.store.link("probe/link", 60)
    except StoreError as error:
        raise SettingsError(f"TTS_REDIRECT_DOWNLOADS=on: {error}") from error
    if link is None:
        raise SettingsError(
            f"TTS_REDIRECT_DOWNLOADS=on: TTS_STORAGE_DIR={settings.storage_dir} gives no links; "
            "only object stores do, such as s3://BUCKET/FOLDER"
        )


def open_registry(settings: Settings) -> Registry:
    """The engines that the settings name. Raises ModelError, SettingsError for a speaker without a voice."""
    speakers = {**DEFAULT_SPEAKERS, **settings.speakers}
    registry = Registry(
        settings.models,
        settings.default_language,
        speakers,
        settings.engine_options,
        normalised=settings.normalise == "on",
    )
    for speaker, voice in settings.speakers.items():
        if registry.speakers.get(speaker_key(speaker)) != voice:
            raise SettingsError(f"TTS_SPEAKERS={speaker}={voice}: no such voice here; `loa voices` lists them")
    return registry


def open_engines(settings: Settings, models: Sequence[str] | None = None, observer: Observer | None = None) -> Fleet:
    """Processes, not yet started, of the engines that the settings name, or of some of these. Raises ModelError.

    `observer`: who is told how they do.
    """
    return Fleet(
        settings.models if models is None else models,
        settings.engine_processes,
        devices=settings.torch_devices,
        on_demand=settings.models_on_demand,
        idle_seconds=settings.model_idle_minutes * 60,
        demand_bytes=settings.model_memory_mb * _MEBIBYTE,
        memory_bytes=settings.engine_memory_mb * _MEBIBYTE,
        start_timeout=settings.engine_start_seconds,
        heartbeat_seconds=settings.engine_heartbeat_seconds,
        options=settings.engine_options,
        listening=settings.listening,
        observer=observer,
    )
