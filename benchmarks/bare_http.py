"""What the gateway is compared with, in one process and under the same server: `bare_http.py FOLDER`.

POST /api/tts/synthesize    the gateway's own middleware, parsing and judging of a request; answered at once
GET /files/NAME             Starlette's FileResponse, which knows ranges; without any middleware
GET /static/NAME            Starlette's StaticFiles, which answers with 304 too; without any middleware
"""

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fastapi import FastAPI, Request, Response
from starlette.applications import Starlette
from starlette.responses import FileResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from storage.records import iso
from streams import settings as settings_module
from streams.gateway.auth import Caller
from streams.gateway.middleware import EveryAnswer
from streams.gateway.server import listen, server_of
from streams.gateway.speech import Speaking, body_of
from streams.gateway.waits import Waits
from streams.lifeline import end_with_parent
from streams.metrics.declared import Part
from streams.metrics.registry import Metrics
from streams.topics import Topics

PREPARED = "prepared.wav"


def app(folder: Path) -> Starlette:
    async def file(request: Request) -> Response:
        return FileResponse(folder / request.path_params["name"])

    static = StaticFiles(directory=folder)
    return Starlette(routes=[Route("/files/{name}", file), Mount("/static", static), Mount("/", speech(folder))])


def speech(folder: Path) -> EveryAnswer:
    settings = settings_module.load({})
    waits = Waits(settings, Topics(settings))
    speaking = Speaking(settings, None, waits, None, None, quotas=None)  # it only judges what is asked
    audio = (folder / PREPARED).read_bytes() if (folder / PREPARED).exists() else b""
    made = FastAPI(docs_url=None, redoc_url=None)

    @made.post("/api/tts/synthesize", response_class=Response)
    async def synthesize(request: Request) -> Response:
        fields = await body_of(request, settings.max_body_bytes)
        asked = speaking.asked(fields, request.state.request_id, Caller(None), wrong_id=request.state.wrong_id)
        expires = iso(datetime.now(UTC) + timedelta(days=1))
        return Response(audio, headers={"X-File-ID": asked.file_id, "X-Expires-At": expires}, media_type="audio/wav")

    return EveryAnswer(made, Metrics(Part.GATEWAY))


def main(folder: str) -> None:
    listening = listen("127.0.0.1", 0)
    print(json.dumps({"ready": True, "http": f"http://127.0.0.1:{listening.getsockname()[1]}"}), flush=True)
    asyncio.run(server_of(app(Path(folder))).serve(sockets=[listening]))


if __name__ == "__main__":
    end_with_parent(grace_seconds=1)
    main(*sys.argv[1:])
