"""Makes docs/images/page-*.png: the operator's page of a real Loa that has spoken a few examples.

make screenshots        (needs a Chromium)
"""

import asyncio
import signal
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import orjson
from aiokafka import AIOKafkaProducer
from playwright.async_api import Page

from tests.browser.chromium import holds, installed, live, opened, started
from tests.kafka.processes import Loa, until

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

WELL_ON = "document.querySelector('#rows tr[data-status=in_progress] progress')?.value > 0.3"
CHAPTER_SECONDS = 600


async def fill(client: httpx.AsyncClient, kafka: str) -> None:
    """Speak the examples, one after the other; one fails. Leave something long, and something that may wait."""
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        await producer.send_and_wait("tts.requests", orjson.dumps(REFUSED))
    for name, request in SPOKEN:
        answer = await client.post("/api/tts/synthesize", json=request, headers={"X-Request-ID": name})
        answer.raise_for_status()
    later = {"Prefer": "respond-async"}
    for name, more in (("chapter-1", {}), ("archive-1", {"priority": "bulk"}), ("chapter-2", {})):
        request = {"text": CHAPTER, **more}
        await client.post("/api/tts/synthesize", json=request, headers=later | {"X-Request-ID": name})


async def take(page: Page, name: str) -> None:
    """One picture: something has been played, and something is being spoken."""
    await page.locator("#rows tr", has_text=PLAYED).locator("[data-act=play]").click()
    await holds(page, "document.querySelector('audio').currentTime > 1.5")
    await page.click("#player-toggle")
    await page.evaluate("document.activeElement.blur()")
    await page.evaluate("innerWidth < 768 ? document.getElementById('jobs').scrollIntoView() : scrollTo(0, 0)")
    await page.mouse.move(0, 0)
    await page.screenshot(path=IMAGES / f"{name}.png")


async def take_all(stack: AsyncExitStack, ready: dict[str, str]) -> None:
    """The pages are open while the examples are spoken, so that they have something to draw."""
    browser = await stack.enter_async_context(started())
    client = await stack.enter_async_context(httpx.AsyncClient(base_url=ready["http"], timeout=120))
    pages = {}
    for name, look in LOOKS.items():
        page, _ = await stack.enter_async_context(opened(browser, ready["http"], device_scale_factor=2, **look))
        await live(page)
        pages[name] = page
    await fill(client, ready["kafka"])
    for name, page in pages.items():
        await page.bring_to_front()
        await until(lambda page=page: page.evaluate(WELL_ON), "a chapter that is being spoken", CHAPTER_SECONDS)
        await take(page, name)


async def main() -> None:
    """All pictures."""
    if installed() is None:
        sys.exit("No Chromium is installed: no pictures are made.")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        settings = {"TTS_STORAGE_DIR": "storage/audio", "TTS_WORKER_ID": "worker-1"}
        loa = Loa(["up", "--port", "0"], settings, Path(folder))
        try:
            async with AsyncExitStack() as stack:
                await take_all(stack, await loa.ready())
        finally:
            loa.send(signal.SIGTERM)
            await loa.status()


asyncio.run(main())
