"""What only object stores have to be asked, since reading costs them a request."""

import io
from pathlib import Path

import obstore.store

from storage.objects import IN_MEMORY_BYTES, ObjectStore


def test_of_a_long_object_only_the_range_is_fetched(tmp_path: Path) -> None:
    store = ObjectStore(obstore.store.MemoryStore(), "memory://", tmp_path)
    store.put_new("long", bytes(IN_MEMORY_BYTES) + b"the end")
    with store.open("long", IN_MEMORY_BYTES, IN_MEMORY_BYTES + 3) as file:
        assert isinstance(file, io.BytesIO), "the whole would be in a file"
        assert file.getvalue() == b"the"
    with store.open("long", 1) as file:
        assert not isinstance(file, io.BytesIO)
        file.seek(-7, 2)
        assert file.read() == b"the end"
    store.close()
