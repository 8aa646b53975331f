"""Faust, as its README teaches it: a JSON record, `@app.agent`, and Faust's defaults for everything else.

The voice is called in an executor, since the documentation says that blocking calls must not hold up the event loop.
One worker a core: `faust -A faust_app worker -l warn`.
"""

import asyncio
import os

import faust
from voice import NAME, filed


class Request(faust.Record, serializer="json"):
    request_id: str
    text: str


class Completed(faust.Record, serializer="json"):
    request_id: str
    file_path: str


app = faust.App(NAME, broker=f"kafka://{os.environ['PEER_BROKERS']}")
requests = app.topic(f"{NAME}.requests", value_type=Request)
completed = app.topic(f"{NAME}.completed", value_type=Completed)


@app.agent(requests)
async def synthesize(stream: faust.Stream[Request]) -> None:
    loop = asyncio.get_running_loop()
    async for request in stream:
        path = await loop.run_in_executor(None, filed, request.request_id, request.text)
        await completed.send(key=request.request_id, value=Completed(request.request_id, path))
