"""Frames between a worker and its engine processes: a header and raw samples, over pipes. Blocking.

    u32 header bytes, u32 body bytes (little-endian), header (JSON object), body (float32 samples, or nothing)

The first frame of a process says whether it can speak: `{"ready": true}`, or an error. Then one reply a request:

    request  {"model", "text", "voice", "speed", "seed"}
    reply    {"rate"} and the samples, or {"error": class name in models.engine, "message"}
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


def request(model: str, piece: Piece) -> bytes:
    """The frame that asks for one piece. Raises SpeakError for text that is not Unicode (a lone surrogate)."""
    header = {"model": model, "text": piece.text, "voice": piece.voice, "speed": piece.speed, "seed": piece.seed}
    try:
        return frame(header)
    except orjson.JSONEncodeError as error:
        raise SpeakError(f"the text cannot be encoded: {error}") from error


def frame(header: dict[str, Any]) -> bytes:
    """A frame without samples."""
    encoded = orjson.dumps(header)
    return _HEAD.pack(len(encoded), 0) + encoded


def failure(error: ModelError) -> bytes:
    """The frame for an error, known to the other side by its class."""
    return frame({"error": type(error).__name__, "message": str(error)})


def raise_failure(header: dict[str, Any]) -> None:
    """Raise what `failure` told, if this is one; a class not known here becomes SpeakError."""
    if "error" in header:
        raise _ERRORS.get(header["error"], SpeakError)(header["message"])


def write(fd: int, data: bytes | memoryview) -> None:
    """Write all of `data`. Raises OSError, as when the reader is gone."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def write_speech(fd: int, speech: Speech) -> None:
    """The frame for spoken samples, sent without a copy of them."""
    samples = np.ascontiguousarray(speech.samples, dtype="<f4")
    encoded = orjson.dumps({"rate": speech.rate})
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
