"""The page with a gateway behind it that does as a test says: for what is hard to cause with a real one."""

from __future__ import annotations

import asyncio
import io
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import orjson
import soundfile
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from storage.records import iso
from streams.gateway import page
from streams.gateway.middleware import EveryAnswer
from streams.metrics.declared import Part
from streams.metrics.registry import Metrics

NOW = datetime.now(UTC)
SECONDS = 30.0


def job(name: str, status: str = "completed", **more: Any) -> dict[str, Any]:
    """A job as the gateway tells it; its file id ends in its name's length and letters as hexadecimal."""
    file_id = name.encode().hex().rjust(32, "0")[-32:]
    began = iso(NOW - timedelta(minutes=3))
    audio = {
        "audio_url": f"/api/tts/audio/{file_id}", "format": "wav", "duration_seconds": SECONDS, "sample_rate": 24000,
        "file_size": 1440044, "expires_at": iso(NOW + timedelta(hours=23)), "deleted_at": None, "delete_reason": None,
    }  # fmt: skip
    made: dict[str, Any] = {
        "request_id": name, "file_id": file_id, "tenant": "default", "status": status, "priority": "interactive",
        "progress": 1.0 if status == "completed" else 0.0, "chunk": 0, "chunks": 4, "attempts": 1,
        "created_at": began, "started_at": began, "finished_at": None, "cancel_requested_at": None,
        "model": "hibari", "voice": "heart", "language": "en", "format": "wav", "characters": 62, "metadata": None,
        "estimated_seconds": 4.0, "pool": "", "worker": "host-0", "source": "tts.requests-0-7", "queue": None,
        "result": audio if status == "completed" else None, "error": None,
    }  # fmt: skip
    return made | more


def failed(name: str, message: str = "voice 'nope' is unknown") -> dict[str, Any]:
    """A job that failed."""
    return job(name, "failed", error={"code": "unknown_voice", "message": message, "retryable": False})


def letter(name: str, message: str = "voice 'nope' is unknown", text: str = "Hello.") -> dict[str, Any]:
    """A dead letter."""
    return {
        "request_id": name, "file_id": job(name)["file_id"], "tenant": "default", "code": "unknown_voice",
        "message": message, "attempt": 1, "spoken": False, "time": iso(NOW - timedelta(hours=2)),
        "place": f"tts.requests-0-{name}", "dlq_place": f"tts.requests.dlq-0-{name}",
        "preview": orjson.dumps({"text": text, "voice": "nope"}).decode(),
    }  # fmt: skip


def sound() -> bytes:
    """A wav file that swells and fades."""
    at = np.linspace(0, SECONDS, int(24000 * SECONDS), endpoint=False)
    samples = 0.5 * np.sin(2 * np.pi * 220 * at) * np.abs(np.sin(2 * np.pi * at / SECONDS * 2.5))
    file = io.BytesIO()
    soundfile.write(file, samples, 24000, format="WAV")
    return file.getvalue()


class FakeGateway:
    """`key`: what calls need; `admin`: whether it has that scope. `asked`: the calls so far, with their headers."""

    def __init__(self) -> None:
        self.jobs: list[dict[str, Any]] = []
        self.letters: list[dict[str, Any]] = []
        self.key: str | None = None
        self.admin = True
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.bodies: list[dict[str, Any]] = []
        self.address = ""
        self._listeners: list[asyncio.Queue[bytes | None]] = []
        self._told = 0

    def calls(self, call: str) -> list[dict[str, str]]:
        """The headers of each call, such as `GET /api/tts/events`, so far."""
        return [headers for asked, headers in self.asked if asked == call]

    @property
    def listeners(self) -> int:
        """How many streams of events are open."""
        return len(self._listeners)

    def tell(self, kind: str, event: dict[str, Any]) -> None:
        """An event, to all who listen."""
        self._told += 1
        for queue in self._listeners:
            queue.put_nowait(b"id: %d\nevent: %s\ndata: %s\n\n" % (self._told, kind.encode(), orjson.dumps(event)))

    def hang_up(self) -> None:
        """End all streams of events."""
        for queue in self._listeners:
            queue.put_nowait(None)

    def app(self) -> FastAPI:
        """The page, and the calls that it makes."""
        app = FastAPI(openapi_url=None)
        app.include_router(page.router)
        app.middleware("http")(self._door)
        for method, path, answer in (
            ("GET", "/api/tts/jobs", self._jobs),
            ("GET", "/api/tts/jobs/{name}", self._job),
            ("DELETE", "/api/tts/jobs/{name}", self._cancel),
            ("GET", "/api/tts/storage/stats", self._stats),
            ("GET", "/api/tts/events", self._events),
            ("GET", "/api/tts/workers", self._workers),
            ("GET", "/api/tts/dlq", self._dlq),
            ("POST", "/api/tts/dlq/redrive", self._redrive),
            ("POST", "/api/tts/storage/cleanup", self._cleanup),
            ("POST", "/api/tts/synthesize", self._synthesize),
            ("GET", "/api/tts/audio/{file_id}", self._audio),
            ("DELETE", "/api/tts/audio/{file_id}", self._delete),
            ("GET", "/v1/audio/voices", self._voices),
        ):
            app.add_api_route(path, answer, methods=[method], response_model=None)
        return app

    async def _door(self, request: Request, call_next: Any) -> Response:
        path = request.url.path
        if not path.startswith(("/api/", "/v1/")):
            answer: Response = await call_next(request)
            return answer
        self.asked.append((f"{request.method} {path}", dict(request.headers)))
        if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
            return _error(401, "unauthorized", "an API key is needed")
        if not self.admin and path.startswith(("/api/tts/dlq", "/api/tts/workers", "/api/tts/storage/cleanup")):
            return _error(403, "forbidden", "this call needs admin")
        answered: Response = await call_next(request)
        return answered

    async def _jobs(self, status: str = "", limit: int = 50, cursor: int = 0) -> Response:
        found = [job for job in self.jobs if status in {"", job["status"]}]
        later = cursor + limit
        return _told(jobs=found[cursor:later], next_cursor=str(later) if later < len(found) else None)

    async def _job(self, name: str) -> Response:
        found = next(job for job in self.jobs if job["request_id"] == name)
        queue = {"position": 2, "seconds_ahead": 75.0, "wait_seconds": 9.0} if found["status"] == "queued" else None
        return _told(job=found | {"queue": queue})

    async def _cancel(self, name: str) -> Response:
        found = next(job for job in self.jobs if job["request_id"] == name)
        found |= {"status": "cancelled", "error": {"code": "cancelled", "message": "cancelled", "retryable": False}}
        return _told(job=found)

    async def _stats(self) -> Response:
        statuses = ("queued", "in_progress", "completed", "failed", "cancelled")
        counts = {status: sum(job["status"] == status for job in self.jobs) for status in statuses}
        return _told(
            stats={
                "total_files": 41,
                "total_size_mb": 58.4,
                "expired_files": 3,
                "active_files": 38,
                "deleted_files": 12,
                "storage_dir": "storage/audio",
                "jobs": counts,
                "queued_seconds": {"interactive": 42.0, "bulk": 5400.0},
                "audio_seconds": 8125.5,
                "characters": 120_431,
                "speed": 11.2,
            }
        )

    async def _events(self) -> Response:
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._listeners.append(queue)

        async def stream() -> AsyncIterator[bytes]:
            try:
                yield b": hello\n\n"
                while (said := await queue.get()) is not None:
                    yield said
            finally:
                self._listeners.remove(queue)

        return StreamingResponse(stream(), media_type="text/event-stream")

    async def _workers(self) -> Response:
        workers = [
            {"worker": f"host-{n}", "host": "10.1.0.4", "partitions": {"tts.requests": [n, n + 2]}} for n in range(2)
        ]
        return _told(workers=workers, lag={"requests": 4, "requests.bulk": 112, "requests.retry": 0, "cleanup": 0})

    async def _dlq(self) -> Response:
        return _told(letters=self.letters, total=len(self.letters))

    async def _redrive(self, request: Request) -> Response:
        places = (await request.json())["requests"]
        self.letters = [letter for letter in self.letters if letter["dlq_place"] not in places]
        return _told(redriven=[{"request_id": place, "tenant": "default", "attempt": 2} for place in places])

    async def _cleanup(self) -> Response:
        return _told(cleanup={"deleted_count": 3, "deleted_size_mb": 1.2, "cleanup_time": iso(NOW)})

    async def _synthesize(self, request: Request) -> Response:
        self.bodies.append(await request.json())
        made = job(f"sent-{len(self.bodies)}", "queued", created_at=iso(datetime.now(UTC)))
        self.jobs.insert(0, made)
        said = {name: made[name] for name in ("request_id", "file_id", "status")}
        return JSONResponse({"success": True, "job": said}, 202)

    async def _audio(self) -> Response:
        return Response(sound(), media_type="audio/wav")

    async def _delete(self, file_id: str) -> Response:
        result = next(job for job in self.jobs if job["file_id"] == file_id)["result"]
        result |= {"deleted_at": iso(NOW), "delete_reason": "requested"}
        return _told(file_id=file_id)

    async def _voices(self) -> Response:
        voices = [("hibari", "heart", ["en-US"]), ("espeak", "vi", ["vi"]), ("espeak", "de", ["de"])]
        data = [{"id": f"{m}/{v}", "name": v, "model": m, "languages": spoken} for m, v, spoken in voices]
        return JSONResponse({"object": "list", "data": data})


def _told(**fields: Any) -> Response:
    return JSONResponse({"success": True, **fields})


def _error(status: int, code: str, message: str) -> Response:
    return JSONResponse({"success": False, "error": {"code": code, "message": message, "request_id": "r"}}, status)


@asynccontextmanager
async def serving(fake: FakeGateway) -> AsyncIterator[FakeGateway]:
    """The gateway at its `address`, on a free port of this machine."""
    listening = socket.create_server(("127.0.0.1", 0))
    app = EveryAnswer(fake.app(), Metrics(Part.GATEWAY))
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    server.capture_signals = nullcontext  # type: ignore[method-assign]
    fake.address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    running = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield fake
    finally:
        fake.hang_up()
        server.should_exit = True
        await running
        listening.close()
