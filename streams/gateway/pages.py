"""Pages that need nothing from elsewhere: no script, no font, no picture."""

from collections.abc import Mapping
from html import escape
from typing import Any


def calls_page(document: Mapping[str, Any]) -> str:
    """Every call of an OpenAPI document, with what it does; the document itself is a link away."""
    rows = [
        f"<tr><td><code>{escape(method.upper())} {escape(path)}</code></td>"
        f"<td>{escape(str(call.get('description') or call.get('summary') or ''))}</td></tr>"
        for path, calls in document["paths"].items()
        for method, call in calls.items()
    ]
    title = escape(str(document["info"]["title"]))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{title}: HTTP calls</title></head>\n<body><h1>{title}: HTTP calls</h1>"
        f'<p>As a document for programs: <a href="/openapi.json">OpenAPI 3.1</a>.</p>'
        f"<table>{''.join(rows)}</table></body></html>\n"
    )
