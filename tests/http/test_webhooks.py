"""Deliveries of webhooks over HTTP: what was taken and what was not, each tenant's own, and bad questions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from streams.events import WebhookDelivery
from tests.http.conftest import start_gateway
from tests.http.test_gateways import make_key
from tests.http.test_jobs import client_of
from tests.kafka.indexing import drift, index_of
from tests.kafka.installation import Installation
from tests.kafka.processes import until
from tests.kafka.receiver import Receiver
from tests.kafka.test_webhooks import SECRETS, receiver, site, webhooks  # noqa: F401 - fixtures

DELIVERY = {
    *("id", "request_id", "tenant", "endpoint", "url", "state", "attempt", "created_at", "updated_at", "not_before"),
    "detail",
}


async def listed(client: httpx.AsyncClient, **wanted: Any) -> list[dict[str, Any]]:
    answer = await client.get("/api/tts/webhooks", params=wanted)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["deliveries"])


async def test_a_delivery_that_is_taken_and_one_that_fails(site: Installation, receiver: Receiver) -> None:  # noqa: F811
    await webhooks(site)
    await site.worker()
    _, address = start_gateway(site)
    await site.produce(
        {"request_id": "good", "text": "Taken.", "model": "tone", "callback_url": receiver.url("ok")},
        {"request_id": "bad", "text": "Not taken.", "model": "tone", "callback_url": receiver.url("fail")},
        {"request_id": "gone", "text": "Not wanted.", "model": "tone", "callback_url": receiver.url("gone")},
        {"request_id": "silent", "text": "Told to nobody.", "model": "tone"},
    )
    async with client_of(address) as client:

        async def settled() -> bool:
            found = {each["request_id"]: each for each in await listed(client)}
            done = {name: found.get(name, {}).get("state") for name in ("good", "gone")}
            return done == {"good": "delivered", "gone": "gone"} and found.get("bad", {}).get("attempt", 0) >= 2

        await until(settled, "two ended, and one is tried again")
        (good,) = await listed(client, state="delivered")
        assert good.keys() == DELIVERY and good["id"] in receiver.ids["/ok/0"]
        assert (good["request_id"], good["tenant"], good["endpoint"]) == ("good", "default", "callback")
        assert (good["url"], good["attempt"], good["detail"]) == (receiver.url("ok"), 1, "204 No Content")
        assert good["created_at"] <= good["updated_at"]
        (bad,) = await listed(client, request_id="bad", endpoint="callback")
        assert (bad["state"], bad["detail"]) == ("due", "500 Internal Server Error")
        assert bad["not_before"] > bad["created_at"]
        assert await listed(client, request_id="silent") == await listed(client, endpoint="billing") == []

        pages: list[str] = []
        answer = (await client.get("/api/tts/webhooks", params={"limit": 2})).json()
        pages += [each["request_id"] for each in answer["deliveries"]]
        rest = await listed(client, limit=2, cursor=answer["next_cursor"])
        assert sorted(pages + [each["request_id"] for each in rest]) == ["bad", "gone", "good"]

        again = site.run("webhooks", "retry", "good")
        assert await again.status() == 0

        async def told_again() -> bool:
            (now,) = await listed(client, request_id="good")
            return bool(now["created_at"] > good["created_at"] and now["state"] == "delivered")

        await until(told_again, "it is made again")
    index = index_of(site)
    try:
        assert (await drift(site, index)).counts == {}
        before = index.deliveries(None, request_id="good").deliveries
        assert await site.run("index", "rebuild").status() == 0
        assert index.deliveries(None, request_id="good").deliveries == before
    finally:
        index.close()


async def test_tenants_see_their_own(loa: Installation) -> None:
    loa.more = {"TTS_API_KEYS_FILE": str(loa.folder / "keys.json")}
    keys = {name: (await make_key(loa, "--tenant", name, "--scope", "read"))["key"] for name in ("acme", "globex")}
    boss = (await make_key(loa, "--tenant", "ops", "--scope", "admin"))["key"]
    speaker = (await make_key(loa, "--tenant", "acme", "--scope", "speak"))["key"]
    await loa.create_topics()
    _, address = start_gateway(loa)
    records = [record(name, endpoint) for name in keys for endpoint in ("callback", "billing")]
    await loa.write("webhooks", [*records, (None, b"no delivery", []), (b"key", None, [])])
    async with client_of(address) as client:

        def by(key: str) -> httpx.AsyncClient:
            client.headers["x-api-key"] = key
            return client

        async def all_there() -> bool:
            return len(await listed(by(boss))) == 4

        await until(all_there, "all are in the index")
        for each in await listed(by(boss)):
            assert each["url"] == "https://hooks.example.com/secret" and "10.1.2.3" in each["detail"]
        for name, key in keys.items():
            found = {each["endpoint"]: each for each in await listed(by(key))}
            assert {each["tenant"] for each in found.values()} == {name} and found.keys() == {"callback", "billing"}
            assert found["callback"]["url"] == "https://hooks.example.com/secret"
            assert found["billing"]["url"] is None, "where the operator's endpoints are is the operator's"
            assert {each["detail"] for each in found.values()} == {"not connected"}
        assert await listed(by(keys["acme"]), request_id="of-globex") == []
        assert (await by(speaker).get("/api/tts/webhooks")).status_code == 403
        assert (await by("").get("/api/tts/webhooks")).status_code == 401


def record(tenant: str, endpoint: str) -> tuple[None, bytes, list[tuple[str, bytes]]]:
    """A delivery as `loa webhooks` writes one."""
    time = datetime(2025, 1, 3, tzinfo=UTC)
    delivery = WebhookDelivery(
        endpoint=endpoint,
        url="https://hooks.example.com/secret",
        id=f"{tenant}.completed",
        first=time,
        not_before=time,
        attempt=3,
        detail="not connected: 10.1.2.3 is no public address",
        request_id=f"of-{tenant}",
        tenant=tenant,
    )
    return None, delivery.encode(), []


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("state=lost", "state"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("cursor=nonsense", "cursor"),
        ("cursor=" + "a" * 201, "cursor"),
        ("endpoint=", "endpoint"),
        ("endpoint=a%00b", "endpoint"),
        ("endpoint=" + "x" * 65, "endpoint"),
        ("request_id=-wrong", "request_id"),
        ("request_id=a%20b", "request_id"),
    ],
)
async def test_what_is_wrong_is_named(client: httpx.AsyncClient, query: str, says: str) -> None:
    answer = await client.get(f"/api/tts/webhooks?{query}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")
    assert says in answer.json()["error"]["message"]
