"""What is installed, read from package metadata: nothing is imported for it.

Read once: it is asked for with every request, and what a process runs with does not change.
"""

import functools
import importlib.metadata
import importlib.util
from pathlib import Path


def versions(*distributions: str) -> str:
    """`name version` for each, joined by `; `; `absent` for one that is not installed."""
    return "; ".join(f"{name} {_version(name)}" for name in distributions)


@functools.cache
def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


@functools.cache
def folder(package: str) -> Path | None:
    """Where a package's files lie; None when it is not installed."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0])
