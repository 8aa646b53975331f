"""The voice of every peer: Loa's own engine code, one text at a time in a process, and a text is one piece."""

import io
import os
import threading
from pathlib import Path

import soundfile

from models.engine import Piece
from models.hibari import Hibari

NAME = os.environ["PEER_NAME"]
FOLDER = Path(os.environ["PEER_FOLDER"])

engine = Hibari()
engine.load()
one_at_a_time = threading.Lock()


def spoken(text: str) -> bytes:
    """A text as a WAV file."""
    with one_at_a_time:
        speech = engine.speak(Piece(text, engine.voices[0].name, 1.0, 0))
    wav = io.BytesIO()
    soundfile.write(wav, speech.samples, speech.rate, format="WAV")
    return wav.getvalue()


def filed(request_id: str, text: str) -> str:
    """A text as a WAV file on the disk: its path."""
    path = FOLDER / f"{request_id}.wav"
    path.write_bytes(spoken(text))
    return str(path)
