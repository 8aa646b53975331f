"""A store by its address: a directory, or `s3://bucket/folder`, `gs://bucket/folder`, `az://container/folder`.

Credentials, region and endpoint come from each provider's own environment variables, and never from the address.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from storage.errors import StoreRefused
from storage.local import LocalStore
from storage.store import Store

CONNECT_SECONDS = 5
REQUEST_SECONDS = 120
"""For one request as a whole, its body included."""

RETRIES = 10
RETRY_SECONDS = 30
PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 3.0

_PACKAGE = "object stores need the package obstore: install loa-tts[s3]"


@dataclass(frozen=True, slots=True)
class Scheme:
    """A provider: the client's class in obstore, its prefix of environment variables, and those of its endpoint."""

    client: str
    prefix: str
    endpoints: tuple[str, ...]


SCHEMES: Mapping[str, Scheme] = {
    "s3": Scheme("S3Store", "AWS", ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")),
    "gs": Scheme("GCSStore", "GOOGLE", ("GOOGLE_BASE_URL",)),
    "az": Scheme("AzureStore", "AZURE", ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT")),
}


def is_address(place: str) -> bool:
    """Whether it names an object store rather than a directory."""
    return "://" in place


def check_address(place: str) -> str:
    """The address itself, of an object store or a directory. Raises ValueError that says what is allowed."""
    if is_address(place):
        split = urlsplit(place)
        known = ", ".join(f"{scheme}://…" for scheme in SCHEMES)
        if split.scheme not in SCHEMES:
            raise ValueError(f"{split.scheme}:// is no store; allowed are a directory, {known}")
        if not split.netloc or "@" in split.netloc or ":" in split.netloc or split.query or split.fragment:
            raise ValueError(f"expected {split.scheme}://NAME/FOLDER, and credentials in the environment")
        if any(part in {"", ".", ".."} for part in split.path.strip("/").split("/") if split.path.strip("/")):
            raise ValueError(f"{split.path!r} is no folder of a bucket")
    return place


def same_place(one: str, other: str) -> bool:
    """Whether two addresses or directories are the same."""
    if is_address(one) or is_address(other):
        return one.rstrip("/") == other.rstrip("/")
    return Path(one).resolve() == Path(other).resolve()


def open_store(place: str, environ: Mapping[str, str] = os.environ) -> Store:
    """The store at a directory or address; nothing is asked of it yet. Raises StoreRefused, ValueError."""
    return _object_store(check_address(place), environ) if is_address(place) else LocalStore(Path(place))


def _object_store(address: str, environ: Mapping[str, str]) -> Store:
    try:
        import obstore.store  # an installation on one machine needs no client of object stores
        from obstore.exceptions import BaseError

        from storage.objects import ObjectStore
    except ModuleNotFoundError as error:
        raise StoreRefused(f"{address}: {_PACKAGE} ({error})") from error
    split = urlsplit(address)
    scheme = SCHEMES[split.scheme]
    make: Callable[..., Any] = getattr(obstore.store, scheme.client)
    try:
        client = make(
            split.netloc,
            prefix=split.path.strip("/") or None,
            client_options=_client_options(scheme, environ),
            retry_config=_retries(),
        )
    except (BaseError, ValueError) as error:
        said = (str(error).splitlines() or [""])[0]
        raise StoreRefused(f"{address}: {said}; look at the {scheme.prefix}_* variables") from error
    return ObjectStore(client, address)


def _client_options(scheme: Scheme, environ: Mapping[str, str]) -> dict[str, Any]:
    """Those of `<PREFIX>_ALLOW_HTTP` and `…_TIMEOUT`, which the client does not read once others are given."""
    allow_http = environ.get(f"{scheme.prefix}_ALLOW_HTTP", "").lower() in {"1", "true", "yes", "on"}
    plain = [name for name in scheme.endpoints if environ.get(name, "").startswith("http://")]
    if plain and not allow_http:
        raise StoreRefused(f"{plain[0]}={environ[plain[0]]}: is not https; {scheme.prefix}_ALLOW_HTTP=true allows that")
    return {
        "allow_http": allow_http,
        "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
        "timeout": environ.get(f"{scheme.prefix}_TIMEOUT") or timedelta(seconds=REQUEST_SECONDS),
    }


def _retries() -> dict[str, Any]:
    return {
        "max_retries": RETRIES,
        "retry_timeout": timedelta(seconds=RETRY_SECONDS),
        "backoff": {
            "init_backoff": timedelta(seconds=PAUSE_SECONDS),
            "max_backoff": timedelta(seconds=LONGEST_PAUSE_SECONDS),
            "base": 2,
        },
    }
