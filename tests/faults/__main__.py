"""`make faults`: the fault runs in lanes side by side, since most of their time is waiting for sessions and starts.

Each lane is a pytest of its own with a broker of its own. With arguments: one pytest, with these arguments.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.faults.settings import LONG

HERE = Path(__file__).parent
LANES = (
    ("test_workers.py", "test_clocks.py", "test_store.py", "test_broker.py"),
    ("test_crash_points.py", "test_log.py", "test_network.py", "test_engines.py", "test_protections.py"),
)
"""The last one takes what is named in none, too."""

NO_TESTS = 5
PYTEST = [sys.executable, "-m", "pytest", "-m", "faults", *(["--timeout=0"] if LONG else [])]


def files_of(number: int) -> list[str]:
    files = {path.name for path in HERE.glob("test_*.py")}
    if number == len(LANES) - 1:
        mine = sorted(files - {name for lane in LANES[:-1] for name in lane})
    else:
        mine = sorted(files & set(LANES[number]))
    return [str(HERE / name) for name in mine]


def start(number: int, output: Path) -> subprocess.Popen[bytes]:
    """A lane; where a results file is wanted, each further lane writes one of its own beside it."""
    options = os.environ.get("PYTEST_ADDOPTS", "")
    if number:
        options = re.sub(r"(--junit-xml=\S+)\.xml", rf"\1-{number}.xml", options)
    command = [*PYTEST, "--show-capture=no", *files_of(number)]
    with output.open("wb") as file:
        return subprocess.Popen(
            command, env=os.environ | {"PYTEST_ADDOPTS": options}, stdout=file, stderr=subprocess.STDOUT
        )


def main(arguments: list[str]) -> int:
    """Run all lanes and show what each of them has said; 0 when all of them passed."""
    if arguments:
        return subprocess.run([*PYTEST, *arguments], check=False).returncode
    with tempfile.TemporaryDirectory(prefix="loa-faults-") as folder:
        outputs = [Path(folder, str(number)) for number in range(len(LANES))]
        lanes = [start(number, output) for number, output in enumerate(outputs)]
        statuses = []
        for lane, output in zip(lanes, outputs, strict=True):
            statuses.append(lane.wait())
            sys.stdout.write(output.read_text(errors="replace"))
            sys.stdout.flush()
    return max(status for status in statuses if status != NO_TESTS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
