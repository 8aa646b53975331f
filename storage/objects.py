"""An object store as a store: S3, Google Cloud Storage, Azure Blob Storage, over obstore.

Write-once is a conditional put (`If-None-Match: *`), a swap one that names the version it replaces (`If-Match`). Such a
put is a single request whatever its size, since the parts of a multipart upload cannot be made conditional here: S3
takes 5 GiB so, Azure 5,000 MiB. Nothing incomplete can therefore be left in a bucket.

An answer can be lost after the store has done what it was asked. Each write carries the name of the deed with it, so
that a repeat that finds the name taken can tell whether it was taken by its own hand.

Objects are whole and durable when a put is answered, and what is read next shows them: all three promise that.
"""

import hashlib
import io
import mmap
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import obstore
import stamina
from obstore.exceptions import BaseError, GenericError

from storage import errors
from storage.errors import NotFound, StoreRefused, Unavailable
from storage.object_errors import Taken, translated
from storage.probe import probe
from storage.scratch import Scratch
from storage.store import Source, check_key, check_prefix

if TYPE_CHECKING:
    from obstore import GetResult, PutMode
    from obstore.store import ObjectStore as Client

T = TypeVar("T")

MEDIA_TYPES = {
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".mp3": "audio/mpeg",
    ".opus": "audio/ogg; codecs=opus",
    ".ogg": "audio/ogg",
    ".pcm": "audio/pcm",
    ".json": "application/json",
}
"""What an object's `Content-Type` is, by the end of its key; `application/octet-stream` else."""

IN_MEMORY_BYTES = 4 << 20
"""A larger object is read through a temporary file, and written from a mapped one."""

TRIES = 4
PATIENCE_SECONDS = 30.0
_PIECE = 1 << 20
_PAGE = 1000

# Names of an object's metadata that all three stores allow.
_DEED, _SHA256 = "deed", "sha256"


class ObjectStore:
    """`Store` over a bucket, or a folder of one; any number of processes on any number of machines may share it."""

    def __init__(self, client: "Client", address: str, scratch: Path | None = None) -> None:
        """`address`: what stands before a key in a URL. `scratch`: folder for files in the making, on this machine."""
        self._client: Any = client
        self._address = address.rstrip("/")
        self._scratch = Scratch(scratch or Path(tempfile.gettempdir()) / f"loa-{os.getuid()}")

    def put_new(self, key: str, source: Source) -> bool:
        """See `Store.put_new`."""
        return self._conditional(key, source, "create")

    def put_in_order(self, *puts: tuple[str, Source]) -> Iterator[bool]:
        """See `Store.put_in_order`."""
        return (self.put_new(key, source) for key, source in puts)

    def put(self, key: str, source: Source) -> None:
        """See `Store.put`."""
        with _content(source) as content:
            self._tried(key, lambda: self._put(key, content, "overwrite", secrets.token_hex(16)))

    def swap(self, key: str, sha256: str, source: Source) -> bool:
        """See `Store.swap`."""
        try:
            version, held = self._tried(key, lambda: self._hashed(key))
        except NotFound:
            return False
        return held == sha256 and self._conditional(key, source, version)

    def get(self, key: str, start: int = 0, end: int | None = None) -> bytes:
        """See `Store.get`."""
        return self._tried(key, lambda: self._get(key, start, end))

    def open(self, key: str, start: int = 0, end: int | None = None) -> BinaryIO:
        """See `Store.open`. All of it is read before this returns: into memory, or what is long into a file."""
        return self._tried(key, lambda: self._open(key, start, end))

    def size(self, key: str) -> int | None:
        """See `Store.size`."""
        try:
            return self._tried(key, lambda: int(obstore.head(self._client, check_key(key))["size"]))
        except NotFound:
            return None

    def digest(self, key: str) -> str | None:
        """See `Store.digest`. An object tells its own; only what others than Loa put there has to be read."""
        try:
            told = self._tried(key, lambda: self._attributes(key)).get(_SHA256)
            return told or self._tried(key, lambda: self._hashed(key))[1]
        except NotFound:
            return None

    def delete(self, *keys: str) -> None:
        """See `Store.delete`. One request for many, where the store has such."""
        names = [check_key(key) for key in keys]
        if not names:
            return
        try:
            self._tried(names[0], lambda: obstore.delete(self._client, names))
        except NotFound:  # some stores stop at the first that is not there
            for name in names:
                with suppress(NotFound):
                    self._tried(name, lambda name=name: obstore.delete(self._client, name))  # type: ignore[misc]

    def sync(self, *keys: str) -> None:
        """See `Store.sync`: what can be read is durable."""

    def names(self, prefix: str = "", after: str = "") -> Iterator[str]:
        """See `Store.names`. Pages are fetched as they are asked for."""
        folder = check_prefix(prefix)[:-1] or None
        with translated(prefix, self._address):
            pages = iter(obstore.list(self._client, folder, offset=after or None, chunk_size=_PAGE))
        while True:
            with translated(prefix, self._address):
                page = next(pages, None)
            if page is None:
                return
            yield from (entry["path"] for entry in page)

    def folders(self, prefix: str = "") -> Iterator[str]:
        """See `Store.folders`."""
        folder = check_prefix(prefix)[:-1] or None
        found = self._tried(prefix, lambda: obstore.list_with_delimiter(self._client, folder)["common_prefixes"])
        return iter(sorted((each.rpartition("/")[2] for each in found), key=lambda name: f"{name}/".encode()))

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """See `Store.scratch`: on this machine, in the system's temporary folder."""
        with errors.translated("scratch"):
            file = self._scratch.file()
            path = file.__enter__()
        try:
            yield path
        finally:
            with errors.translated("scratch"):
                file.__exit__(None, None, None)

    def sweep(self) -> int:
        """See `Store.sweep`: of this machine."""
        with errors.translated("sweep"):
            return self._scratch.sweep()

    def probe(self) -> None:
        """See `Store.probe`."""
        try:
            probe(self)
        except NotFound as error:  # of a put or a list: there is no bucket to do it in
            raise StoreRefused(f"{self._address}: there is no such bucket, or it is not ours to read") from error

    def link(self, key: str, seconds: float) -> str | None:
        """See `Store.link`. Raises StoreRefused where the credentials cannot sign."""
        with translated(key, self._address):
            try:
                return str(obstore.sign(self._client, "GET", check_key(key), timedelta(seconds=seconds)))
            except TypeError:  # of a client that cannot sign at all
                return None

    def url(self, key: str) -> str:
        """As `s3://bucket/prefix/key`."""
        return f"{self._address}/{check_key(key)}"

    def close(self) -> None:
        """See `Store.close`."""
        with errors.translated("close"):
            self._scratch.close()

    def _tried(self, what: str, deed: Callable[[], T]) -> T:
        """Do it, again if it fails for what may pass. The client itself repeats what a server answers with 5xx."""
        for attempt in stamina.retry_context(on=Unavailable, attempts=TRIES, timeout=PATIENCE_SECONDS):
            with attempt, translated(what, self._address):
                return deed()
        raise Unavailable(what)

    def _conditional(self, key: str, source: Source, mode: "PutMode") -> bool:
        """Write if the condition holds. Whether it was our hand that wrote is told by the deed's name."""
        deed = secrets.token_hex(16)

        def write() -> bool:
            try:
                with translated(key, self._address):
                    self._put(key, content, mode, deed)
            except Taken:
                return self._deed(key, mode) == deed
            return True

        with _content(source) as content:
            return self._tried(key, write)

    def _deed(self, key: str, mode: "PutMode") -> str | None:
        """By which deed the object was written that is there."""
        try:
            return self._attributes(key).get(_DEED)
        except FileNotFoundError:
            if mode == "create":
                # Refused for another's sake who was writing or deleting just then, and nothing came of it.
                raise Unavailable(f"{key}: taken, and then not there") from None
            return None

    def _put(self, key: str, content: Any, mode: "PutMode", deed: str) -> None:
        kind = MEDIA_TYPES.get(PurePosixPath(key).suffix, "application/octet-stream")
        about = {"Content-Type": kind, _DEED: deed, _SHA256: hashlib.sha256(content).hexdigest()}
        obstore.put(self._client, check_key(key), content, attributes=about, mode=mode, use_multipart=False)

    def _attributes(self, key: str) -> dict[str, str]:
        return dict(obstore.get(self._client, check_key(key), options={"head": True}).attributes)

    def _hashed(self, key: str) -> "tuple[PutMode, str]":
        """The version that is there, and the hash of its bytes."""
        got = obstore.get(self._client, check_key(key))
        digest = hashlib.sha256()
        for piece in got.stream(min_chunk_size=_PIECE):
            digest.update(piece)
        version: Any = {name: told for name in ("e_tag", "version") if (told := got.meta.get(name)) is not None}
        return version, digest.hexdigest()

    def _get(self, key: str, start: int, end: int | None) -> bytes:
        got = self._range(key, start, end)
        return b"" if got is None else bytes(got.bytes())

    def _range(self, key: str, start: int, end: int | None) -> "GetResult | None":
        """What there is of that range; None if that is nothing."""
        if start == 0 and end is None:
            return obstore.get(self._client, check_key(key))
        if end is not None and end <= start:
            obstore.head(self._client, check_key(key))
            return None
        span: Any = {"offset": start} if end is None else (start, end)
        try:
            return obstore.get(self._client, check_key(key), options={"range": span})
        except GenericError:
            if start >= obstore.head(self._client, key)["size"]:
                return None
            raise

    def _open(self, key: str, start: int, end: int | None) -> BinaryIO:
        got = self._range(key, start, end)
        if got is None:
            return io.BytesIO()
        first, behind = got.range
        if behind - first <= IN_MEMORY_BYTES:
            return io.BytesIO(bytes(got.bytes()))
        # Without a name: it goes when it is closed, however that happens.
        file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller's
        try:
            for piece in got.stream(min_chunk_size=_PIECE):
                file.write(piece)
            file.seek(0)
        except (BaseError, OSError):
            file.close()
            raise
        return file


@contextmanager
def _content(source: Source) -> "Iterator[bytes | mmap.mmap]":
    """A file is in memory only as far as the system likes: long audio is sent without being held."""
    if isinstance(source, bytes):
        yield source
        return
    with errors.translated(str(source)), source.open("rb") as file:
        long = source.stat().st_size > IN_MEMORY_BYTES
        content = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) if long else file.read()
    # Not closed: the client may hold it a little longer than the call, and it ends with its last holder.
    yield content
