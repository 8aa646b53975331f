"""Any sequence of calls: memory, local directory and object store answer alike."""

import shutil
import tempfile
from pathlib import Path

import obstore.store
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from storage.errors import NotFound
from storage.local import LocalStore
from storage.memory import MemoryStore
from storage.objects import ObjectStore
from storage.records import sha256

KEYS = st.sampled_from(["a", "b/1", "b/2", "b/c/1", "d/e/f/1", "b-1", "b0/1"])
DATA = st.sampled_from([b"", b"one", b"two"])


class Alike(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.stores = (
            MemoryStore(),
            LocalStore(self.folder / "root"),
            ObjectStore(obstore.store.MemoryStore(), "memory://", self.folder / "scratch"),
        )

    def teardown(self) -> None:
        for store in self.stores:
            store.close()
        shutil.rmtree(self.folder)

    def all(self, deed) -> None:
        answers = []
        for store in self.stores:
            try:
                answers.append(deed(store))
            except NotFound as error:
                answers.append(str(error))
        assert answers[0] == answers[1] == answers[2]

    @rule(key=KEYS, data=DATA)
    def put_new(self, key: str, data: bytes) -> None:
        self.all(lambda store: store.put_new(key, data))

    @rule(key=KEYS, data=DATA)
    def put(self, key: str, data: bytes) -> None:
        self.all(lambda store: store.put(key, data))

    @rule(key=KEYS, old=DATA, new=DATA)
    def swap(self, key: str, old: bytes, new: bytes) -> None:
        self.all(lambda store: store.swap(key, sha256(old), new))

    @rule(keys=st.lists(KEYS, max_size=3))
    def delete(self, keys: list[str]) -> None:
        self.all(lambda store: store.delete(*keys))

    @rule(key=KEYS, start=st.integers(0, 4), end=st.none() | st.integers(0, 4))
    def get(self, key: str, start: int, end: int | None) -> None:
        self.all(lambda store: (store.size(key), store.get(key, start, end)))

    @rule(prefix=st.sampled_from(["", "b/", "b/c/", "d/", "d/e/", "none/"]))
    def listed(self, prefix: str) -> None:
        self.all(lambda store: (list(store.names(prefix)), list(store.folders(prefix))))

    @rule()
    def swept(self) -> None:
        self.all(lambda store: store.sweep())

    @invariant()
    def same(self) -> None:
        self.all(lambda store: [(key, store.get(key)) for key in store.names()])


TestAlike = Alike.TestCase
TestAlike.settings = settings(max_examples=10, stateful_step_count=20, deadline=None)
