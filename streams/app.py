"""The composition root: settings → store → engines → agents. Nothing else builds a worker's parts."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from models.fleet import Fleet
from storage.cleanup import CleanUp
from storage.files import AudioFiles
from streams.agents.cleanup import Cleanup
from streams.agents.express import Express
from streams.agents.gauges import show
from streams.agents.intake import Intake
from streams.agents.making import Maker
from streams.agents.reusing import Reusing
from streams.agents.service import Service
from streams.agents.synthesis import Synthesis
from streams.kafka import EventWriter
from streams.metrics.worker import WorkerMetrics
from streams.parts import open_engines, open_files, open_registry
from streams.quotas import Quotas
from streams.readers.cancellations import Cancellations
from streams.readers.sources import Sources
from streams.routes import REQUEST_TOPICS, in_pool
from streams.setting_types import DEFAULT_POOL
from streams.settings import Settings
from streams.topics import Topics
from streams.worker_id import worker_id

Connect = Callable[[EventWriter, Topics], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Parts:
    """What a worker consists of; `service` and what is read from the log are not started yet."""

    name: str
    topics: Topics
    files: AudioFiles
    engines: Fleet
    writer: EventWriter
    cancellations: Cancellations
    quotas: Quotas
    sources: Sources
    intake: Intake
    service: Service
    express: Express
    metrics: WorkerMetrics


async def assemble(settings: Settings, stack: AsyncExitStack, connect: Connect) -> Parts:
    """Build and connect everything; `stack` closes it in the opposite order.

    Engines load while `connect` waits for a broker. Raises SettingsError, StoreError, ModelError, TopicsError.
    """
    name = stack.enter_context(worker_id(settings))
    topics, registry = Topics(settings), open_registry(settings)
    files = await asyncio.to_thread(open_files, settings)
    stack.callback(files.store.close)
    metrics = WorkerMetrics(settings.metrics_tenants)
    engines = open_engines(settings, observer=metrics)
    stack.push_async_callback(engines.close)
    writer = EventWriter(settings, topics)
    stack.push_async_callback(writer.stop)
    await _together(engines.start(), connect(writer, topics), asyncio.to_thread(registry.warm_up))
    quotas = Quotas(settings)
    sources = Sources(settings)
    maker, reusing = Maker(settings, engines, files, name), Reusing(settings, sources)
    synthesis = Synthesis(settings, maker, writer, name, metrics, quotas=quotas, reusing=reusing)
    cancellations = Cancellations()
    intake = Intake(settings, registry, synthesis, cancellations)
    clean_up = CleanUp(files, settings.tombstone_days, settings.orphan_grace_minutes * 60)
    service = Service(settings, name, metrics)
    stack.push_async_callback(service.close)
    work = [topics[in_pool(part, settings.pool)] for part in REQUEST_TOPICS]
    for topic, run in zip(work, (intake.run, intake.run_bulk, intake.run_retries), strict=True):
        service.follow(topic.name, run, urgent=run == intake.run_retries)
    if settings.pool == DEFAULT_POOL:
        work.append(topics["cleanup"])
        service.follow(work[-1].name, Cleanup(files, clean_up, writer, metrics, service.behind).run)
    express = Express(settings, writer, service.behind, metrics)
    show(metrics, work, intake, service, engines)
    return Parts(
        name, topics, files, engines, writer, cancellations, quotas, sources, intake, service, express, metrics
    )


async def _together(*work: Coroutine[Any, Any, Any]) -> None:
    """Do all at once; the first failure ends the others, and is raised once they have ended."""
    try:
        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(each)
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
