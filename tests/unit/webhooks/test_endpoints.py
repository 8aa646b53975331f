import base64
import json
from pathlib import Path

import pytest

from streams import settings
from streams.readers.webhooks.endpoints import Endpoints
from streams.settings import Settings, SettingsError

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OTHER = "whsec_" + base64.b64encode(bytes(range(1, 33))).decode()


def configured(tmp_path: Path, *endpoints: dict[str, object], secret: str = SECRET) -> Settings:
    path = tmp_path / "endpoints.json"
    path.write_text(json.dumps(endpoints))
    return settings.load({"TTS_WEBHOOK_SECRET": secret, "TTS_WEBHOOK_ENDPOINTS_FILE": str(path)})


def endpoint(**more: object) -> dict[str, object]:
    return {"name": "billing", "url": "https://example.com/hook", "secrets": [SECRET]} | more


def test_who_is_told_of_what(tmp_path: Path) -> None:
    endpoints = Endpoints(
        configured(tmp_path, endpoint(), endpoint(name="a", tenant="acme", events=["failed"], secrets=[SECRET, OTHER]))
    )
    assert endpoints.names == ["billing", "a", "callback"]
    assert list(endpoints.told("completed", {"tenant": "acme"})) == [("billing", "https://example.com/hook")]
    assert [name for name, _ in endpoints.told("failed", {"tenant": "acme"})] == ["billing", "a"]
    assert [name for name, _ in endpoints.told("failed", {"tenant": "b"})] == ["billing"]
    event = {"tenant": "b", "callback_url": "https://there.example/x"}
    assert list(endpoints.told("deleted", event))[-1] == ("callback", "https://there.example/x")
    assert len(endpoints.signers("a")) == 2
    assert endpoints.signers("nobody") == ()


def test_while_a_secret_is_changed_both_sign() -> None:
    endpoints = Endpoints(settings.load({"TTS_WEBHOOK_SECRET": f"{SECRET} {OTHER}"}))
    assert len(endpoints.signers("callback")) == 2


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"url": "nowhere"}, r"0\.url"),
        ({"secrets": []}, r"0\.secrets"),
        ({"secrets": ["hunter2"]}, "secrets of billing: a secret is whsec_"),
        ({"events": ["spoken"]}, r"0\.events"),
        ({"name": "callback"}, "'callback' is taken"),
        ({"name": "no spaces"}, r"0\.name"),
        ({"retries": 3}, r"0\.retries"),
    ],
)
def test_a_wrong_endpoint_is_refused_by_name(tmp_path: Path, wrong: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError, match=said) as raised:
        Endpoints(configured(tmp_path, endpoint(**wrong)))
    assert "hunter2" not in str(raised.value)


def test_two_of_one_name_no_file_and_no_secret_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="two endpoints"):
        Endpoints(configured(tmp_path, endpoint(), endpoint()))
    with pytest.raises(SettingsError, match="No such file"):
        Endpoints(settings.load({"TTS_WEBHOOK_ENDPOINTS_FILE": str(tmp_path / "none")}))
    with pytest.raises(SettingsError, match="TTS_WEBHOOK_SECRET: is needed"):
        Endpoints(settings.load({}))
    with pytest.raises(SettingsError, match="TTS_WEBHOOK_SECRET: a secret is whsec_"):
        Endpoints(settings.load({"TTS_WEBHOOK_SECRET": "whsec_short"}))


def test_networks_are_read_and_wrong_ones_refused() -> None:
    read = settings.load({"TTS_WEBHOOK_ALLOW_NETWORKS": "10.1.0.0/16, fd00::/8"}).webhook_allow_networks
    assert [str(network) for network in read] == ["10.1.0.0/16", "fd00::/8"]
    with pytest.raises(SettingsError, match=r"TTS_WEBHOOK_ALLOW_NETWORKS='10\.1\.0\.1/16'"):
        settings.load({"TTS_WEBHOOK_ALLOW_NETWORKS": "10.1.0.1/16"})
