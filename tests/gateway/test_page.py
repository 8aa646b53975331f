"""The operator's page as it is served."""

import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser

import httpx
import pytest

from streams.gateway.app import routes
from streams.gateway.middleware import EveryAnswer
from streams.gateway.page import FOLDER, POLICY, files
from streams.metrics.declared import Part
from streams.metrics.registry import Metrics

TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app, metrics = routes(), Metrics(Part.GATEWAY)
    transport = httpx.ASGITransport(EveryAnswer(app, metrics))
    async with httpx.AsyncClient(transport=transport, base_url="http://loa") as made:
        yield made


async def test_every_file_is_served_under_the_policy(client: httpx.AsyncClient) -> None:
    names = sorted(path.name for path in FOLDER.iterdir())
    assert names == sorted(files())
    for path in ("/", *(f"/page/{name}" for name in names)):
        answer = await client.get(path)
        assert (answer.status_code, answer.headers["content-security-policy"]) == (200, POLICY)
        kind = TYPES["html" if path == "/" else path.rpartition(".")[2]]
        assert answer.headers["content-type"].partition(";")[0] == kind
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["x-content-type-options"] == "nosniff"
        again = await client.get(path, headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert (await client.head(path)).headers["etag"] == answer.headers["etag"]


def test_the_policy_allows_our_own_files_and_nothing_inline() -> None:
    rules = dict(rule.split(" ", 1) for rule in POLICY.split("; "))
    assert rules.pop("default-src") == rules.pop("frame-ancestors") == "'none'"
    assert rules.pop("base-uri") == rules.pop("form-action") == "'none'"
    assert rules == {
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "img-src": "'self' data:",
        "media-src": "'self' blob:",
    }


@pytest.mark.parametrize(
    "path",
    ["/page/", "/page/nope.js", "/page/page.py", "/page/../page.py", "/page/%2e%2e%2fpage.py", "/page/a/b", "/main.js"],
)
async def test_other_names_are_not_served(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_page_has_nothing_inline_and_nothing_from_elsewhere() -> None:
    elements = _Elements()
    elements.feed((FOLDER / "index.html").read_text())
    ids = [attributes["id"] for _, attributes in elements.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    for tag, attributes in elements.found:
        assert tag != "style" and "style" not in attributes
        assert not any(name.startswith("on") for name in attributes)
        assert tag != "script" or attributes.get("src")
        for name in ("src", "href"):
            assert (attributes.get(name) or "/").startswith(("/", "#"))
    for path in FOLDER.glob("*.*"):
        assert "innerHTML" not in path.read_text(), f"{path.name}: texts are set as text"
        assert "https://" not in path.read_text()


def test_both_languages_say_the_same() -> None:
    def keys(name: str) -> list[str]:
        return re.findall(r'^  "?([\w.]+)"?:', (FOLDER / name).read_text(), re.MULTILINE)

    english = keys("words-en.js")
    assert english == keys("words-vi.js")
    assert len(set(english)) == len(english)


def test_every_word_that_is_asked_for_is_there() -> None:
    words = (FOLDER / "words-en.js").read_text()
    asked = re.findall(r'data-t(?:-label)?="([\w.]+)"', (FOLDER / "index.html").read_text())
    for path in FOLDER.glob("*.js"):
        asked += re.findall(r'\bt\("([\w.]+)"', path.read_text())
    assert len(asked) > 100
    assert [key for key in asked if not re.search(rf'^  "?{re.escape(key)}"?:', words, re.MULTILINE)] == []


def _looks() -> list[dict[str, str]]:
    pairs = re.findall(r"--([\w-]+): light-dark\(#(\w+), #(\w+)\);", (FOLDER / "page.css").read_text())
    return [{name: colours[at] for name, *colours in pairs} for at in (0, 1)]


def _brightness(colour: str) -> float:
    wide = colour if len(colour) == 6 else "".join(digit * 2 for digit in colour)
    parts = [int(wide[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    dark, bright = sorted((_brightness(one), _brightness(other)))
    return (bright + 0.05) / (dark + 0.05)


def test_all_can_be_read_in_both_looks() -> None:
    texts = ("ink", "soft", "accent", "queued", "in_progress", "completed", "failed", "cancelled")
    for look in _looks():
        for ground in ("ground", "surface", "sunk"):
            low = {text: _contrast(look[text], look[ground]) for text in texts}
            assert min(low.values()) >= 4.5, (ground, low)
        assert _contrast(look["on-accent"], look["accent"]) >= 4.5
        assert _contrast(look["edge"], look["surface"]) >= 3
