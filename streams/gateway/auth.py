"""Who calls, and what they may see."""

import ipaddress
from dataclasses import dataclass

from fastapi import Request

from streams.gateway.errors import forbidden, unauthorized
from streams.gateway.keys import Keys, Scope
from streams.requests import DEFAULT_TENANT
from streams.settings import Settings, SettingsError


@dataclass(frozen=True, slots=True)
class Caller:
    """`tenant`: the only one whose requests and files exist for this caller; None: all do."""

    tenant: str | None
    scopes: tuple[Scope, ...] = tuple(Scope)

    def sees(self, tenant: str | None) -> bool:
        """Whether what belongs to a tenant exists for this caller."""
        return self.tenant in {None, tenant or DEFAULT_TENANT}


class Doorkeeper:
    """Tells callers by their API key. Without a file of keys everybody is trusted, and only this machine can call."""

    def __init__(self, keys: Keys | None) -> None:
        self._keys = keys

    def caller(self, request: Request, scope: Scope) -> Caller:
        """Who calls. Raises ApiError 401 without a valid key, 403 for a key that does not have the scope."""
        if self._keys is None:
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
