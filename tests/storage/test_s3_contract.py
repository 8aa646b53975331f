"""The contract of every backend, and audio files over it with their clean-up, on a real S3 server."""

import urllib.error
import urllib.request

import pytest

from models.audio import FORMATS
from storage.objects import MEDIA_TYPES
from storage.store import Store
from tests.unit.storage import test_cleanup, test_files, test_races, test_store_contract


def _taken(*modules) -> dict[str, object]:
    return {name: test for module in modules for name, test in vars(module).items() if name.startswith("test_")}


globals().update(_taken(test_store_contract, test_files, test_cleanup))
test_of_many_writers_one_outcome_comes = test_races.test_of_many_writers_one_outcome_comes


@pytest.mark.parametrize("audio_format", FORMATS)
def test_anybody_can_fetch_by_a_link(store: Store, audio_format: str) -> None:
    store.put_new(f"a.{audio_format}", b"0123456789")
    link = store.link(f"a.{audio_format}", 60)
    assert link is not None
    with urllib.request.urlopen(link) as answer:
        assert (answer.read(), answer.headers["content-type"]) == (b"0123456789", FORMATS[audio_format].media_type)
    with urllib.request.urlopen(urllib.request.Request(link, headers={"Range": "bytes=2-4"})) as answer:
        assert (answer.status, answer.read()) == (206, b"234")
    with pytest.raises(urllib.error.HTTPError, match="403") as refused:
        urllib.request.urlopen(link.replace(f"a.{audio_format}", "b.wav"))
    refused.value.close()


def test_every_format_has_its_media_type() -> None:
    assert {f".{each.extension}": each.media_type for each in FORMATS.values()} == {
        ending: kind for ending, kind in MEDIA_TYPES.items() if kind.startswith("audio/")
    }
