"""How long and with which seed: `LOA_FAULTS=long`, `LOA_FAULTS_SEED`, `LOA_FAULTS_FIGURES` (a file for the table)."""

import os

LONG = os.environ.get("LOA_FAULTS") == "long"
SEED = int(os.environ.get("LOA_FAULTS_SEED", "20250103"))
FIGURES_FILE = os.environ.get("LOA_FAULTS_FIGURES")


def rounds(short: int, many: int) -> int:
    """How often to do it."""
    return many if LONG else short
