"""Workers and gateways on several hosts, each with its own address: they share the work, and one is cut off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from streams.broker import EmbeddedBroker
from streams.broker.node import Detour
from tests.faults.hosts import Host, hosts, missing
from tests.faults.proxy import free_port
from tests.http.test_gateways import make_key
from tests.kafka.installation import Installation
from tests.kafka.log import Kafka
from tests.kafka.processes import COMMAND, PATIENCE, Loa, until
from tests.kafka.test_audit import audited

REQUESTS = 30


@dataclass
class Network:
    """An installation whose processes run on hosts; the test reaches all of them."""

    loa: Installation
    hosts: list[Host]
    broker: str

    def run(self, host: Host, *arguments: str, **settings: str) -> Loa:
        ours = {"TTS_KAFKA_BROKERS": self.broker, "TTS_WORKER_ID": host.name, **settings}
        # An index of its own for each, as where there is no common database.
        ours["TTS_DATABASE_URL"] = f"sqlite:///{self.loa.folder}/{host.name}.sqlite"
        folder = self.loa.folder / f"{len(self.loa.processes)}-{arguments[0]}"
        process = Loa(arguments, self.loa.settings | ours, folder, command=host.command(*COMMAND))
        self.loa.processes.append(process)
        return process


@pytest.fixture
def network(tmp_path: Path, prefix: str) -> Iterator[Network]:
    if reason := missing():
        pytest.skip(reason)
    with hosts(3) as (address, made):
        port = free_port()
        detour = Detour(port, port, address)
        with EmbeddedBroker(tmp_path / "kafka", detour=detour) as broker:
            settings = {"TTS_API_KEYS_FILE": str(tmp_path / "keys.json"), "TTS_SYNC_SECONDS": f"{PATIENCE:g}"}
            loa = Installation(Kafka(broker.bootstrap), prefix, tmp_path / "loa", settings)
            try:
                yield Network(loa, made, f"{address}:{port}")
            finally:
                loa.end()


async def test_hosts_share_the_work_and_one_is_cut_off(network: Network) -> None:
    loa, (first, second, third) = network.loa, network.hosts
    await loa.create_topics()
    key = (await make_key(loa, "--tenant", "ops", "--scope", "admin"))["key"]
    workers = [network.run(host, "worker") for host in (first, second)]
    gateways = [network.run(host, "gateway", "--host", host.address, "--port", "0") for host in (first, third)]
    for process in (*workers, *gateways):
        await process.ready()
    addresses = [gateway.lines[0]["http"] for gateway in gateways]
    assert [httpx.URL(each).host for each in addresses] == [first.address, third.address]
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(headers=headers, timeout=2 * PATIENCE) as client:

        async def there() -> set[str]:
            told: dict[str, Any] = (await client.get(f"{addresses[1]}/api/tts/workers")).json()
            return {worker["host"] for worker in told["workers"] if worker["partitions"]}

        async def both() -> bool:
            return await there() == {first.address, second.address}

        async def speak(number: int) -> None:
            body = {"text": f"Spoken somewhere, {number}.", "model": "tone", "request_id": f"request-{number}"}
            headers = {"X-Request-ID": f"request-{number}"}
            answer = await client.post(f"{addresses[number % 2]}/api/tts/synthesize", json=body, headers=headers)
            assert answer.status_code == 200, answer.text

        await until(both, "both hosts have partitions")
        for number in range(REQUESTS):
            await speak(number)
        second.cut_off()
        for number in range(REQUESTS, 2 * REQUESTS):
            await speak(number)
        second.connect()
        await until(both, "the one that was cut off is back")
        for number in range(2 * REQUESTS, 3 * REQUESTS):
            await speak(number)
    await loa.settled()
    names = {f"request-{number}" for number in range(3 * REQUESTS)}
    async with loa.reader("completed", "failed") as reader:
        outcomes = await reader.answered(*names)
    assert outcomes.keys() == names
    assert all(len({(e.short, e.ce_id, e["sha256"]) for e in events}) == 1 for events in outcomes.values())
    assert {e["worker"] for events in outcomes.values() for e in events} == {first.name, second.name}
    assert (await audited(loa)).findings == {}
