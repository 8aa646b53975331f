"""The operator's page in a real browser, before a gateway that does what is hard to cause."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.browser.chromium import holds, live, row
from tests.browser.conftest import Open
from tests.browser.gateway import SECONDS, FakeGateway, failed, job, letter
from tests.kafka.processes import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True}


async def test_a_job_is_followed_without_reading_the_page_again(fake: FakeGateway, open_page: Open) -> None:
    async with open_page() as (page, watched):
        await live(page)
        await page.get_by_label("Text", exact=True).fill("Xin chào.")
        await page.get_by_label("Format").select_option("flac")
        await page.get_by_role("button", name="Speak", exact=True).click()
        sent = row(page, "sent-1")
        await expect(sent).to_contain_text("Queued")
        await expect(sent).to_contain_text("Xin chào.")
        assert fake.bodies == [
            {
                "text": "Xin chào.",
                "format": "flac",
                "speed": 1,
                "expiry_hours": 24,
                "priority": "interactive",
                "return_audio": False,
            }
        ]
        (headers,) = fake.calls("POST /api/tts/synthesize")
        assert headers["prefer"] == "respond-async"

        about = {name: fake.jobs[0][name] for name in ("request_id", "file_id", "tenant")}
        fake.tell("progress", about | {"state": "chunk", "chunk": 3, "chunks": 4, "seconds": 8.0, "worker": "w"})
        await expect(sent).to_contain_text("In progress")
        await expect(sent.get_by_role("progressbar")).to_have_attribute("value", "0.75")
        done = job("sent-1")
        fake.tell("completed", about | done["result"] | {"model": "hibari", "voice": "heart", "language": "en"})
        await expect(sent).to_contain_text("Completed")  # though the list still says: queued
        fake.jobs[0] = done
        await expect(page.locator("#said")).to_have_text("Completed: sent-1")
        await expect(page.locator("#rate-now")).not_to_have_text("0")
        assert watched.errors == []
        assert watched.hosts == {fake.address.removeprefix("http://")}


async def test_a_press_that_has_begun_is_a_click_though_rows_come_meanwhile(fake: FakeGateway, open_page: Open) -> None:
    fake.jobs = [job("reading", "in_progress")]
    async with open_page() as (page, watched):
        await live(page)
        reading = row(page, "reading")
        await reading.get_by_role("button", name="Cancel").hover()
        await page.mouse.down()
        asked = len(fake.calls("GET /api/tts/jobs"))
        fake.jobs = [*(job(f"newer-{n}", "in_progress") for n in range(3)), *fake.jobs]
        for each in fake.jobs:
            about = {name: each[name] for name in ("request_id", "file_id", "tenant")}
            fake.tell("progress", about | {"state": "chunk", "chunk": 2, "chunks": 4, "seconds": 4.0, "worker": "w"})
        await until(lambda: len(fake.calls("GET /api/tts/jobs")) > asked, "the list read anew")
        await page.evaluate("new Promise(requestAnimationFrame)")
        await page.mouse.up()
        await expect(reading).to_contain_text("Cancelled")
        await expect(row(page, "newer-2")).to_contain_text("In progress")
        assert len(fake.calls("DELETE /api/tts/jobs/reading")) == 1
        assert watched.errors == []


async def test_a_failure_is_told_with_its_reason(fake: FakeGateway, open_page: Open) -> None:
    fake.jobs = [job("reading", "in_progress")]
    async with open_page() as (page, _):
        await live(page)
        await expect(row(page, "reading")).to_contain_text("In progress")
        fake.jobs = [failed("reading", "voice 'nope' is unknown")]
        fake.letters = [letter("reading")]
        about = {name: fake.jobs[0][name] for name in ("request_id", "file_id", "tenant")}
        fake.tell("failed", about | fake.jobs[0]["error"])
        await expect(row(page, "reading")).to_contain_text("unknown_voice voice 'nope' is unknown")
        await expect(page.locator("#letters li")).to_contain_text("Hello.")


async def test_what_users_wrote_is_shown_as_text(fake: FakeGateway, open_page: Open) -> None:
    hostile = failed("plain", HOSTILE)
    hostile |= {"metadata": {"k": HOSTILE}, "voice": HOSTILE, "worker": HOSTILE, "model": HOSTILE}
    fake.jobs = [hostile]
    fake.letters = [letter("plain", HOSTILE, HOSTILE)]
    async with open_page() as (page, watched):
        await page.get_by_label("Text", exact=True).fill(HOSTILE)
        await page.keyboard.press("Control+Enter")
        await expect(row(page, "sent-1")).to_contain_text(HOSTILE)
        await row(page, "plain").get_by_role("button", name="plain").click()
        await expect(row(page, "plain")).to_contain_text(HOSTILE)
        await expect(page.locator(".details")).to_contain_text("<script>")
        await expect(page.locator("#letters q")).to_have_text(HOSTILE)
        assert await page.locator("main img, main script").count() == 0
        assert watched.errors == []


@pytest.mark.parametrize("language", ["en-US", "vi-VN"])
async def test_a_phone_needs_no_scrolling_aside(fake: FakeGateway, open_page: Open, language: str) -> None:
    fake.jobs = [
        job("long-" * 12),
        job("being-read", "in_progress"),
        job("wait", "queued"),
        failed("no" * 40, "no" * 80),
    ]
    fake.letters = [letter("unbroken" * 20, "m" * 200, "t" * 200), letter("other")]
    async with open_page(locale=language, **PHONE) as (page, watched):
        await live(page)
        await expect(page.locator("#rows tr")).to_have_count(4)
        await page.locator("#rows [data-act=details]").first.click()
        await expect(page.locator(".details dd").first).to_be_visible()
        await page.locator("#voices-panel summary").click()
        await page.locator("[data-act=play]").first.click()
        await expect(page.locator("#player-wave")).to_have_attribute("data-drawn", "yes")
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width == 360
        for button in await page.locator("main button:visible").all():
            box = await button.bounding_box()
            assert box and box["x"] >= 0 and box["x"] + box["width"] <= 360
        assert watched.errors == []


async def test_all_can_be_done_by_keyboard(fake: FakeGateway, open_page: Open) -> None:
    fake.jobs = [job("spoken"), job("wait", "queued")]
    fake.letters = [letter("dead"), letter("gone")]
    async with open_page() as (page, watched):
        await live(page)
        await expect(page.locator("#rows tr")).to_have_count(2)
        await page.keyboard.press("Tab")
        await expect(page.locator(".skip")).to_be_focused()
        await page.keyboard.press("Enter")
        reached = []
        for _ in range(60):
            await page.keyboard.press("Tab")
            now = await page.evaluate(
                "(() => { const e = document.activeElement; const s = getComputedStyle(e);"
                " return [e.dataset.act ?? e.id, s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2] })()"
            )
            if now[0] in {"", *(name for name, _ in reached)} and reached:
                break
            reached.append(now)
            assert now[1], f"no outline on {now[0]}"
        assert {"all", "queued", "details", "play", "download", "delete"} <= {name for name, _ in reached}

        await row(page, "spoken").locator("[data-act=play]").focus()
        await page.keyboard.press("Enter")
        await holds(page, "document.querySelector('audio').currentTime > 0.2")
        await page.locator("#player-wave").focus()
        await page.keyboard.press("Home")
        await page.keyboard.press("Space")
        await expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
        await page.keyboard.press("End")
        await expect(page.locator("#player-wave")).to_have_attribute("aria-valuenow", f"{SECONDS:.1f}")
        await row(page, "spoken").locator("[data-act=delete]").focus()
        await page.keyboard.press("Enter")
        await page.get_by_role("dialog").get_by_role("button", name="Delete").focus()
        await page.keyboard.press("Enter")
        await expect(row(page, "spoken")).to_contain_text("deleted")
        await row(page, "wait").locator("[data-act=cancel]").focus()
        await page.keyboard.press("Space")
        await expect(row(page, "wait")).to_contain_text("Cancelled")
        await page.locator("#letters-all").focus()
        await page.keyboard.press("Space")
        await expect(page.locator("#redrive")).to_have_text("Put back 2")
        await page.locator("#redrive").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("#said")).to_have_text("2 requests put back")
        assert watched.errors == []


async def test_who_says_no_deletes_nothing(fake: FakeGateway, open_page: Open) -> None:
    fake.jobs = [job("kept")]
    async with open_page() as (page, _):
        await row(page, "kept").get_by_role("button", name="Delete").click()
        await page.get_by_role("button", name="Keep it").click()
        await row(page, "kept").get_by_role("button", name="Delete").click()
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_have_count(0)
        assert not any(call.startswith("DELETE") for call, _ in fake.asked)


async def test_both_languages_and_both_looks(fake: FakeGateway, open_page: Open) -> None:
    fake.jobs = [job("spoken")]
    async with open_page(locale="vi-VN", color_scheme="dark") as (page, watched):
        await expect(page.locator("html")).to_have_attribute("lang", "vi")
        await expect(page.get_by_role("heading", name="Yêu cầu")).to_be_visible()
        await expect(row(page, "spoken")).to_contain_text("Hoàn thành")
        ground = "getComputedStyle(document.body).backgroundColor"
        dark = await page.evaluate(ground)
        await page.locator("#look").select_option("light")
        assert await page.evaluate(ground) != dark
        await page.locator("#language").select_option("en")
        await expect(page.locator("html")).to_have_attribute("lang", "en")
        await expect(row(page, "spoken")).to_contain_text("Completed")
        words = await page.locator("body").inner_text()
        assert not re.search(r"[ạảấầậếềệốồộứừựữăơưđ]", words.replace("Tiếng Việt", ""))
        await page.reload()
        await expect(page.locator("html")).to_have_attribute("lang", "en")
        assert await page.evaluate(ground) != dark
        assert watched.errors == []


async def test_jobs_are_filtered_and_read_in_pages(fake: FakeGateway, open_page: Open) -> None:
    fake.jobs = [job(f"spoken-{n:03}") for n in range(70)] + [failed("broken")]
    async with open_page() as (page, watched):
        await expect(page.locator("#rows tr")).to_have_count(50)
        await page.get_by_role("button", name="More").click()
        await expect(page.locator("#rows tr")).to_have_count(71)
        await expect(page.get_by_role("button", name="More")).to_be_hidden()
        await page.get_by_role("button", name="Failed").click()
        await expect(page.locator("#rows tr")).to_have_count(1)
        await expect(row(page, "broken")).to_be_visible()
        assert watched.errors == []


async def test_a_sound_is_seen_sought_and_saved(fake: FakeGateway, open_page: Open) -> None:
    fake.jobs = [job("spoken")]
    async with open_page() as (page, watched):
        await row(page, "spoken").get_by_role("button", name="Play").click()
        wave = page.locator("#player-wave")
        await expect(wave).to_have_attribute("data-drawn", "yes")
        await page.get_by_role("button", name="Pause", exact=True).click()
        box = await wave.bounding_box()
        assert box
        await wave.click(position={"x": box["width"] / 2, "y": 10})
        await holds(page, "Math.abs(document.querySelector('audio').currentTime - 15) < 0.5")
        async with page.expect_download() as saving:
            await row(page, "spoken").get_by_role("button", name="Download").click()
        assert (await saving.value).suggested_filename == "spoken.wav"
        assert watched.errors == []
