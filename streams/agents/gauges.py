"""What a worker holds, asked for whenever its metrics are read."""

from collections.abc import Sequence
from functools import partial

from models.fleet import Fleet
from models.schedule import Lane
from streams.agents.intake import Intake
from streams.agents.service import Service
from streams.metrics import declared
from streams.metrics.worker import WorkerMetrics
from streams.topics import Topic


def show(metrics: WorkerMetrics, work: Sequence[Topic], intake: Intake, service: Service, engines: Fleet) -> None:
    """Let the metrics look at these parts. `work`: the topics that the worker reads with its group."""
    metrics.serves(engines.models)
    metrics.show(declared.PROCESSES, lambda: len(engines.pids))
    metrics.show(declared.PROCESSES_WANTED, lambda: engines.processes)
    metrics.show(declared.PIECES, lambda: engines.in_hand)
    metrics.show(declared.WINDOW_AGE, service.window.head_age)
    metrics.show(declared.WINDOW_RECORDS, lambda: len(service.window))
    metrics.show(declared.IN_HAND_BYTES, lambda: intake.in_hand_bytes)
    for lane in Lane:
        budget, label = intake.budgets[lane], lane.name.lower()
        metrics.show(declared.IN_HAND_REQUESTS, partial(lambda held: held.requests, budget), lane=label)
        metrics.show(declared.IN_HAND_SECONDS, partial(lambda held: held.seconds, budget), lane=label)
    for name, short in ((topic.name, topic.short) for topic in work):
        metrics.show(declared.READ_AHEAD_BYTES, partial(service.read_ahead.bytes, name), topic=short)
        metrics.show(declared.LAG, partial(service.lag, name), topic=short)
        metrics.show(declared.PARTITIONS, partial(service.partitions, name), topic=short)
        metrics.count(declared.UNREAD, 0, topic=short)
