"""The Helm chart with pools of workers: each has its own, and is scaled by its own queue."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from streams.routes import group_of, in_pool
from streams.settings import load
from streams.topics import Topics
from tests.deploy.charts import MINIMAL, POOLS, Objects, environment, one, pods


def test_every_pool_has_workers_of_its_own(rendered: Callable[..., Objects]) -> None:
    objects = rendered(POOLS)
    made = pods(objects)
    found = {part: load(environment(pod)) for part, pod in made.items()}
    assert {part: (each.pool, each.models) for part, each in found.items() if part.startswith("worker")} == {
        "worker": ("", ("hibari",)),
        "worker-gpu": ("gpu", ("dia", "vits")),
        "worker-old-voices": ("old-voices", ("espeak", "tone")),
    }
    assert {str(each.routes) for each in found.values()} == {
        str({"dia": "gpu", "vits": "gpu", "espeak": "old-voices"})
    }, "all parts know where a model is spoken"
    assert {part for part, each in found.items() if each.log_level == "DEBUG"} == {p for p in made if "worker" in p}
    images = {part: pod["containers"][0]["image"].partition(":")[0] for part, pod in made.items()}
    assert (images["worker"], images["worker-gpu"]) == ("loa-worker", "loa-worker-gpu")
    assert "nvidia.com/gpu" in made["worker-gpu"]["containers"][0]["resources"]["limits"]
    assert "nvidia.com/gpu" not in made["worker"]["containers"][0]["resources"]["limits"]
    for kind in ("StatefulSet", "Service", "PodDisruptionBudget", "NetworkPolicy", "PodMonitor", "ScaledObject"):
        of_gpu = one(objects, kind, "loa-worker-gpu")["metadata"]["labels"]
        assert of_gpu["app.kubernetes.io/component"] == "worker-gpu"


def test_every_pool_is_scaled_by_its_own_queue(rendered: Callable[..., Objects]) -> None:
    objects = rendered(POOLS)
    for part, pod in pods(objects).items():
        if not part.startswith("worker"):
            continue
        settings, scaled = load(environment(pod)), one(objects, "ScaledObject", f"loa-{part}")["spec"]
        assert scaled["scaleTargetRef"]["name"] == f"loa-{part}"
        first, second, queue, prometheus = (trigger["metadata"] for trigger in scaled["triggers"])
        assert first["consumerGroup"] == second["consumerGroup"] == group_of(settings, settings.pool)
        names = [Topics(settings)[in_pool(lane, settings.pool)].name for lane in ("requests", "requests.bulk")]
        assert [first["topic"], second["topic"]] == names
        assert parse_qs(urlsplit(queue["url"]).query, keep_blank_values=True)["pool"] == [settings.pool]
        assert f'{{pool="{settings.pool}"}}' in prometheus["query"]
    bounds = {part: one(objects, "ScaledObject", f"loa-{part}")["spec"] for part in ("worker", "worker-gpu")}
    assert {part: (spec["minReplicaCount"], spec["maxReplicaCount"]) for part, spec in bounds.items()} == {
        "worker": (1, 8),
        "worker-gpu": (0, 4),
    }


def test_a_name_that_pods_cannot_have_is_refused(render: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    made = render(MINIMAL | {"pools": {"a-pool-of-many-words": {"models": ["dia"]}}}, "loa-" + "x" * 30)
    assert made.returncode != 0
    assert "the name is too long" in made.stderr
