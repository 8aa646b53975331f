"""Which requests were cancelled: every worker reads all of `tts.commands`, from its start, without a group."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime

from pydantic import ValidationError

from storage.records import file_id
from streams.events import CancelRequested
from streams.readers.replay import when
from streams.readers.tail import follow
from streams.settings import Settings

MOST_REMEMBERED = 100_000


class Cancellations:
    """What was cancelled, and when. `told` is called with each file id and time that comes in."""

    def __init__(self) -> None:
        self.told: Callable[[str, datetime], None] = lambda _file_id, _time: None
        self.read = asyncio.Event()
        self._times: OrderedDict[str, datetime] = OrderedDict()

    def has(self, name: str, since: datetime) -> bool:
        """Whether the request of this file id was cancelled after the broker took it."""
        time = self._times.get(name)
        return time is not None and since <= time

    def add(self, value: bytes | None, time: datetime) -> None:
        """A command as it came; what is none is ignored."""
        try:
            command = CancelRequested.model_validate_json(value or b"")
        except ValidationError:
            return
        name = file_id(command.tenant, command.request_id)
        self._times[name] = time
        self._times.move_to_end(name)
        if len(self._times) > MOST_REMEMBERED:
            self._times.popitem(last=False)
        self.told(name, time)

    async def follow(self, settings: Settings, topic: str) -> None:
        """Read commands for as long as the worker lives; `read` is set when those of before its start are known."""
        await follow(settings, [topic], lambda record: self.add(record.value, when(record)), self.read)
