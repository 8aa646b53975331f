"""One attempt: sign, connect to where it is allowed, post, and judge the answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self

import aiohttp
from standardwebhooks import Webhook

from streams.readers.webhooks.guard import AddressError, AddressGuard
from streams.traces import text_of
from streams.version import version

MOST_CONNECTIONS = 200
LONGEST_DETAIL = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of an attempt. `status`: of HTTP, None without an answer. `retry_after`: seconds, or 0."""

    status: int | None
    detail: str
    retry_after: float = 0.0

    @property
    def taken(self) -> bool:
        """Whether the endpoint has it."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """Whether the endpoint wants nothing any more."""
        return self.status == 410

    @property
    def result(self) -> str:
        """All that in a word."""
        return "taken" if self.taken else "gone" if self.gone else "refused"


class Sender:
    """Posts; use as an async context manager. Redirects are not followed, proxies of the environment not used."""

    def __init__(self, guard: AddressGuard, seconds: float) -> None:
        """`seconds`: that an attempt may take in all."""
        self._guard = guard
        self._seconds = seconds

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=MOST_CONNECTIONS, use_dns_cache=False, socket_factory=self._guard.socket)
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=self._seconds),
            headers={"User-Agent": f"Loa/{version()}"},
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def post(
        self, url: str, message_id: str, body: str, signers: Sequence[Webhook], trace: Mapping[str, bytes]
    ) -> Answer:
        """One attempt; every failure is an answer, nothing is raised. `trace`: headers that carry it on."""
        now = datetime.now(UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signer.sign(message_id, now, body) for signer in signers),
            **text_of(trace),
        }
        try:
            async with self._session.post(url, data=body.encode(), headers=headers, allow_redirects=False) as response:
                wait = _seconds(response.headers.get("retry-after"), now)
                return Answer(response.status, f"{response.status} {response.reason or ''}".strip(), wait)
        except TimeoutError:
            return Answer(None, f"no answer within {self._seconds:g} s")
        except aiohttp.ClientConnectorError as error:
            refused = error.os_error if isinstance(error.os_error, AddressError) else error
            return Answer(None, _short(f"not connected: {refused}"))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(None, _short(f"{type(error).__name__}: {error}"))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_DETAIL else text[: LONGEST_DETAIL - 1] + "…"


def _seconds(text: str | None, now: datetime) -> float:
    """What a Retry-After says: seconds, or a date (RFC 9110, 10.2.3); 0 for anything else."""
    if text is None:
        return 0.0
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - now).total_seconds())
    except (ValueError, TypeError):
        return 0.0
