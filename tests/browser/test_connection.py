"""The operator's page and its gateway: keys, scopes, and a stream of events that breaks."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.chromium import live, row
from tests.browser.conftest import Open
from tests.browser.gateway import FakeGateway, job
from tests.kafka.processes import until

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_stream_goes_on_where_it_ended(fake: FakeGateway, open_page: Open) -> None:
    fake.jobs = [job("before", "in_progress")]
    async with open_page() as (page, watched):
        await live(page)
        await expect(row(page, "before")).to_be_visible()
        about = {name: fake.jobs[0][name] for name in ("request_id", "file_id", "tenant")}
        fake.tell("progress", about | {"state": "chunk", "chunk": 2, "chunks": 4, "worker": "w"})
        await expect(row(page, "before")).to_contain_text("2 of 4")
        listed = len(fake.calls("GET /api/tts/jobs"))
        fake.jobs = [job("meanwhile"), job("before")]
        fake.hang_up()
        await until(lambda: len(fake.calls("GET /api/tts/events")) > 1, "another connection")
        assert "last-event-id" not in fake.calls("GET /api/tts/events")[0]
        assert fake.calls("GET /api/tts/events")[1]["last-event-id"] == "1"
        await live(page)
        await expect(row(page, "meanwhile")).to_be_visible()
        assert len(fake.calls("GET /api/tts/jobs")) > listed
        assert watched.errors == []


async def test_only_whole_events_are_heard(open_page: Open) -> None:
    said = "retry: 1\n\nid: 1\r\nevent: a\r\ndata: x\r\ndata:y\r\n\r\n: hi\n\nid: 2\n\nid: 3\ndata: half\n"
    async with open_page() as (page, _):
        heard, last = await page.evaluate(
            """async (said) => {
                const { Parser } = await import("/page/events.js");
                const heard = [];
                const parser = new Parser((...event) => heard.push(event));
                for (const letter of said) parser.take(letter);
                parser.broken();
                return [heard, parser.lastId];
            }""",
            said,
        )
        assert (heard, last) == ([["a", "x\ny"]], "2")


async def test_the_key_is_asked_for_and_stays_in_the_tab(fake: FakeGateway, open_page: Open) -> None:
    fake.key = "loa_right"
    fake.jobs = [job("secret")]
    async with open_page() as (page, watched):
        dialog = page.get_by_role("dialog", name="API key")
        await expect(page.locator("#connection")).to_have_text("Key needed")
        await dialog.get_by_label("Key", exact=True).fill("loa_wrong")
        await page.keyboard.press("Enter")
        await expect(dialog).to_contain_text("The key is not known")
        await dialog.get_by_label("Key", exact=True).fill("loa_right")
        await dialog.get_by_role("button", name="Use this key").click()
        await live(page)
        await expect(row(page, "secret")).to_be_visible()
        assert fake.calls("GET /api/tts/events")[-1]["authorization"] == "Bearer loa_right"
        kept = "[JSON.stringify(sessionStorage), JSON.stringify(localStorage), document.cookie]"
        tab, profile, cookies = await page.evaluate(kept)
        assert "loa_right" in tab and "loa_right" not in profile and not cookies
        await page.get_by_role("button", name="Forget the key").click()
        await expect(page.locator("#connection")).to_have_text("Key needed")
        await expect(row(page, "secret")).to_have_count(0)
        assert watched.errors == []


async def test_without_the_scope_admin_its_parts_are_hidden(fake: FakeGateway, open_page: Open) -> None:
    fake.admin = False
    async with open_page() as (page, watched):
        await live(page)
        await expect(page.locator("#no-admin")).to_contain_text("no admin scope")
        for name in ("#clean", "#letters-panel", "#workers-panel"):
            await expect(page.locator(name)).to_be_hidden()
        await expect(page.locator("#storage")).to_be_visible()
        assert watched.errors == []
