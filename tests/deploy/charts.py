"""Values for the Helm chart, and what is looked for in that which it makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

CHART = Path(__file__).parents[2] / "deploy/helm/loa"
KUBERNETES = "1.33"
Values = dict[str, Any]
Objects = list[dict[str, Any]]

S3 = {"TTS_KAFKA_BROKERS": "kafka:9092", "TTS_STORAGE_DIR": "s3://loa/audio"}
MINIMAL: Values = {"settings": S3, "gateway": {"apiKeysSecret": "loa-keys"}}
POOLS: Values = MINIMAL | {
    "settings": S3 | {"TTS_TOPIC_PREFIX": "speech", "TTS_KAFKA_GROUP": "speakers"},
    "worker": {"settings": {"TTS_MODELS": "hibari", "TTS_LOG_LEVEL": "DEBUG"}},
    "pools": {
        "gpu": {
            "models": ["dia", "vits"],
            "worker": {"replicas": 1, "gpu": {"enabled": True}, "image": {"repository": "loa-worker-gpu"}},
            "keda": {"minReplicas": 0, "maxReplicas": 4},
        },
        "old-voices": {"models": ["espeak"], "worker": {"settings": {"TTS_MODELS": "espeak,tone"}}},
    },
    "keda": {
        "enabled": True,
        "prometheus": {"serverAddress": "http://prometheus:9090"},
        "queue": {"enabled": True, "authenticationRef": "loa-admin"},
    },
    "podMonitor": {"enabled": True},
}


def one(objects: Objects, kind: str, name: str) -> dict[str, Any]:
    return next(each for each in objects if each["kind"] == kind and each["metadata"]["name"] == name)


def pods(objects: Objects) -> dict[str, dict[str, Any]]:
    """The specification of each kind of pod, by its part."""
    made = [each for each in objects if each["kind"] in {"Deployment", "StatefulSet"}]
    return {
        each["metadata"]["labels"]["app.kubernetes.io/component"]: each["spec"]["template"]["spec"] for each in made
    }


def environment(pod: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each.get("value", "") for each in pod["containers"][0]["env"]}
