"""A process's health over HTTP on a port of its own: `/healthz` for who restarts it, `/readyz` for who sends work.

`/metrics` is for who watches over many.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from streams.metrics.registry import Metrics
from streams.settings import Settings, SettingsError

Complaint = Callable[[], str | None]


@asynccontextmanager
async def health_server(
    settings: Settings, healthy: Complaint, ready: Complaint, metrics: Metrics
) -> AsyncIterator[str]:
    """Serve until the end of the block; yields the address. `healthy` and `ready` say what is wrong, or None.

    200 and `{"ok": true}`, or 503 and `{"ok": false, "reason": …}`. Raises SettingsError for a port that is taken.
    """
    host, port = settings.health_host, settings.health_port
    app = web.Application()
    app.router.add_get("/healthz", _handler(healthy))
    app.router.add_get("/readyz", _handler(ready))
    app.router.add_get("/metrics", _exposing(metrics))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise SettingsError(f"TTS_HEALTH_HOST={host}, TTS_HEALTH_PORT={port}: {error.strerror}") from error
        address = runner.addresses[0]
        yield f"http://{host}:{address[1]}"
    finally:
        await runner.cleanup()


def _handler(complaint: Complaint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(_: web.Request) -> web.StreamResponse:
        reason = complaint()
        if reason is None:
            return web.json_response({"ok": True})
        return web.json_response({"ok": False, "reason": reason}, status=503)

    return answer


def _exposing(metrics: Metrics) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(request: web.Request) -> web.StreamResponse:
        body, content_type = metrics.exposed(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    return answer
