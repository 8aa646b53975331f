"""An HTTP proxy before an S3 server: it counts requests, refuses, delays, and loses answers, as told."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

REFUSED = b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>not now</Message></Error>'
OWN_HEADERS = {"connection", "transfer-encoding", "content-length", "date", "server", "keep-alive"}

Answer = Callable[[str, str], "int | None"]


class S3Proxy:
    """Forwards to a server, and does to what is asked as `answer(kind, key)` says: a status is answered instead.

    `lose`: how many answers to writes are yet to be lost, after the server did as it was asked. `delay`: seconds by
    which each answer is late. `seen`: how many requests of each kind have come.
    """

    def __init__(self, target: str) -> None:
        self.answer: Answer = lambda kind, key: None
        self.lose = 0
        self.lost = 0
        self.delay = 0.0
        self.seen: Counter[str] = Counter()
        self.refused = 0
        self._target = target.removeprefix("http://")
        self._mutex = threading.Lock()
        self._connections: set[socket.socket] = set()
        proxy = self

        class Handler(_Handler):
            def handle(self) -> None:
                proxy._connections.add(self.connection)
                try:
                    super().handle()
                except OSError:
                    pass  # the fault that was asked for, or the end
                finally:
                    proxy._connections.discard(self.connection)

            def forward(self) -> None:
                proxy._forward(self)

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        for connection in list(self._connections):
            with suppress(OSError):  # it has ended by itself
                connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()

    def _forward(self, asked: Any) -> None:
        body = asked.rfile.read(int(asked.headers.get("content-length") or 0))
        kind, key = _kind(asked.command, asked.path)
        with self._mutex:
            self.seen[kind] += 1
            status = self.answer(kind, key)
            if status is not None:
                self.refused += 1
        if status is not None:
            _send(asked, status, {}, REFUSED % (b"SlowDown" if status == 503 else b"InternalError"))
            return
        status, headers, data = self._asked(asked, body)
        if self.delay:
            time.sleep(self.delay)
        with self._mutex:
            losing = kind == "put" and self.lose > 0
            self.lose -= losing
            self.lost += losing
        if losing:
            asked.close_connection = True
            asked.connection.shutdown(socket.SHUT_RDWR)
            return
        _send(asked, status, headers, data)

    def _asked(self, asked: Any, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self._target, timeout=60)
        try:
            connection.putrequest(asked.command, asked.path, skip_host=True, skip_accept_encoding=True)
            for name, value in asked.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body or None)
            got = connection.getresponse()
            return got.status, dict(got.getheaders()), got.read()
        finally:
            connection.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 64


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def forward(self) -> None:
        raise NotImplementedError

    def do_GET(self) -> None:
        self.forward()

    do_PUT = do_POST = do_DELETE = do_HEAD = do_GET

    def log_message(self, *_: Any) -> None:
        pass


def _send(asked: Any, status: int, headers: dict[str, str], data: bytes) -> None:
    told = {name.lower(): value for name, value in headers.items()}
    asked.send_response(status)
    for name, value in headers.items():
        if name.lower() not in OWN_HEADERS:
            asked.send_header(name, value)
    length = told.get("content-length", "0") if asked.command == "HEAD" else str(len(data))
    asked.send_header("Content-Length", length)
    asked.end_headers()
    if asked.command != "HEAD":
        asked.wfile.write(data)


def _kind(method: str, path: str) -> tuple[str, str]:
    """What is asked, as S3 counts and bills it, and of which key."""
    split = urlsplit(path)
    query = parse_qs(split.query, keep_blank_values=True)
    if "list-type" in query:
        return "list", query.get("prefix", [""])[0]
    if method == "POST" and "delete" in query:
        return "delete", ""
    return method.lower(), split.path.partition("/")[2].partition("/")[2]
