"""A store by its address; none of them is asked anything here."""

import sys
from pathlib import Path

import pytest

from storage.errors import StoreRefused
from storage.local import LocalStore
from storage.opening import check_address, open_store, same_place
from streams.settings import SettingsError, load

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu-west-1"}


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**KEYS, "AZURE_STORAGE_ACCOUNT_NAME": "account", "AZURE_STORAGE_ACCOUNT_KEY": "a2V5"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)


def test_a_directory(tmp_path: Path) -> None:
    assert isinstance(open_store(str(tmp_path)), LocalStore)


@pytest.mark.parametrize("address", ["s3://bucket", "s3://bucket/a/b", "gs://bucket/a", "az://container/a"])
def test_an_object_store(address: str) -> None:
    store = open_store(f"{address}/")
    assert store.url("x/y") == f"{address}/x/y"
    store.close()


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("ftp://host/x", "ftp:// is no store; allowed are a directory, s3://…, gs://…, az://…"),
        ("s3:///x", "expected s3://NAME/FOLDER"),
        ("s3://key:secret@bucket/x", "credentials in the environment"),
        ("s3://bucket/x?versionId=1", "expected s3://NAME/FOLDER"),
        ("s3://bucket/a/../b", "no folder of a bucket"),
    ],
)
def test_a_wrong_address_is_refused_by_name(address: str, why: str) -> None:
    with pytest.raises(ValueError, match=r"expected|no store|no folder") as raised:
        check_address(address)
    assert why in str(raised.value)
    with pytest.raises(SettingsError, match="TTS_STORAGE_DIR") as refused:
        load({"TTS_STORAGE_DIR": address})
    assert "key:secret" not in str(refused.value)


def test_a_fallback_to_the_same_place_is_refused() -> None:
    with pytest.raises(SettingsError, match="TTS_STORAGE_FALLBACK=s3://b/x/: is TTS_STORAGE_DIR itself"):
        load({"TTS_STORAGE_DIR": "s3://b/x", "TTS_STORAGE_FALLBACK": "s3://b/x/"})
    assert not same_place("s3://b/x", "b/x")


def test_an_endpoint_without_tls_has_to_be_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    with pytest.raises(StoreRefused, match=r"AWS_ENDPOINT_URL=http:.* is not https; AWS_ALLOW_HTTP=true"):
        open_store("s3://bucket", plain)
    open_store("s3://bucket", plain | {"AWS_ALLOW_HTTP": "true"}).close()


def test_a_link_is_signed_for_the_key_below_the_folder() -> None:
    store = open_store("s3://bucket/folder")
    link = store.link("a.wav", 60)
    assert link is not None
    assert "/bucket/folder/a.wav?" in link
    assert "X-Amz-Expires=60" in link
    assert "secret" not in link
    store.close()


def test_without_the_package_it_is_said_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    with pytest.raises(StoreRefused, match=r"install loa-tts\[s3\]"):
        open_store("s3://bucket")
