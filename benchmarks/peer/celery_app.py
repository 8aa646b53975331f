"""Celery on Redis, as its documentation has it: a task, and its result in Redis too.

Celery's defaults: a process a core, tasks acknowledged before they run (`acks_late` off), four a process fetched ahead.
Each process loads the voice for itself. `celery -A celery_app worker -l warning`.
"""

import os
from typing import Any

from celery import Celery
from celery.signals import worker_process_init

app = Celery("peer", broker=os.environ["PEER_REDIS"], backend=os.environ["PEER_REDIS"])


@worker_process_init.connect
def load(**_: Any) -> None:
    import voice  # noqa: F401 (loaded as it is imported)


@app.task(name="synthesize")
def synthesize(request_id: str, text: str) -> str:
    from voice import filed

    return filed(request_id, text)
