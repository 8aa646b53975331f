"""Who calls, and what they may see."""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from fastapi import Request

from storage.records import iso
from streams.gateway.errors import forbidden, unauthorized
from streams.gateway.keys import Keys, Scope
from streams.links import links_of
from streams.requests import DEFAULT_TENANT
from streams.settings import Settings, SettingsError


@dataclass(frozen=True, slots=True)
class Caller:
    """`tenant`: the only one whose requests and files exist for this caller; None: all do."""

    tenant: str | None
    scopes: tuple[Scope, ...] = tuple(Scope)
    until: datetime | None = None
    """For who came by a signed link: when it ends."""

    def sees(self, tenant: str | None) -> bool:
        """Whether what belongs to a tenant exists for this caller."""
        return self.tenant in {None, tenant or DEFAULT_TENANT}


class Doorkeeper:
    """Tells callers by their API key.

    Without a file of keys everybody is trusted, and only this machine can call. Its browsers can too, though, on behalf
    of any page that is open in them: that is refused, whether the page says where it is from or gave its own name our
    address (DNS rebinding).
    """

    def __init__(self, settings: Settings, keys: Keys | None) -> None:
        self._keys = keys
        self._links = links_of(settings)
        self._origins = set(settings.cors_origins)
        ours = [settings.public_url or "", *settings.cors_origins]
        self._hosts = {_hostname(url) for url in ours} - {""}

    def caller(self, request: Request, scope: Scope) -> Caller:
        """Who calls. Raises ApiError 401 without a valid key, 403 for a key that does not have the scope."""
        if self._keys is None:
            self._refuse_pages(request)
            return Caller(None)
        plain = _key_of(request)
        if not plain:
            raise unauthorized("an API key is needed: Authorization: Bearer loa_…, or X-API-Key")
        key = self._keys.find(plain)
        if key is None:
            raise unauthorized("the API key is not known, or was revoked")
        if scope not in key.scopes and Scope.ADMIN not in key.scopes:
            raise forbidden(f"the API key has the scopes {', '.join(key.scopes)}; this call needs {scope}")
        return Caller(None if Scope.ADMIN in key.scopes else key.tenant, key.scopes)

    def reader(self, request: Request, file_id: str, expires: str | None, signature: str | None) -> Caller:
        """Who fetches a file: whoever has a signed link to it, or else a caller who may read. Raises ApiError."""
        if self._links is None or signature is None:
            return self.caller(request, Scope.READ)
        until = self._links.good_until(file_id, expires or "", signature)
        if until is None:
            raise forbidden("signature: it is not that of a link to this file")
        if until <= datetime.now(UTC):
            raise forbidden(f"expires: the link ended at {iso(until)}")
        return Caller(None, (Scope.READ,), until)

    def _refuse_pages(self, request: Request) -> None:
        host, origin = request.headers.get("host", ""), request.headers.get("origin")
        name = _hostname(f"//{host}")
        if not _is_loopback(name) and name not in self._hosts:
            known = "set TTS_PUBLIC_URL to the address that callers know, or use API keys"
            raise forbidden(f"Host: {host[:64]!r} is not this machine; {known}")
        if origin is not None and origin.partition("://")[2] != host and not self._origins & {origin, "*"}:
            raise forbidden(f"Origin: {origin[:64]!r} may not call; list it in TTS_CORS_ORIGINS, or use API keys")


def _hostname(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _key_of(request: Request) -> str:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return given.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")


def check_door(settings: Settings, host: str) -> None:
    """Raises SettingsError for an address that others can reach, where there are no keys."""
    if settings.api_keys_file is None and not _is_loopback(host):
        raise SettingsError(
            f"--host {host}: without API keys the gateway is for this machine alone; make keys with "
            "`loa keys create`, and name their file in TTS_API_KEYS_FILE"
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
