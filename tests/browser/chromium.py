"""A real Chromium, the system's own, and what its pages do that they should not."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, ConsoleMessage, Locator, Page, async_playwright, expect

from tests.kafka.processes import until

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE_MS = 60_000

expect.set_options(timeout=PATIENCE_MS)


def installed() -> str | None:
    """The path of a Chromium."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@asynccontextmanager
async def started() -> AsyncIterator[Browser]:
    """A browser without a window. Root may not have its sandbox, so it has none: it sees our own pages alone."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=installed(), args=["--no-sandbox", "--mute-audio", "--disable-dev-shm-usage"]
        )
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Watched:
    """What a page complained of, and the hosts that it asked."""

    errors: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def watch(self, page: Page) -> None:
        """Listen to a page."""
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))

    def _said(self, message: ConsoleMessage) -> None:
        call = urlsplit(message.location["url"]).path.startswith(("/api/", "/v1/"))
        answered = call and message.text.startswith("Failed to load resource")
        if message.type in {"error", "warning"} and not answered:  # what a call was answered is for the page to tell
            self.errors.append(f"{message.text} ({message.location['url']})")


@asynccontextmanager
async def opened(browser: Browser, address: str, **given: Any) -> AsyncIterator[tuple[Page, Watched]]:
    """The operator's page, in a profile of its own."""
    options: dict[str, Any] = {"locale": "en-US", "viewport": {"width": 1280, "height": 900}} | given
    context = await browser.new_context(**options)
    context.set_default_timeout(PATIENCE_MS)
    try:
        page, watched = await context.new_page(), Watched()
        watched.watch(page)
        await page.goto(address)
        yield page, watched
    finally:
        await context.close()


async def live(page: Page) -> None:
    """Wait until events are heard."""
    await expect(page.locator("#connection")).to_have_attribute("data-state", "live")


def row(page: Page, name: str) -> Locator:
    """The row of a request."""
    return page.locator("#rows tr:not(.details)").filter(has_text=name)


async def holds(page: Page, expression: str) -> None:
    """Wait until a JavaScript expression is true; asked from outside, since the page's policy forbids `eval`."""
    await until(lambda: page.evaluate(expression), expression, PATIENCE_MS / 1000)
