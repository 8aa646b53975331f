"""Programs that are not Python's: on the PATH, or in ~/.cache/loa/bin, where .ci/run puts them."""

import os
import shutil
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "loa/bin"


def program(name: str) -> str | None:
    """Its path, if it is on this machine."""
    return shutil.which(name) or shutil.which(name, path=CACHE)
