"""What several tests of this room need."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def readme() -> str:
    return (ROOT / "README.md").read_text()
