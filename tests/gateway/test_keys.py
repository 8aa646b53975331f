import stat
from pathlib import Path

import pytest

from streams import settings
from streams.gateway.auth import Caller, check_door
from streams.gateway.keys import Keys, Scope, create, read, revoke
from streams.settings import SettingsError


def test_a_key_is_found_until_it_is_revoked(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "keys.json"
    plain, key = create(path, "acme", [Scope.SPEAK], "for the shop")
    keys = Keys(path)
    assert keys.find(plain) == key
    assert (key.tenant, key.scopes, key.note) == ("acme", (Scope.SPEAK,), "for the shop")
    other, _ = create(path, "globex", [Scope.ADMIN])
    assert keys.find(other) is not None, "a file that changed is read again"
    assert revoke(path, key.id)
    assert not revoke(path, key.id)
    assert keys.find(plain) is None
    assert keys.find(other) is not None


def test_what_is_kept_does_not_open_the_door(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    plain, key = create(path, "acme", [Scope.SPEAK])
    assert plain not in path.read_text() and plain.split("_", 2)[2] not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    keys = Keys(path)
    for wrong in (
        "",
        "loa",
        "loa__",
        f"loa_{key.id}_",
        f"loa_{key.id}_{key.sha256}",
        plain + "x",
        plain[:-1],
        plain.upper(),
    ):
        assert keys.find(wrong) is None


def test_wrong_keys_and_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="tenant"):
        create(tmp_path / "k", "no/tenant", [Scope.SPEAK])
    assert not (tmp_path / "k").exists()
    with pytest.raises(SettingsError, match="No such file"):
        Keys(tmp_path / "none")
    (tmp_path / "k").write_text('[{"id": "short"}]')
    with pytest.raises(SettingsError, match=r"0\.id"):
        read(tmp_path / "k")


def test_who_sees_what() -> None:
    assert Caller(None).sees("acme") and Caller(None).sees(None)
    assert Caller("acme").sees("acme") and not Caller("acme").sees("globex") and not Caller("acme").sees(None)
    assert Caller("default").sees(None)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "loa.example.com"])
def test_without_keys_only_this_machine_may_call(host: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="without API keys"):
        check_door(settings.load({}), host)
    check_door(settings.load({"TTS_API_KEYS_FILE": str(tmp_path / "k")}), host)
    for ours in ("127.0.0.1", "localhost", "::1"):
        check_door(settings.load({}), ours)
