"""Frames between a worker and its engine processes: a header and raw samples, over pipes. Blocking.

    u32 header bytes, u32 body bytes (little-endian), header (JSON object), body (float32 samples, or nothing)

The first frame of a process says whether it can speak: `{"ready": true}`, or an error. Then one reply a request, in
the order in which pieces end; `id` is the request's own:

    request  {"id", "model", "text", "voice", "speed", "seed"}
             {"drop": id}: nobody waits for it any more; unless it has ended, that is the reply
    reply    {"id", "rate"} and the samples
             {"id", "error": class name in models.engine, "message"}
             {"id", "full": true}: not begun, there is no room beside what is being spoken
             {"id", "dropped": true}
             {"error", "message"} without an id: the process cannot go on, and ends
"""

import os
import struct
from typing import Any

import numpy as np
import orjson

from models import engine
from models.engine import EngineDied, ModelError, Piece, SpeakError
from models.speech import Samples, Speech

_HEAD = struct.Struct("<II")
_ERRORS: dict[str, type[ModelError]] = {
    name: kind for name, kind in vars(engine).items() if isinstance(kind, type) and issubclass(kind, ModelError)
}


def request(key: int, model: str, piece: Piece) -> bytes:
    """The frame that asks for one piece. Raises SpeakError for text that is not Unicode (a lone surrogate)."""
    asked = {"text": piece.text, "voice": piece.voice, "speed": piece.speed, "seed": piece.seed}
    try:
        return frame({"id": key, "model": model, **asked})
    except orjson.JSONEncodeError as error:
        raise SpeakError(f"the text cannot be encoded: {error}") from error


def dropped(key: int) -> bytes:
    """The frame that says that nobody waits for a piece any more."""
    return frame({"drop": key})


def asked_for(header: dict[str, Any]) -> Piece:
    """The piece of a request."""
    return Piece(header["text"], header["voice"], header["speed"], header["seed"])


def frame(header: dict[str, Any]) -> bytes:
    """A frame without samples."""
    encoded = orjson.dumps(header)
    return _HEAD.pack(len(encoded), 0) + encoded


def failure(error: ModelError, key: int | None = None) -> bytes:
    """The frame for an error, known to the other side by its class; of the whole process if it is of no piece."""
    of = {} if key is None else {"id": key}
    return frame({**of, "error": type(error).__name__, "message": str(error)})


def told_failure(header: dict[str, Any]) -> ModelError | None:
    """What `failure` told, if this is one; a class not known here becomes SpeakError."""
    if "error" in header:
        return _ERRORS.get(header["error"], SpeakError)(header["message"])
    return None


def write(fd: int, data: bytes | memoryview) -> None:
    """Write all of `data`. Raises OSError, as when the reader is gone."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def write_speech(fd: int, key: int, speech: Speech) -> None:
    """The frame for spoken samples, sent without a copy of them."""
    samples = np.ascontiguousarray(speech.samples, dtype="<f4")
    encoded = orjson.dumps({"id": key, "rate": speech.rate})
    write(fd, _HEAD.pack(len(encoded), samples.nbytes) + encoded)
    write(fd, samples.data.cast("B"))


def read(fd: int) -> tuple[dict[str, Any], Samples]:
    """One frame, read straight into an array. Raises EngineDied when the stream ends instead."""
    head = bytearray(_HEAD.size)
    _fill(fd, memoryview(head))
    header_size, body_size = _HEAD.unpack(head)
    encoded = bytearray(header_size)
    _fill(fd, memoryview(encoded))
    samples = np.empty(body_size // 4, "<f4")
    if body_size:
        _fill(fd, samples.data.cast("B"))
    return orjson.loads(encoded), samples


def _fill(fd: int, view: memoryview) -> None:
    while view:
        count = os.readv(fd, [view])
        if count == 0:
            raise EngineDied("the engine process ended")
        view = view[count:]
