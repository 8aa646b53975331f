"""What MkDocs does besides: pages of the root, links that leave docs/, and diagrams drawn beforehand."""

import hashlib
import os
import posixpath
import re
from pathlib import Path

import mermaidx
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
CACHE = ROOT / ".cache/diagrams"
"""A diagram takes seconds to draw."""

PAGES = {
    "README.md": "readme.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
    "examples/README.md": "examples.md",
    "deploy/README.md": "deploy.md",
}
"""Documents outside docs/ that are pages of the site."""

SOURCES = {page: name for name, page in PAGES.items()}
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\](?:\([^)]*\))?)*)\]\(([^)#\s]*)(#[^)\s]*)?\)")
DIAGRAM = re.compile(r"^```mermaid\n(.*?)^```$", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for name, page in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / name).read_text()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    here = page.file.src_uri
    source = SOURCES.get(here, f"docs/{here}")

    def add(name: str, content: str) -> str:
        if name not in files.src_uris:
            files.append(File.generated(config, name, content=content))
        return posixpath.relpath(name, posixpath.dirname(here) or ".")

    def drawn(match: re.Match[str]) -> str:
        return f"![Diagram]({add(*picture(match[1]))})"

    def led(match: re.Match[str]) -> str:
        """To a page of the site, or to a file of the repository, which is then on the site too."""
        mark, text, target, anchor = match.groups("")
        if not target or ":" in target:
            return match[0]
        name = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        inside = PAGES.get(name, name.removeprefix("docs/") if name.startswith("docs/") else "")
        if inside:
            return f"{mark}[{text}]({posixpath.relpath(inside, posixpath.dirname(here) or '.')}{anchor})"
        if not (ROOT / name).is_file():
            return match[0]  # MkDocs says so
        return f"[{text}]({add(f'source/{name}.txt', (ROOT / name).read_text())})"

    parts = enumerate(CODE.split(markdown))
    return DIAGRAM.sub(drawn, "".join(part if number % 2 else LINK.sub(led, part) for number, part in parts))


def picture(diagram: str) -> tuple[str, str]:
    """The name and the content of a diagram's SVG."""
    name = f"{hashlib.sha256(diagram.encode()).hexdigest()[:16]}.svg"
    kept = CACHE / name
    if not kept.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        written = kept.with_suffix(f".{os.getpid()}")
        written.write_text(mermaidx.render(diagram).svg())
        written.replace(kept)  # whole, for who builds at the same time
    return f"diagrams/{name}", kept.read_text()
