"""docker-compose.kafka.yml and the Dockerfile say what the code says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from streams.broker import MAX_MESSAGE_BYTES
from streams.broker.artifacts import KAFKA_VERSION
from streams.broker.node import Node, properties
from streams.cli import app
from streams.settings import PREFIX, Settings, load
from streams.topics import MAX_MESSAGE_BYTES as TOPICS_MAX_MESSAGE_BYTES

ROOT = Path(__file__).parents[2]
EXTRAS = ("voices", "postgres", "s3", "otel")
"""What any part may be told to use by a setting alone."""


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.kafka.yml").read_text())


@pytest.fixture(scope="module")
def kafka(compose: dict[str, Any]) -> dict[str, str]:
    """The broker's properties: KAFKA_LOG_DIRS is log.dirs."""
    environment = compose["services"]["kafka"]["environment"]
    return {name.removeprefix("KAFKA_").replace("_", ".").lower(): str(value) for name, value in environment.items()}


def embedded() -> dict[str, str]:
    lines = properties(Node("id", 9092, 29093)).splitlines()
    return dict(line.split("=", 1) for line in lines)


def locked(lock: str) -> set[str]:
    """Packages of requirements/<lock>.txt."""
    return set(re.findall(r"^([a-z0-9-]+)==", (ROOT / f"requirements/{lock}.txt").read_text(), re.MULTILINE))


def loa_services(compose: dict[str, Any]) -> dict[str, Any]:
    return {
        name: service
        for name, service in compose["services"].items()
        if service.get("profiles") in (["loa"], ["webhooks"])
    }


def ports(listeners: str) -> dict[str, int]:
    return {name: int(port) for name, port in re.findall(r"(\w+)://[\w.]*:(\d+)", listeners)}


def test_every_tts_variable_is_a_setting() -> None:
    known = {PREFIX + field.upper() for field in Settings.model_fields}
    for file in ("docker-compose.kafka.yml", "Dockerfile"):
        named = set(re.findall(r"\bTTS_[A-Z0-9_]+", (ROOT / file).read_text()))
        assert named, file
        assert named <= known, file


def test_every_command_is_a_command_of_loa(compose: dict[str, Any]) -> None:
    known = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    for name, service in loa_services(compose).items():
        assert service["command"][0] in known, name
    for command in re.findall(r'^CMD \["(\w+)"', (ROOT / "Dockerfile").read_text(), re.MULTILINE):
        assert command in known


def test_clients_reach_the_brokers_listeners(compose: dict[str, Any], kafka: dict[str, str]) -> None:
    bound, advertised = ports(kafka["listeners"]), ports(kafka["advertised.listeners"])
    assert bound == advertised | {"CONTROLLER": bound["CONTROLLER"]}
    assert set(bound) == {pair.split(":")[0] for pair in kafka["listener.security.protocol.map"].split(",")}
    assert kafka["controller.quorum.voters"].endswith(f":{bound['CONTROLLER']}")
    assert compose["services"]["kafka"]["ports"] == [f"127.0.0.1:{bound['HOST']}:{bound['HOST']}"]
    inside = f"kafka:{bound['INTERNAL']}"
    assert inside in compose["services"]["kafka"]["healthcheck"]["test"]
    for name, service in loa_services(compose).items():
        assert service["environment"]["TTS_KAFKA_BROKERS"] == inside, name


def test_the_broker_is_the_embedded_one(compose: dict[str, Any], kafka: dict[str, str]) -> None:
    assert compose["services"]["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"
    assert kafka["auto.create.topics.enable"] == embedded()["auto.create.topics.enable"] == "false"
    assert int(kafka["message.max.bytes"]) == MAX_MESSAGE_BYTES == TOPICS_MAX_MESSAGE_BYTES
    own = embedded()
    shared = {name for name in kafka if name in own and name.split(".")[0] not in {"listeners", "advertised", "log"}}
    differing = {name for name in shared if kafka[name] != own[name]}
    assert differing <= {"listener.security.protocol.map", "inter.broker.listener.name"}


def test_ports_are_published_on_loopback_only(compose: dict[str, Any]) -> None:
    published = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_what_is_asked_for_health_is_what_answers(compose: dict[str, Any]) -> None:
    for name in ("worker", "gateway", "reconcile", "webhooks"):
        service = compose["services"][name]
        port = service["command"][-1] if name == "gateway" else service["environment"]["TTS_HEALTH_PORT"]
        assert f"127.0.0.1:{port}/healthz" in " ".join(service["healthcheck"]["test"]), name


def test_stages_are_made_before_they_are_used() -> None:
    made: set[str] = set()
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        if found := re.match(r"FROM (\S+) AS (\S+)", line):
            assert found[1] in made | {"${BASE}"}
            made.add(found[2])
        elif found := re.match(r"COPY --from=(\S+)", line):
            assert found[1] in made
    assert {"worker", "worker-gpu", "gateway"} <= made


def test_packages_of_an_image_are_compiled_when_it_is_built() -> None:
    """Who runs it may not write into it, and would compile them at every start."""
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    said = next(number for number, line in enumerate(lines) if re.match(r"ENV .*\bUV_COMPILE_BYTECODE=1\b", line))
    assert said < next(number for number, line in enumerate(lines) if "uv pip" in line)


def test_volumes_are_declared_and_used(compose: dict[str, Any]) -> None:
    used = {volume.split(":")[0] for service in compose["services"].values() for volume in service.get("volumes", [])}
    assert used == set(compose["volumes"])


def test_images_are_built_from_targets_that_exist(compose: dict[str, Any]) -> None:
    stages = set(re.findall(r"^FROM .* AS ([\w-]+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    for name, service in loa_services(compose).items():
        assert service.get("build", {}).get("target", "worker") in stages, name


def test_the_image_has_what_a_database_of_the_services_needs(compose: dict[str, Any]) -> None:
    assert "TTS_DATABASE_URL" in compose["services"]["gateway"]["environment"]
    assert {"psycopg", "psycopg-binary"} <= locked("image")


@pytest.mark.parametrize("lock", ["image", "gpu"])
def test_images_have_what_settings_of_the_services_ask_for(lock: str) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    wanted = {re.split(r"[\[>=<]", package)[0] for extra in EXTRAS for package in extras[extra]}
    assert wanted <= locked(lock)


def test_the_image_gets_every_file_it_copies() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for sources in re.findall(r"^COPY (?!--)(.*) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE):
        for source in sources.split():
            assert source.split("/")[0] in allowed
            assert (ROOT / source).exists()


def test_a_pool_as_the_documents_have_it_is_a_worker(compose: dict[str, Any]) -> None:
    page = (ROOT / "deploy/README.md").read_text()
    (block,) = (text for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "extends" in text)
    (pool,) = yaml.safe_load(block)["services"].values()
    extended = compose["services"][pool["extends"]["service"]]
    assert (ROOT / pool["extends"]["file"]).exists() and extended["command"] == ["worker"]
    routes = re.findall(r"^\$ export (TTS_ROUTES)=(\S+)$", page, re.MULTILINE)
    settings = load(pool["environment"] | dict(routes))
    assert settings.pools == ("", settings.pool)
    assert settings.models == tuple(settings.routes)
