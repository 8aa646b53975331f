"""`loa webhooks` beside a real broker: what is told, how often, to whom, and what the log says of it."""

from __future__ import annotations

import base64
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from tests.kafka.installation import Installation
from tests.kafka.processes import Loa, alive, until
from tests.kafka.receiver import Receiver
from tests.kafka.scrape import scrape

GOOD = 8
EVENTS = 1000


def secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


SECRETS = secret(), secret()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """It verifies every signature with both secrets: while one is changed, the old one serves and the new one too."""
    async with Receiver(*SECRETS) as made:
        yield made


@pytest.fixture
async def site(loa: Installation) -> Installation:
    """An installation whose webhooks may come to this machine."""
    loa.more = {
        "TTS_WEBHOOK_SECRET": " ".join(SECRETS),
        "TTS_WEBHOOK_ALLOW_NETWORKS": "127.0.0.0/8",
        "TTS_WEBHOOK_TIMEOUT_SECONDS": "3",
        "TTS_WEBHOOK_RETRY_SECONDS": "0.2",
    }
    await loa.create_topics()
    return loa


async def webhooks(site: Installation, **settings: str) -> Loa:
    process = site.run("webhooks", **settings)
    await process.ready()
    return process


async def tell(site: Installation, *urls: str, name: str = "event") -> set[str]:
    """Write a `tts.completed` for each URL, as a worker does; returns their ids."""
    ids = [f"{name}-{number}.tts.completed" for number in range(len(urls))]
    records = [
        (
            None,
            orjson.dumps({"request_id": f"{name}-{number}", "tenant": "default", "callback_url": url}),
            [("ce_id", ids[number].encode())],
        )
        for number, url in enumerate(urls)
    ]
    await site.write("completed", records)
    return set(ids)


async def stand(site: Installation, *arguments: str) -> list[dict[str, str]]:
    command = site.run("webhooks", "list", "--json", *arguments)
    assert await command.status() == 0, command.said
    return command.lines


async def test_a_request_tells_its_callback_of_success_and_failure(site: Installation, receiver: Receiver) -> None:
    await webhooks(site)
    await site.worker()
    good, bad = receiver.url("ok", "good"), receiver.url("ok", "bad")
    await site.produce(
        {"request_id": "good", "text": "Tell me.", "model": "tone", "callback_url": good, "metadata": {"k": 1}},
        {"request_id": "bad", "text": "Tell me.", "model": "nope", "callback_url": bad},
        {"request_id": "worse", "text": 7, "callback_url": bad},
        {"request_id": "nobody", "text": "No one.", "model": "tone"},
    )
    await until(lambda: receiver.told["/ok/good"] and len(receiver.told["/ok/bad"]) >= 2, "all are told")
    (told,) = receiver.told["/ok/good"]
    assert told["type"] == "tts.completed"
    assert (told["data"]["request_id"], told["data"]["metadata"]) == ("good", {"k": 1})
    assert {(each["type"], each["data"]["code"]) for each in receiver.told["/ok/bad"]} == {
        ("tts.failed", "unknown_model"),
        ("tts.failed", "invalid_request"),
    }
    assert receiver.unsigned == []
    async with site.reader("completed") as reader:
        await reader.to_end()
        assert set(receiver.ids["/ok/good"]) == {reader.of("completed", request_id="good")[0].ce_id}


async def test_a_thousand_while_a_fifth_of_the_endpoints_fail_hang_and_redirect(
    site: Installation, receiver: Receiver
) -> None:
    """Killed in the middle, too: every good endpoint gets every event at least once, signed, under one id."""
    first = await webhooks(site)
    good = [receiver.url("ok", number) for number in range(GOOD)]
    endpoints = [*good, receiver.url("fail"), receiver.url("hang")]
    urls = [endpoints[number % len(endpoints)] for number in range(EVENTS - 50)] + [receiver.url("redirect")] * 50
    expected: dict[str, set[str]] = {}
    ids = await tell(site, *urls)
    for number, url in enumerate(urls):
        expected.setdefault(url, set()).add(f"event-{number}.tts.completed")
    assert len(ids) == EVENTS

    def arrived() -> int:
        return sum(len(receiver.ids[f"/ok/{number}"]) for number in range(GOOD))

    await until(lambda: arrived() > 100, "the first hundred")
    first.kill()
    await webhooks(site)
    paths = {url: url.partition(str(receiver.port))[2] for url in good}
    await until(lambda: all(expected[url] <= receiver.ids[paths[url]].keys() for url in good), "every good endpoint")
    assert all(receiver.ids[paths[url]].keys() == expected[url] for url in good)
    assert receiver.unsigned == []
    assert "/ok/never" not in receiver.told, "a redirect is not followed"
    assert all(receiver.told[f"/{does}/0"] for does in ("fail", "hang", "redirect"))


async def test_what_was_not_taken_is_tried_again_and_the_log_tells(site: Installation, receiver: Receiver) -> None:
    process = await webhooks(site)
    await tell(site, receiver.url("heals"), receiver.url("gone"))
    await until(lambda: len(receiver.told["/heals/0"]) >= 2, "a second attempt")
    receiver.healed = True

    async def settled() -> bool:
        return [row["state"] for row in await stand(site)] == ["delivered", "gone"]

    await until(settled, "both ended")
    seen = await scrape(process.lines[0]["health"])
    ended = {s.labels["state"]: s.value for s in seen.samples if s.name == "loa_webhook_deliveries_total"}
    assert ended == {"delivered": 1, "gone": 1, "given_up": 0}, "the first of each is an increase too"
    results = {
        result: seen.value("loa_webhook_attempts_total", result=result) for result in ("taken", "gone", "refused")
    }
    assert (results["taken"], results["gone"]) == (1, 1) and results["refused"] >= 1
    assert seen.value("loa_webhook_delivery_seconds_count") == 1
    assert seen.value("loa_webhook_attempt_seconds_count") == sum(results.values())
    (row,) = await stand(site, "--state", "delivered")
    assert (row["request_id"], row["endpoint"], row["detail"]) == ("event-0", "callback", "200 OK")
    assert int(row["attempt"]) >= 2
    assert set(receiver.ids["/heals/0"]) == {"event-0.tts.completed"}
    gone = len(receiver.told["/gone/0"])
    await tell(site, receiver.url("gone"), receiver.url("ok", "after"), name="later")
    await until(lambda: receiver.told["/ok/after"], "the one beside it")

    told = len(receiver.told["/heals/0"])
    again = site.run("webhooks", "retry", "event-0", "--json")
    assert await again.status() == 0
    await until(lambda: len(receiver.told["/heals/0"]) > told, "told again")
    assert len(receiver.told["/gone/0"]) == gone, "who said 410 is not asked again"
    assert await site.run("webhooks", "retry", "nobody").status() == 1


async def test_after_a_kill_only_what_was_not_taken_is_told_again(site: Installation, receiver: Receiver) -> None:
    first = await webhooks(site, TTS_WEBHOOK_TIMEOUT_SECONDS="60")
    fine = [receiver.url("ok", number) for number in range(3 * GOOD)]
    await tell(site, *[receiver.url("hang", number) for number in range(GOOD)], *fine)

    async def noted() -> bool:
        return await site.open_records("webhooks", f"{site.name}-webhooks") == GOOD

    await until(lambda: len(receiver.told) == 4 * GOOD, "all are told")
    await until(noted, "a note of what was taken behind others")
    first.kill()
    await webhooks(site)
    await until(lambda: all(len(receiver.told[f"/hang/{number}"]) > 1 for number in range(GOOD)), "those told again")
    assert [len(receiver.told[f"/ok/{number}"]) for number in range(3 * GOOD)] == [1] * 3 * GOOD


async def test_an_endpoint_inside_is_not_connected_to(site: Installation, receiver: Receiver) -> None:
    await webhooks(site, TTS_WEBHOOK_ALLOW_NETWORKS="")
    await tell(site, receiver.url("ok"))

    async def refused() -> bool:
        return any("no public address" in (row["detail"] or "") for row in await stand(site))

    await until(refused, "the refusal in the log")
    assert receiver.told == {}


async def test_endpoints_of_a_file_are_told_what_they_want(
    site: Installation, receiver: Receiver, tmp_path: Path
) -> None:
    path = tmp_path / "endpoints.json"
    entries = [
        {"name": "all", "url": receiver.url("ok", "all"), "secrets": SECRETS},
        {"name": "gone", "url": receiver.url("ok", "deleted"), "secrets": SECRETS, "events": ["deleted"]},
        {"name": "acme", "url": receiver.url("ok", "acme"), "secrets": SECRETS, "tenant": "acme"},
    ]
    path.write_bytes(orjson.dumps(entries))
    await webhooks(site, TTS_WEBHOOK_ENDPOINTS_FILE=str(path), TTS_WEBHOOK_SECRET="")
    await site.worker(TTS_CLEANUP_INTERVAL_MINUTES="0.03")
    await site.produce({"request_id": "r", "text": "Soon gone.", "model": "tone", "expiry_hours": 0.0005})
    await until(lambda: receiver.told["/ok/deleted"] and len(receiver.told["/ok/all"]) >= 2, "completed and deleted")
    assert {told["type"] for told in receiver.told["/ok/all"]} == {"tts.completed", "tts.deleted"}
    assert {told["type"] for told in receiver.told["/ok/deleted"]} == {"tts.deleted"}
    assert "/ok/acme" not in receiver.told
    assert receiver.unsigned == []


async def test_without_secret_and_endpoints_it_does_not_start(site: Installation) -> None:
    process = site.run("webhooks", TTS_WEBHOOK_SECRET="")
    assert await process.status() == 2
    assert "TTS_WEBHOOK_SECRET" in process.said


async def test_all_of_loa_on_one_machine_tells_too(site: Installation, receiver: Receiver) -> None:
    up = site.run("up", "--port", "0")
    await up.ready()
    await site.produce({"request_id": "r", "text": "Tell me.", "model": "tone", "callback_url": receiver.url("ok")})
    await until(lambda: receiver.told["/ok/0"], "the callback")
    parts = up.children()
    up.ctrl_c()
    assert await up.status() == 0
    assert alive(parts) == []
    wrong = site.run("up", "--port", "0", TTS_WEBHOOK_SECRET="hunter2")
    assert await wrong.status() == 2
    assert "TTS_WEBHOOK_SECRET" in wrong.said and "hunter2" not in wrong.said
