"""A browser for each module's tests, which share its event loop; they are skipped where there is no Chromium."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.browser.chromium import NAMES, Watched, installed, opened, started
from tests.browser.gateway import FakeGateway, serving

Open = Callable[..., AbstractAsyncContextManager[tuple[Page, Watched]]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """A real browser."""
    if installed() is None:
        pytest.skip(f"no Chromium is installed: none of {', '.join(NAMES)} is a command here")
    async with started() as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def fake() -> AsyncIterator[FakeGateway]:
    """A gateway that does as the test says."""
    async with serving(FakeGateway()) as made:
        yield made


@pytest.fixture
def open_page(browser: Browser, fake: FakeGateway) -> Open:
    """Opens the page of the fake gateway."""
    return partial(opened, browser, fake.address)
