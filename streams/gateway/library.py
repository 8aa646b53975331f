"""Files as callers may see them: looked up, cached, and gone for whom they are not there."""

import asyncio
import re
from collections import OrderedDict
from datetime import UTC, datetime
from typing import Any

from storage.errors import CorruptRecord, StoreError
from storage.files import AudioFiles
from storage.records import Failure, Record, Stored, iso
from streams.gateway.auth import Caller
from streams.gateway.errors import ApiError, gone, not_found

FILE_ID = re.compile(r"[0-9a-f]{32}")
MOST_CACHED = 10_000


class Library:
    """The store, read for callers. Records are cached until `forget`: they change only by what the log tells."""

    def __init__(self, files: AudioFiles, most: int = MOST_CACHED) -> None:
        self.files = files
        self._most = most
        self._cache: OrderedDict[str, Record] = OrderedDict()
        self._reading: dict[str, object] = {}

    def forget(self, file_id: str) -> None:
        """It was deleted or changed: what is being read of it now may be what it was before."""
        self._cache.pop(file_id, None)
        self._reading.pop(file_id, None)

    def forget_all(self) -> None:
        """Nobody knows what was deleted or changed."""
        self._cache.clear()
        self._reading.clear()

    async def find(self, file_id: str) -> Stored | None:
        """What is stored under an id, whoever asks. Raises ApiError 503 where the store does not answer."""
        if file_id in self._cache:
            self._cache.move_to_end(file_id)
            return self._cache[file_id]
        reading = self._reading.setdefault(file_id, object())
        try:
            found = await asyncio.to_thread(self.files.find, file_id)
        except CorruptRecord:
            return None
        except StoreError as error:
            raise ApiError(503, "storage_failed", f"the store does not answer: {error}") from error
        finally:
            unchanged = self._reading.get(file_id) is reading
            if unchanged:
                del self._reading[file_id]
        if isinstance(found, Record) and unchanged:
            self._cache[file_id] = found
            if len(self._cache) > self._most:
                self._cache.popitem(last=False)
        return found

    async def whole(self, record: Record) -> bool:
        """Whether all of its audio seems to be there. Raises ApiError 503 where the store does not answer."""
        try:
            return await asyncio.to_thread(self.files.looks_whole, record)
        except StoreError as error:
            raise ApiError(503, "storage_failed", f"the store does not answer: {error}") from error

    async def record(self, file_id: str, caller: Caller) -> Record:
        """The record of a file that can be had now. Raises ApiError: 404 for none of the caller's, 410 for one gone."""
        found = await self.find(file_id) if FILE_ID.fullmatch(file_id) else None
        # Nothing tells a caller whether a file of somebody else exists.
        if found is None or not caller.sees(found.tenant):
            raise not_found(f"file_id: there is no file {file_id[:64]!r}")
        if isinstance(found, Record) and (found.pinned or found.expires_at > datetime.now(UTC)):
            return found
        if isinstance(found, Record):
            raise gone(f"file_id: {file_id} expired at {iso(found.expires_at)}")
        if isinstance(found, Failure):
            raise not_found(f"file_id: there is no file {file_id}: its request failed ({found.code})")
        raise gone(f"file_id: {file_id} was deleted at {iso(found.deleted_at)}")


def shown(record: Record) -> dict[str, Any]:
    """A record as the API shows it."""
    return record.model_dump(mode="json", exclude={"content_sha256", "cache_key"}, exclude_none=True)
