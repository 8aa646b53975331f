"""A place for audio and index beside a directory and a file: a folder of a bucket, and a schema of a PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from storage.errors import NotFound
from storage.opening import open_store
from tests.storage.s3_proxy import S3Proxy
from tests.storage.servers import S3

in_a_bucket = pytest.mark.parametrize("place", ["bucket"], indirect=True)
in_both_places = pytest.mark.parametrize("place", ["directory", "bucket"], indirect=True)


@dataclass
class Bucket:
    """Reached by a proxy that makes faults. `database`: where the index of its gateways is."""

    address: str
    server: S3
    proxy: S3Proxy
    database: str

    @property
    def settings(self) -> dict[str, str]:
        by_proxy = {"AWS_ENDPOINT_URL": self.proxy.endpoint}
        ours = {"TTS_STORAGE_DIR": self.address, "TTS_DATABASE_URL": self.database}
        return ours | self.server.environment | by_proxy

    def mirror(self, folder: Path) -> None:
        """Lay out what is in the bucket as a directory store has it."""
        folder.mkdir(parents=True)
        store = open_store(self.address)

        def copy(key: str) -> None:
            with suppress(NotFound):  # it was cleaned up just now
                data = store.get(key)
                (folder / key).parent.mkdir(parents=True, exist_ok=True)
                (folder / key).write_bytes(data)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(copy, store.names()))
        store.close()

    def pieces(self) -> list[str]:
        """Of what is not finished."""
        store = open_store(self.address)
        found = list(store.names("parts/"))
        store.close()
        return found
