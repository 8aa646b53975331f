"""A file that is kept outlives its first expiry, a released one goes, and the audit agrees."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import orjson

from storage.records import iso
from streams.readers.audit import Scope
from tests.kafka.installation import Installation
from tests.kafka.test_audit import audited

SHARDS = "0123456789abcdef"
LIFE_SECONDS = 15


async def command(loa: Installation, *commands: dict[str, Any]) -> None:
    await loa.write("cleanup", [(b"by hand", orjson.dumps(each), []) for each in commands])


def request(name: str) -> dict[str, Any]:
    return {"request_id": name, "text": f"This is {name}.", "model": "tone", "expiry_hours": LIFE_SECONDS / 3600}


async def test_an_extended_and_a_pinned_file_stay_and_a_released_one_goes(loa: Installation) -> None:
    loa.more = {"TTS_CLEANUP_INTERVAL_MINUTES": "0.02"}
    await loa.worker()
    names = ("extended", "pinned", "plain")
    await loa.produce(*map(request, names))
    async with loa.reader("completed", "failed", "deleted", "retained") as reader:
        outcomes = await reader.answered(*names)
        done = {name: events[0] for name, events in outcomes.items()}
        files = {name: done[name]["file_id"] for name in names}
        until = datetime.fromisoformat(done["extended"]["expires_at"]) + timedelta(hours=1)
        extend = {"keep": {"file_id": files["extended"], "expires_at": iso(until)}}
        await command(loa, extend, extend, {"keep": {"file_id": files["pinned"], "pinned": True}})
        await reader.until(lambda: len(reader.of("retained")) == 3, "three times it is said")
        first, again = reader.of("retained", request_id="extended")
        assert (first["expires_at"], first["pinned"]) == (iso(until), False)
        assert again.ce_id == first.ce_id
        # All three expired together: once the plain one is gone, clean-up has passed the others.
        await reader.until(lambda: reader.of("deleted", request_id="plain"), "the plain one goes")
        await command(loa, {"file_id": files["pinned"]}, *({"cutoff": iso(until), "shard": each} for each in SHARDS))
        await loa.settled()
        assert loa.audio().keys() == {f"{files[name]}.wav" for name in ("extended", "pinned")}
        assert {event["request_id"] for event in reader.of("deleted")} == {"plain"}
        assert (await audited(loa, Scope(grace=0))).findings == {}
        await command(loa, {"keep": {"file_id": files["pinned"], "pinned": False}})
        await reader.until(lambda: reader.of("deleted", request_id="pinned"), "the released one goes")
        assert reader.of("deleted", request_id="pinned")[0]["reason"] == "expired"
    assert loa.metadata(files["extended"])["expires_at"] == iso(until)
    loa.check_workers()
