"""Who is told what: endpoints of the configuration, and the `callback_url` of a request."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, SecretStr
from standardwebhooks import Webhook

from streams.lists import read_list
from streams.settings import Settings, SettingsError

CALLBACK = "callback"
"""The name of the endpoint that a request brings along."""

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"

Told = Literal["completed", "failed", "deleted"]
EVENTS: tuple[Told, ...] = get_args(Told)

_SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{32,86}={0,2}")

Secret = Annotated[SecretStr, Field(description="`whsec_` and 24 to 64 bytes in base64")]


class Endpoint(BaseModel):
    """An endpoint: which events of whose it is told, and the secrets that sign them (two, while one is changed)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=NAME_PATTERN)]
    url: AnyHttpUrl
    secrets: Annotated[tuple[Secret, ...], Field(min_length=1)]
    events: Annotated[tuple[Told, ...], Field(min_length=1)] = EVENTS
    tenant: str | None = Field(None, description="only this tenant's events; all where it is absent")

    def wants(self, short: str, event: Mapping[str, Any]) -> bool:
        """Whether it is told of this event of that topic."""
        return short in self.events and self.tenant in {None, event.get("tenant")}


class Endpoints:
    """All endpoints of an installation. Raises SettingsError, naming the setting or the file's entry."""

    def __init__(self, settings: Settings) -> None:
        self._callback = _signers(settings.webhook_secrets, "TTS_WEBHOOK_SECRET")
        path = settings.webhook_endpoints_file
        self._endpoints = {endpoint.name: endpoint for endpoint in _read(path)} if path else {}
        if CALLBACK in self._endpoints:
            raise SettingsError(f"TTS_WEBHOOK_ENDPOINTS_FILE={path}: the name {CALLBACK!r} is taken by `callback_url`")
        self._signers = {
            name: _signers([s.get_secret_value() for s in endpoint.secrets], f"{path}: secrets of {name}")
            for name, endpoint in self._endpoints.items()
        }
        if not self._callback and not self._endpoints:
            raise SettingsError(
                "TTS_WEBHOOK_SECRET: is needed to sign what a request's callback_url is told; or name endpoints in "
                "TTS_WEBHOOK_ENDPOINTS_FILE"
            )

    @property
    def names(self) -> list[str]:
        """Of those in the file, and `callback` if requests may bring their own."""
        return [*self._endpoints, *([CALLBACK] if self._callback else [])]

    def told(self, short: str, event: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Name and URL of each endpoint that is told of an event."""
        for name, endpoint in self._endpoints.items():
            if endpoint.wants(short, event):
                yield name, str(endpoint.url)
        callback = event.get("callback_url")
        if self._callback and isinstance(callback, str):
            yield CALLBACK, callback

    def signers(self, name: str) -> Sequence[Webhook]:
        """One for each secret of an endpoint; none for an endpoint that is not there any more."""
        return self._callback if name == CALLBACK else self._signers.get(name, ())


def _read(path: Path) -> list[Endpoint]:
    found = read_list("TTS_WEBHOOK_ENDPOINTS_FILE", path, Endpoint)
    names = [endpoint.name for endpoint in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise SettingsError(f"TTS_WEBHOOK_ENDPOINTS_FILE={path}: two endpoints are called {twice!r}")
    return found


def _signers(secrets: Sequence[str], where: str) -> tuple[Webhook, ...]:
    if not all(map(_SECRET.fullmatch, secrets)):
        raise SettingsError(f"{where}: a secret is whsec_ and 24 to 64 random bytes in base64")
    return tuple(Webhook(secret) for secret in secrets)
