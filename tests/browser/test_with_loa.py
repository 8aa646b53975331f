"""The operator's page before a real Loa: gateway, worker and Kafka."""

from __future__ import annotations

import uuid

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.chromium import holds, live, opened, row
from tests.kafka.installation import Installation

pytestmark = pytest.mark.asyncio(loop_scope="module")

Served = tuple[Installation, str]


async def ready(page: Page) -> None:
    """Wait until events are heard; a page that is loaded again would lose the mark."""
    await live(page)
    await page.evaluate("window.mark = 1")


async def test_a_text_is_spoken_heard_and_deleted(browser: Browser, served: Served) -> None:
    async with opened(browser, served[1]) as (page, watched):
        await ready(page)
        text = f"The train to {uuid.uuid4().hex[:6]} leaves at nine."
        await page.get_by_label("Text", exact=True).fill(text)
        await page.keyboard.press("Control+Enter")
        sent = row(page, text)
        await expect(sent).to_contain_text("Completed")
        await sent.get_by_role("button", name="Play").click()
        await expect(page.locator("#player-wave")).to_have_attribute("data-drawn", "yes")
        await holds(page, "document.querySelector('audio').currentTime > 0.3")
        await sent.get_by_role("button", name="Delete").click()
        await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        await expect(sent).to_contain_text("deleted")
        await expect(sent.get_by_role("button", name="Play")).to_have_count(0)
        assert await page.evaluate("window.mark") == 1
        assert watched.errors == []


async def test_what_is_spoken_can_be_cancelled(browser: Browser, served: Served) -> None:
    async with opened(browser, served[1]) as (page, watched):
        await ready(page)
        text = f"{uuid.uuid4().hex[:6]}: this one is long. " + "Here is one sentence more. " * 1500
        await page.get_by_label("Text", exact=True).fill(text)
        await page.locator("#voice").select_option("hibari/heart")
        await page.get_by_role("button", name="Speak", exact=True).click()
        sent = row(page, text[:20])
        await expect(sent).to_contain_text("In progress")
        shown = await sent.locator("q").evaluate("quote => quote.textContent.length")
        assert 100 < shown < 1_000, "what is hidden of a text need not be laid out anew with each event"
        await sent.get_by_role("button", name="Cancel").click()
        await expect(sent).to_contain_text("Cancelled")
        assert watched.errors == []


async def test_what_failed_is_put_back(browser: Browser, served: Served) -> None:
    async with opened(browser, served[1]) as (page, watched):
        await ready(page)
        name = f"nobody-{uuid.uuid4().hex[:6]}"
        await served[0].produce({"request_id": name, "text": "Who speaks?", "voice": "nope"})
        await expect(row(page, name)).to_contain_text("unknown_voice")
        letter = page.locator("#letters li").filter(has_text=name)
        await expect(letter).to_contain_text("Who speaks?")
        await expect(letter).to_contain_text("1 try")
        await letter.get_by_role("checkbox").check()
        await page.get_by_role("button", name="Put back 1").click()
        await expect(letter).to_contain_text("2 tries")
        assert await page.evaluate("window.mark") == 1
        assert watched.errors == []


async def test_the_numbers_are_there(browser: Browser, served: Served) -> None:
    async with opened(browser, served[1]) as (page, watched):
        await ready(page)
        await expect(page.locator("#workers li")).to_have_count(1)
        await expect(page.locator("#lag dd")).to_have_count(4)
        await expect(page.locator("#counts dd")).to_have_count(7)
        await page.get_by_role("button", name="Clean up now").click()
        await expect(page.locator("#said")).to_contain_text("removed")
        await page.locator("#voices-panel summary").click()
        await page.get_by_label("Find a voice").fill("vietnamese")
        await expect(page.locator("#voices")).to_contain_text("espeak/vi")
        assert watched.errors == []
