"""The operator's page at `/`: static files, and the policy that a browser holds them to."""

import hashlib
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request, Response

from streams.gateway.errors import not_found

FOLDER = Path(__file__).parent / "page"
INDEX = "index.html"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "media-src 'self' blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

router = APIRouter(include_in_schema=False)


@router.api_route("/", methods=["GET", "HEAD"])
async def index(request: Request) -> Response:
    """The page. It needs no key: what it shows, it asks for with the caller's."""
    return _file(request, INDEX)


@router.api_route("/page/{name}", methods=["GET", "HEAD"])
async def part(name: str, request: Request) -> Response:
    """A script, style or picture of the page."""
    return _file(request, name)


@cache
def files() -> dict[str, tuple[bytes, str]]:
    """Content and ETag of each file by its name: nothing else is ever served."""
    contents = {path.name: path.read_bytes() for path in FOLDER.iterdir() if path.suffix in TYPES}
    return {name: (content, f'"{hashlib.sha256(content).hexdigest()}"') for name, content in contents.items()}


def _file(request: Request, name: str) -> Response:
    if name not in files():
        raise not_found(f"there is no {name[:64]!r} here")
    content, etag = files()[name]
    headers = {"ETag": etag, "Cache-Control": "no-cache", "Content-Security-Policy": POLICY}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=TYPES[Path(name).suffix])
