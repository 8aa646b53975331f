"""The Helm chart: what it makes of values is what Kubernetes and Loa understand."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs

import orjson
import pytest
import typer
import yaml

from streams.cli import app
from streams.settings import PREFIX, Settings
from tests.deploy.charts import CHART, KUBERNETES, MINIMAL, POOLS, S3, Objects, Values, environment, one, pods
from tests.deploy.conftest import ROOT

FOREIGN = {"ScaledObject", "PodMonitor"}
SETS: dict[str, Values] = {
    "minimal": MINIMAL,
    "one_node_without_a_gateway": {
        "settings": {"TTS_KAFKA_BROKERS": "kafka:9092"},
        "persistence": {"enabled": True},
        "gateway": {"enabled": False},
    },
    "gpu": MINIMAL
    | {
        "worker": {
            "image": {"repository": "loa-worker-gpu"},
            "gpu": {"enabled": True, "count": 2, "runtimeClassName": "nvidia"},
            "settings": {"TTS_MODELS": "dia", "TTS_TORCH_DEVICE": "cuda:0,cuda:1"},
            "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
        }
    },
    "keda": MINIMAL
    | {
        "settings": S3 | {"TTS_TOPIC_PREFIX": "speech", "TTS_KAFKA_GROUP": "speakers"},
        "keda": {"enabled": True, "prometheus": {"serverAddress": "http://prometheus:9090"}},
    },
    "pools": POOLS,
    "s3_and_postgres": MINIMAL
    | {
        "settings": S3,
        "gateway": {"apiKeysSecret": "loa-keys", "replicas": 3},
        "secrets": {"existingSecret": "loa-credentials"},
    },
    "secrets": MINIMAL
    | {
        "secrets": {"values": {"TTS_LINK_SECRET": "0123456789abcdef: #", "TTS_WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqr"}},
        "webhooks": {"enabled": True},
    },
    "everything": {
        "settings": S3 | {"TTS_TOPIC_PARTITIONS": "64"},
        "secrets": {"existingSecret": "loa-credentials"},
        "imagePullSecrets": [{"name": "registry"}],
        "persistence": {"enabled": True, "existingClaim": "voices", "storageClass": "fast"},
        "serviceAccount": {"name": "speaker", "annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/loa"}},
        "worker": {
            "gpu": {"enabled": True},
            "drainSeconds": 120,
            "podAnnotations": {"note": "speaks"},
            "nodeSelector": {"kind": "gpu"},
            "affinity": {"nodeAffinity": {}},
            "topologySpreadConstraints": [
                {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {}}
            ],
        },
        "gateway": {
            "apiKeysSecret": "loa-keys",
            "replicas": 2,
            "service": {"type": "LoadBalancer", "port": 8080, "annotations": {"zone": "a"}},
            "ingress": {"enabled": True, "className": "nginx", "host": "tts.example.com", "tlsSecret": "tls"},
        },
        "webhooks": {"enabled": True, "replicas": 2, "endpointsSecret": "loa-endpoints"},
        "keda": {
            "enabled": True,
            "maxReplicas": 64,
            "authenticationRef": "kafka",
            "kafkaMetadata": {"tls": "enable"},
            "queue": {"enabled": True, "authenticationRef": "loa-admin"},
        },
        "podMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "networkPolicy": {
            "gatewayFrom": [{"namespaceSelector": {}}],
            "metricsFrom": [{"podSelector": {}}],
            "egress": [{"ports": [{"port": 9092}, {"port": 443}]}],
        },
    },
}


@pytest.mark.parametrize("name", SETS)
def test_kubernetes_takes_what_is_made(rendered: Callable[..., Objects], name: str) -> None:
    import kubernetes_validate  # a second, which whoever only collects these tests need not wait

    objects = rendered(SETS[name])
    assert len({(each["kind"], each["metadata"]["name"]) for each in objects}) == len(objects)
    for each in objects:
        if each["kind"] not in FOREIGN:
            kubernetes_validate.validate(each, KUBERNETES, strict=True)


@pytest.mark.parametrize("name", SETS)
def test_loa_takes_what_is_made(rendered: Callable[..., Objects], name: str) -> None:
    """Commands and their options are there; variables of Loa are settings; and each is named once."""
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for pod in pods(rendered(SETS[name])).values():
        command, *options = pod["containers"][0]["args"]
        known = {option for parameter in commands[command].params for option in parameter.opts}
        assert {option for option in options if option.startswith("--")} <= known
        names = [each["name"] for each in pod["containers"][0]["env"]]
        assert len(set(names)) == len(names)
        assert {name for name in names if name.startswith(PREFIX)} <= {
            PREFIX + f.upper() for f in Settings.model_fields
        }


@pytest.mark.parametrize("name", SETS)
def test_pods_have_no_more_rights_than_they_need(rendered: Callable[..., Objects], name: str) -> None:
    for pod in pods(rendered(SETS[name])).values():
        container = pod["containers"][0]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        mounted = {each["name"] for each in container["volumeMounts"]}
        assert mounted == {each["name"] for each in pod["volumes"]}
        assert "memory" in container["resources"]["limits"]


def test_a_worker_has_its_name_and_the_time_to_finish(rendered: Callable[..., Objects]) -> None:
    worker = pods(rendered(SETS["everything"]))["worker"]
    names = {each["name"]: each for each in worker["containers"][0]["env"]}
    assert names["TTS_WORKER_ID"]["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"
    assert worker["terminationGracePeriodSeconds"] > float(names["TTS_DRAIN_SECONDS"]["value"]) == 120
    assert worker["containers"][0]["ports"][0]["containerPort"] == int(names["TTS_HEALTH_PORT"]["value"])
    assert worker["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 1


def test_workers_are_as_many_as_said_unless_they_are_counted_by_lag(rendered: Callable[..., Objects]) -> None:
    assert one(rendered(MINIMAL), "StatefulSet", "loa-worker")["spec"]["replicas"] == 2
    objects = rendered(SETS["keda"])
    worker, scaled = one(objects, "StatefulSet", "loa-worker"), one(objects, "ScaledObject", "loa-worker")
    assert "replicas" not in worker["spec"]
    assert scaled["spec"]["scaleTargetRef"]["name"] == worker["metadata"]["name"]
    first, second, third = (trigger["metadata"] for trigger in scaled["spec"]["triggers"])
    assert (first["topic"], second["topic"]) == ("speech.requests", "speech.requests.bulk")
    assert first["consumerGroup"] == "speakers"
    assert "loa_queued_speech_seconds" in third["query"]
    assert all(isinstance(value, str) for value in (first | second | third).values())


def test_pods_that_share_a_disk_are_on_one_node(rendered: Callable[..., Objects]) -> None:
    for name in ("one_node_without_a_gateway", "everything"):
        for pod in pods(rendered(SETS[name])).values():
            (term,) = pod["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
            assert term["topologyKey"] == "kubernetes.io/hostname"
            assert "persistentVolumeClaim" in pod["volumes"][0]
    for pod in pods(rendered(MINIMAL)).values():
        assert "affinity" not in pod
        assert pod["volumes"][0] == {"name": "data", "emptyDir": {}}


def test_workers_can_be_as_many_as_the_gateway_recommends(rendered: Callable[..., Objects]) -> None:
    objects = rendered(SETS["everything"])
    asked = next(
        trigger["metadata"]
        for trigger in one(objects, "ScaledObject", "loa-worker")["spec"]["triggers"]
        if trigger["type"] == "metrics-api"
    )
    port = one(objects, "Service", "loa-gateway")["spec"]["ports"][0]["port"]
    path, _, query = asked["url"].removeprefix(f"http://loa-gateway.default.svc:{port}").partition("?")
    call = orjson.loads((ROOT / "docs/openapi.json").read_bytes())["paths"][path]["get"]
    assert parse_qs(query, keep_blank_values=True).keys() <= {each["name"] for each in call["parameters"]}


def test_every_part_is_watched_under_the_name_that_alerts_know(rendered: Callable[..., Objects]) -> None:
    objects = rendered(SETS["everything"])
    known = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yaml").read_text())["scrape_configs"]
    watched = set()
    for each in (each for each in objects if each["kind"] == "PodMonitor"):
        (endpoint,) = each["spec"]["podMetricsEndpoints"]
        pod = pods(objects)[each["metadata"]["labels"]["app.kubernetes.io/component"]]
        assert endpoint["port"] in {port["name"] for port in pod["containers"][0]["ports"]}
        watched.add(endpoint["relabelings"][0]["replacement"])
    assert watched == {job["job_name"] for job in known}


def test_every_pod_is_asked_for_its_health(rendered: Callable[..., Objects]) -> None:
    for part, pod in pods(rendered(SETS["everything"])).items():
        (container,) = pod["containers"]
        (port,) = container["ports"]
        told = container["args"][-1] if part == "gateway" else environment(pod)["TTS_HEALTH_PORT"]
        assert port["containerPort"] == int(told)
        assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": port["name"]}


def test_settings_of_a_part_supersede_those_of_all(rendered: Callable[..., Objects]) -> None:
    values = MINIMAL | {"worker": {"settings": {"TTS_LOG_LEVEL": "DEBUG"}}}
    values = values | {"settings": values["settings"] | {"TTS_LOG_LEVEL": "WARNING", "TTS_MAX_BODY_BYTES": "2000000"}}
    made = pods(rendered(values))
    assert environment(made["worker"])["TTS_LOG_LEVEL"] == "DEBUG"
    assert environment(made["gateway"])["TTS_LOG_LEVEL"] == "WARNING"
    assert environment(made["gateway"])["TTS_MAX_BODY_BYTES"] == "2000000"


def test_secrets_are_in_a_secret_alone(rendered: Callable[..., Objects]) -> None:
    objects = rendered(SETS["secrets"])
    told = [each for each in objects if "0123456789abcdef" in yaml.safe_dump(each)]
    assert [(each["kind"], each["metadata"]["name"]) for each in told] == [("Secret", "loa-secrets")]
    assert told[0]["stringData"]["TTS_LINK_SECRET"] == SETS["secrets"]["secrets"]["values"]["TTS_LINK_SECRET"]
    for release, values, name in (
        ("loa", SETS["secrets"], "loa-secrets"),
        ("a", SETS["everything"], "loa-credentials"),
    ):
        for pod in pods(rendered(values, release)).values():
            assert pod["containers"][0]["envFrom"] == [{"secretRef": {"name": name}}]


REFUSED = {
    "no_broker": ({"gateway": {"enabled": False}}, "settings.TTS_KAFKA_BROKERS is needed"),
    "no_keys": ({"settings": MINIMAL["settings"]}, "gateway.apiKeysSecret is needed"),
    "no_place": (MINIMAL | {"settings": {"TTS_KAFKA_BROKERS": "kafka:9092"}}, "audio has no place"),
    "nothing_that_signs": (MINIMAL | {"webhooks": {"enabled": True}}, "webhooks need TTS_WEBHOOK_SECRET"),
    "two_indexes": (MINIMAL | {"gateway": {"apiKeysSecret": "k", "replicas": 2}}, "share an index in PostgreSQL"),
    "two_secrets": (MINIMAL | {"secrets": {"existingSecret": "a", "values": {"TTS_LINK_SECRET": "b"}}}, "exclude"),
    "too_many_workers": (MINIMAL | {"keda": {"enabled": True, "maxReplicas": 9}}, "above TTS_TOPIC_PARTITIONS"),
    "no_key_to_ask_with": (
        MINIMAL | {"keda": {"enabled": True, "queue": {"enabled": True}}},
        "authenticationRef is needed",
    ),
    "a_model_in_two_pools": (
        MINIMAL | {"pools": {"gpu": {"models": ["dia"]}, "big": {"models": ["dia"]}}},
        "another pool speaks dia",
    ),
    "two_sources_of_routes": (
        MINIMAL | {"settings": S3 | {"TTS_ROUTES": "dia=gpu"}, "pools": {"gpu": {"models": ["dia"]}}},
        "settings.TTS_ROUTES is made from the models of pools",
    ),
    "a_pool_of_nothing": (MINIMAL | {"pools": {"gpu": {"models": []}}}, "models"),
    "a_pool_that_topics_cannot_be_named_by": (MINIMAL | {"pools": {"bulk": {"models": ["dia"]}}}, "bulk"),
    "a_number": (MINIMAL | {"settings": MINIMAL["settings"] | {"TTS_MAX_BODY_BYTES": 2000000}}, "TTS_MAX_BODY_BYTES"),
    "a_misspelt_value": (MINIMAL | {"workers": {"replicas": 3}}, "workers"),
    "a_wrong_type": (MINIMAL | {"worker": {"replicas": "many"}}, "replicas"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_values_that_cannot_be_meant_are_refused(
    render: Callable[..., subprocess.CompletedProcess[str]], case: str
) -> None:
    values, sentence = REFUSED[case]
    made = render(values)
    assert made.returncode != 0
    assert sentence in made.stderr


def test_every_value_is_in_the_schema(helm: str, tmp_path: Path) -> None:
    keys = ["--set", "settings.TTS_KAFKA_BROKERS=kafka:9092,gateway.apiKeysSecret=loa-keys"]
    command = [helm, "lint", "--strict", CHART, "--kube-version", KUBERNETES, *keys]
    environ = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    linted = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_variables_that_the_chart_names_are_settings() -> None:
    known = {PREFIX + field.upper() for field in Settings.model_fields}
    for file in CHART.rglob("*.*"):
        assert set(re.findall(r"\bTTS_[A-Z0-9_]+", file.read_text())) <= known, file.name
