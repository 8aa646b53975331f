"""Writes docs/licences.md: the licence of every package that Loa may bring, and who asks for it. `make licences`.

Read from what is installed in the development environment, which has all extras. Fails on a licence that is unknown.
"""

import functools
import re
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from license_expression import ExpressionError, Licensing, get_spdx_licensing
from packaging.requirements import Requirement

DOCUMENT = Path(__file__).with_name("licences.md")
PROJECT = "loa-tts"
CORE = "core"
EXTRAS = ("voices", "broker", "postgres", "s3", "torch", "uroman", "piper", "recogniser", "otel")

PERMISSIVE = frozenset(
    {
        *("0BSD", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "CNRI-Python", "ISC"),
        *("LLVM-exception", "LicenseRef-Repoze", "MIT", "MIT-0", "PSF-2.0", "Python-2.0", "Unlicense", "Zlib"),
    }
)
WEAK = frozenset({"LGPL", "LGPL-2.1-or-later", "LGPL-3.0-only", "MPL-2.0"})
"""Copyleft that ends at the library."""
STRONG = frozenset({"GPL-2.0-only", "GPL-2.0-or-later", "GPL-3.0-only", "GPL-3.0-or-later"})
PROPRIETARY = frozenset({"LicenseRef-NVIDIA-Proprietary"})
KNOWN = PERMISSIVE | WEAK | STRONG | PROPRIETARY

NAMES = {
    "Apache 2.0 License": "Apache-2.0",
    "Apache License": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "3-Clause BSD License": "BSD-3-Clause",
    "BSD License": "BSD",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU Library or Lesser General Public License (LGPL)": "LGPL",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "NVIDIA Proprietary Software": "LicenseRef-NVIDIA-Proprietary",
    "Python Software Foundation License": "PSF-2.0",
    "Repoze Public License": "LicenseRef-Repoze",
    "The Unlicense (Unlicense)": "Unlicense",
}
"""What packages say in words, in SPDX's."""
TOLD = {
    "cuda-toolkit": "LicenseRef-NVIDIA-Proprietary",  # an empty package that asks for NVIDIA's
    "espeakng-loader": "GPL-3.0-or-later",  # its metadata say nothing, and espeak-ng, which it brings, is that
    "uroman": "MIT",  # its metadata say Apache, its licence file this, with the request that NOTICE repeats
}
"""Of packages whose metadata say nothing, or are wrong."""

HEAD = """# Licences

What Loa may bring with it, beside its own Apache-2.0: every package of the lock on Linux, by who asks for it. `core` is
in every installation; the others are package extras, of which images have `voices`, `postgres` and `s3`,
and the one for GPUs `torch` and `uroman` too.
Terms worth knowing before you pass anything on are in [NOTICE](../NOTICE), and so are those of model weights and jars,
which are no packages. Written by `make licences` from what the packages say of themselves; versions and hashes are in
`requirements/`, and versions in the bill of materials of an image (`make sbom`).

"""


def licence(package: Distribution) -> str:
    """An SPDX expression, or what the package says instead. The empty string where it says nothing."""
    if package.name in TOLD:
        return TOLD[package.name]
    metadata = package.metadata
    if found := metadata.get("License-Expression"):
        return found
    classified = [each.rsplit(" :: ", 1)[-1] for each in metadata.get_all("Classifier", []) if "License ::" in each]
    written = (metadata.get("License") or "").strip().partition("\n")[0]
    said = [NAMES.get(each, each) for each in classified] or [NAMES.get(written, written)]
    return " AND ".join(filter(None, said))


@functools.cache
def licensing() -> Licensing:
    """SPDX's licences: half a second to read."""
    return get_spdx_licensing()


def symbols(expression: str) -> set[str]:
    """The licences in an expression; what is none is taken for the name of one."""
    try:
        return set(licensing().license_keys(expression))
    except ExpressionError:
        return {expression}


def closure(extra: str | None) -> dict[str, Distribution]:
    """What the project needs, with an extra or without, on this system; by normalised name."""
    found: dict[str, Distribution] = {}
    waiting = [(PROJECT, extra)]
    seen = set(waiting)
    while waiting:
        name, wanted = waiting.pop()
        package = distribution(name)
        if name != PROJECT:
            found[name] = package
        for requirement in _requirements(package, wanted):
            for also in (None, *requirement.extras):
                if (each := (_plain(requirement.name), also)) not in seen and _installed(each[0]):
                    seen.add(each)
                    waiting.append(each)
    return found


def _requirements(package: Distribution, extra: str | None) -> Iterator[Requirement]:
    for text in package.requires or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra or ""}):
            yield requirement


def _installed(name: str) -> bool:
    """What the lock leaves out is not there: docopt, which serves num2words' own command alone."""
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def packages() -> dict[str, tuple[str, list[str]]]:
    """Every package: its licence, and who asks for it: `core`, or the extras."""
    core = closure(None)
    found = {name: (licence(each), [CORE]) for name, each in core.items()}
    for extra in EXTRAS:
        for name, each in closure(extra).items():
            if name not in core:
                found.setdefault(name, (licence(each), []))[1].append(extra)
    return dict(sorted(found.items()))


def unknown(found: dict[str, tuple[str, list[str]]]) -> Iterable[str]:
    """A sentence for each package whose licence is not understood."""
    for name, (expression, _) in found.items():
        if not expression or symbols(expression) - KNOWN:
            yield f"{name}: unknown licence {expression!r}"


def table(found: dict[str, tuple[str, list[str]]]) -> str:
    """The Markdown document."""
    rows = [f"| {name} | {expression} | {', '.join(by)} |" for name, (expression, by) in found.items()]
    return HEAD + "\n".join(["| package | licence | for |", "| --- | --- | --- |", *rows]) + "\n"


def main() -> int:
    found = packages()
    if wrong := list(unknown(found)):
        sys.stderr.write("\n".join(wrong) + "\n")
        return 1
    DOCUMENT.write_text(table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
