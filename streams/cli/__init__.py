"""The command `loa`: parse, call, print."""

import sys
from typing import Annotated

import typer
from aiokafka.errors import KafkaConnectionError, KafkaError

from models.engine import ModelError
from storage.errors import StoreError
from streams.broker import BrokerError
from streams.cli import (
    audit,
    bench,
    dlq,
    index,
    keys,
    log,
    machine,
    queue,
    say,
    schema,
    show,
    storage,
    text,
    top,
    voices,
    webhooks,
)
from streams.readers.bookmark import BookmarkError
from streams.readers.replay import ReplayError
from streams.settings import SettingsError
from streams.topics import TopicsError
from streams.version import version


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(version())
        raise typer.Exit


app = typer.Typer(
    name="loa",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(machine.up)
app.command()(machine.worker)
app.command()(machine.gateway)
app.command()(machine.reconcile)
app.command()(say.say)
app.command()(log.watch)
app.command()(top.top)
app.command("replay")(audit.replay_topics)
app.command("trace")(audit.trace_request)
app.command("audit")(audit.audit_log)
app.command()(queue.queue)
app.command()(text.text)
app.command()(bench.bench)
app.command()(show.config)
app.command()(show.doctor)
app.command()(schema.schema)
app.add_typer(log.topics, name="topics")
app.add_typer(dlq.dlq, name="dlq")
app.add_typer(voices.voices, name="voices")
app.add_typer(webhooks.webhooks, name="webhooks")
app.add_typer(keys.keys, name="keys")
app.add_typer(index.index, name="index")
app.add_typer(storage.storage, name="storage")


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="print the version and end", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Text to speech as an event-driven stream processor. Settings are TTS_* variables: see `loa config`."""


def main() -> None:
    """Run a command; what the user can put right is said in a sentence, without a traceback."""
    try:
        app()
    except SettingsError as error:
        _leave(2, "wrong settings", error)
    except (TopicsError, ModelError, StoreError, BrokerError, ReplayError, BookmarkError) as error:
        _leave(1, type(error).__name__, error)
    except KafkaConnectionError as error:
        _leave(1, "no broker answers", f"{error}; look at TTS_KAFKA_BROKERS, or start one with `loa up`")
    except KafkaError as error:
        _leave(1, "Kafka", error)
    except KeyboardInterrupt:
        sys.exit(130)


def _leave(status: int, what: str, error: object) -> None:
    sys.stderr.write(f"loa: {what}: {error}\n")
    sys.exit(status)
