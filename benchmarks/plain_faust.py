"""A plain Faust agent over the same voice, as Faust's README teaches it: what Loa is measured against.

A JSON record, `@app.agent(topic)`, `async for`, `await topic.send(...)`, and Faust's defaults for everything. The voice
is called in an executor, since the documentation says that blocking calls must not hold up the event loop; hibari is
used as its own README does, with its default of one thread. Started with `faust -A plain_faust worker -l warn`.
"""

import asyncio
import os
from pathlib import Path

import faust
import soundfile
from hibari import Hibari

NAME = os.environ["PLAIN_NAME"]
FOLDER = Path(os.environ["PLAIN_FOLDER"])


class Request(faust.Record, serializer="json"):
    request_id: str
    text: str


class Completed(faust.Record, serializer="json"):
    request_id: str
    file_path: str
    duration_seconds: float


app = faust.App(NAME, broker=f"kafka://{os.environ['PLAIN_BROKERS']}")
requests = app.topic(f"{NAME}.requests", value_type=Request)
completed = app.topic(f"{NAME}.completed", value_type=Completed)
voice = Hibari()
FOLDER.mkdir(parents=True, exist_ok=True)


def speak(request: Request) -> Completed:
    path = FOLDER / f"{request.request_id}.wav"
    samples = voice(request.text)
    soundfile.write(path, samples, voice.sample_rate)
    return Completed(request.request_id, str(path), len(samples) / voice.sample_rate)


@app.agent(requests)
async def synthesize(stream: faust.Stream[Request]) -> None:
    loop = asyncio.get_running_loop()
    async for request in stream:
        result = await loop.run_in_executor(None, speak, request)
        await completed.send(key=request.request_id, value=result)
