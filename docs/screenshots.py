"""Makes docs/images/page-*.png: the operator's page of a real Loa that has spoken a few examples.

make screenshots        (needs a Chromium)
"""

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx
import orjson
from aiokafka import AIOKafkaProducer
from playwright.async_api import Browser, Page

from tests.browser.chromium import holds, installed, opened, started
from tests.kafka.processes import Loa

IMAGES = Path(__file__).parent / "images"
LOOKS: dict[str, dict[str, Any]] = {
    "page-light": {"viewport": {"width": 1360, "height": 960}},
    "page-dark": {"viewport": {"width": 1360, "height": 960}, "color_scheme": "dark"},
    "page-phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "locale": "vi-VN"},
}
SPOKEN = (
    ("order-4711", {"text": "Your order has been packed and will be with you tomorrow morning."}),
    ("xin-chao", {"text": "[05] Xin chào, tôi là Loa. Hôm nay trời đẹp quá.", "format": "opus"}),
    ("train-9", {"text": "The train to the coast leaves at nine, from platform two.", "format": "mp3"}),
    ("weather-hanoi", {"text": "The morning will be cool and clear, with some rain in the west.", "format": "flac"}),
)
REFUSED = {"request_id": "shop-991", "text": "Today we are closed.", "voice": "hibari/nobody"}
PLAYED = "weather-hanoi"
CHAPTER = (
    "Kafka keeps records in the order in which they were written, and a reader remembers how far it has come. " * 150
)


async def fill(client: httpx.AsyncClient, kafka: str) -> None:
    """Speak the examples, one after the other; one fails."""
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        await producer.send_and_wait("tts.requests", orjson.dumps(REFUSED))
    for name, request in SPOKEN:
        answer = await client.post("/api/tts/synthesize", json=request, headers={"X-Request-ID": name})
        answer.raise_for_status()


async def leave_work(client: httpx.AsyncClient, number: int) -> None:
    """Something long to be spoken, and something that may wait."""
    later = {"Prefer": "respond-async"}
    for name, more in ((f"chapter-{number}", {}), (f"archive-{number}", {"priority": "bulk"})):
        request = {"text": CHAPTER, **more}
        await client.post("/api/tts/synthesize", json=request, headers=later | {"X-Request-ID": name})


async def take(browser: Browser, client: httpx.AsyncClient, address: str, look: str, number: int) -> None:
    """One picture: something plays, and something is being spoken."""
    async with opened(browser, address, device_scale_factor=2, **LOOKS[look]) as (page, _):
        await page.wait_for_selector("#connection[data-state=live]")
        await leave_work(client, number)
        await page.wait_for_selector('#rows tr[data-status="in_progress"]')
        await page.locator("#rows tr", has_text=PLAYED).locator("[data-act=play]").click()
        await holds(page, "document.querySelector('audio').currentTime > 1.5")
        await page.click("#player-toggle")
        await holds(page, "Number(document.querySelector('#rate-now').textContent.replace(',', '.')) > 0")
        await show(page)
        await page.screenshot(path=IMAGES / f"{look}.png")


async def show(page: Page) -> None:
    """The top, or on a phone the jobs."""
    phone = await page.evaluate("innerWidth < 768")
    await page.evaluate("document.activeElement.blur()")
    await page.evaluate("document.getElementById('jobs').scrollIntoView()" if phone else "scrollTo(0, 0)")
    await page.mouse.move(0, 0)


async def main() -> None:
    """All pictures."""
    if installed() is None:
        sys.exit("No Chromium is installed: no pictures are made.")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        settings = {"TTS_STORAGE_DIR": "storage/audio", "TTS_WORKER_ID": "worker-1"}
        loa = Loa(["up", "--port", "0"], settings, Path(folder))
        try:
            ready = await loa.ready()
            async with httpx.AsyncClient(base_url=ready["http"], timeout=120) as client, started() as browser:
                await fill(client, ready["kafka"])
                for number, look in enumerate(LOOKS, 1):
                    await take(browser, client, ready["http"], look, number)
        finally:
            loa.end()


asyncio.run(main())
