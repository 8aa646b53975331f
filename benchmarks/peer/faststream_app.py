"""FastStream on Kafka, as its documentation has it: a subscriber that is a publisher too, and pydantic models.

A handler that is no coroutine runs in a thread. Records are committed in the background, FastStream's default; only
where a new group begins is set, as the other peers have it. `faststream run faststream_app:app --workers CORES`.
"""

import os

from faststream import FastStream
from faststream.kafka import KafkaBroker
from pydantic import BaseModel
from voice import NAME, filed


class Request(BaseModel):
    request_id: str
    text: str


class Completed(BaseModel):
    request_id: str
    file_path: str


broker = KafkaBroker(os.environ["PEER_BROKERS"])
app = FastStream(broker)


@broker.subscriber(f"{NAME}.requests", group_id=NAME, auto_offset_reset="earliest")
@broker.publisher(f"{NAME}.completed")
def synthesize(request: Request) -> Completed:
    return Completed(request_id=request.request_id, file_path=filed(request.request_id, request.text))
