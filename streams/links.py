"""Where a file can be fetched: the address that callers know, signed where the settings have a secret."""

from datetime import datetime

from storage.links import Links
from streams.settings import Settings

AUDIO_PATH = "/api/tts/audio"


def links_of(settings: Settings) -> Links | None:
    """What makes and checks signed links; None where there is no secret."""
    secrets = settings.link_secrets
    return Links(secrets) if secrets else None


def signed_url(settings: Settings, links: Links | None, file_id: str, until: datetime) -> str:
    """Where to fetch a file until then; a path where there is no public address, unsigned without `links`."""
    url = f"{(settings.public_url or '').rstrip('/')}{AUDIO_PATH}/{file_id}"
    return f"{url}?{links.query(file_id, until)}" if links else url
