"""Endpoints on this machine: some take what they are told, some fail, hang, redirect, or want nothing any more."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from streams.traces import TRACE_HEADERS


class Receiver:
    """An HTTP server; use as an async context manager. What it does is in the path: /ok/…, /fail/…, /hang/…, …"""

    def __init__(self, *secrets: str) -> None:
        self._verifiers = [Webhook(secret) for secret in secrets]
        self.told: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self.ids: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.traces: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
        self.unsigned: list[str] = []
        self.healed = False
        self._leaving = asyncio.Event()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{does}/{name}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leaving.set()
        await self._runner.cleanup()

    def url(self, does: str, name: object = 0) -> str:
        return f"http://127.0.0.1:{self.port}/{does}/{name}"

    async def _answer(self, request: web.Request) -> web.Response:
        does, path, body = request.match_info["does"], request.path, await request.text()
        if request.method == "POST":
            for verifier in self._verifiers:
                try:
                    verifier.verify(body, dict(request.headers))
                except WebhookVerificationError:
                    self.unsigned.append(path)
            self.told[path].append(json.loads(body))
            self.traces[path].append({name: text for name, text in request.headers.items() if name in TRACE_HEADERS})
            self.ids[path][request.headers["webhook-id"]] += 1
        if does == "redirect":
            raise web.HTTPFound(self.url("ok", "never"))
        if does == "hang":
            await self._leaving.wait()
        status = {"fail": 500, "gone": 410, "heals": 200 if self.healed else 503}.get(does, 204)
        return web.Response(status=status)
