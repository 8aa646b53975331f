"""`loa up`, `loa worker` and `loa reconcile`: the commands that run until they are stopped."""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Protocol

import typer

from streams.cli.common import configured, print_json
from streams.lifeline import end_with_parent
from streams.readers.reconcile import GRACE_SECONDS, INTERVAL_SECONDS
from streams.traces import recording

Host = Annotated[str, typer.Option(help="address to serve HTTP at; any but loopback needs API keys")]
Port = Annotated[int, typer.Option(help="port to serve HTTP at; 0: a free one", min=0, max=65535)]


class Process(Protocol):
    """What runs until it is told to stop."""

    def stop(self) -> None:
        """Finish in order."""
        ...

    async def run(self) -> int:
        """Run; returns the exit status."""
        ...


def up(
    data: Annotated[Path, typer.Option(help="where the embedded Kafka keeps its log")] = Path("storage"),
    kafka_port: Annotated[
        int | None, typer.Option(help="port of the embedded Kafka; default: a free one", min=1, max=65535)
    ] = None,
    host: Host = "127.0.0.1",
    port: Port = 8080,
) -> None:
    """Run all of Loa on this machine, in the foreground; prints a JSON line when it can speak.

    Starts an Apache Kafka of its own unless TTS_KAFKA_BROKERS is set. Ctrl-C stops it in order.
    """
    from streams.machine import Door, Machine

    settings = configured()
    raise typer.Exit(run_until_stopped(lambda: Machine(settings, data, kafka_port, Door(host, port), print_json)))


def worker(
    create_topics: Annotated[bool, typer.Option(help="make topics that are missing")] = False,
    end_with_stdin: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Run one worker: takes requests, speaks, cleans up; prints a JSON line when it can speak."""
    from streams.worker import Worker  # Faust takes a second to import, and other commands need none of it

    settings = configured()
    if end_with_stdin:
        end_with_parent(grace_seconds=settings.drain_seconds + 30)
    with recording(settings, "loa-worker"):
        raise typer.Exit(run_until_stopped(lambda: Worker(settings, print_json, create_topics=create_topics)))


def gateway(
    host: Host = "127.0.0.1",
    port: Port = 8080,
    end_with_stdin: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Serve HTTP: speak, fetch, delete; for clients without Kafka. Prints a JSON line with its address."""
    from streams.gateway.server import GRACE_SECONDS, Gateway

    settings = configured()
    if end_with_stdin:
        end_with_parent(grace_seconds=GRACE_SECONDS + 10)
    with recording(settings, "loa-gateway"):
        raise typer.Exit(run_until_stopped(lambda: Gateway(settings, host, port, print_json)))


def reconcile(
    grace: Annotated[float, typer.Option(help="seconds that an outcome may take", min=0)] = GRACE_SECONDS,
    interval: Annotated[float, typer.Option(help="seconds between two looks", min=0.1)] = INTERVAL_SECONDS,
) -> None:
    """Watch the log without Faust, and put back requests that the workers passed without an outcome.

    One for an installation is enough, and more do no harm; `loa up` has it inside.
    """
    from streams.reconciling import Reconciling

    settings = configured()
    raise typer.Exit(run_until_stopped(lambda: Reconciling(settings, grace, interval, print_json)))


def run_until_stopped(make: Callable[[], Process]) -> int:
    """Run a process until it ends or a signal stops it; returns its exit status."""
    import uvloop  # a tenth of a worker's own processor time less than asyncio's own loop; other commands need none

    async def run() -> int:
        process, loop = make(), asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, process.stop)
        return await process.run()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run())
