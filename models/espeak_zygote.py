"""The silent parent of every espeak utterance: loads the library once, forks a child for each piece.

espeak-ng keeps state from one utterance to the next, and no call of its API resets it; a child forked from a parent
that never spoke starts from the same state each time, so the same piece always gives the same samples. This module
runs as a program of its own (`python zygote.py LIBRARY DATA`) and imports nothing heavy: a fork copies little.

Request on standard input:   u32 voice bytes, u32 text bytes, u32 words per minute, voice, text (UTF-8)
Reply on standard output:    u32 status (0 spoken, else espeak's error), u32 bytes, samples as s16 at 22,050 Hz
First reply, once loaded:    u32 0, u32 0
Ends on the end of its input, or when a child ends without its reply.
"""

import ctypes
import os
import signal
import struct
import sys

REQUEST = struct.Struct("<III")
REPLY = struct.Struct("<II")
SAMPLE_RATE = 22050

_SYNCHRONOUS = 2
_DO_NOT_EXIT = 0x8000
_CHARS_UTF8 = 1
_RATE = 1
_PR_SET_PDEATHSIG = 1
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class EspeakError(Exception):
    """The library answered with an error; `status` is its number."""

    def __init__(self, status: int) -> None:
        super().__init__(f"espeak-ng answered {status}")
        self.status = status


def _require(status: int) -> None:
    if status != 0:
        raise EspeakError(status)


def die_with_parent() -> None:
    """Ask the kernel for SIGKILL when the parent dies, so that nothing outlives a killed engine process."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def load(library: str, data: str) -> ctypes.CDLL:
    """Load and initialise espeak-ng; raises EspeakError or OSError."""
    lib = ctypes.CDLL(library)
    rate = lib.espeak_Initialize(_SYNCHRONOUS, 0, data.encode(), _DO_NOT_EXIT)
    if rate != SAMPLE_RATE:
        raise EspeakError(rate)
    return lib


def synthesize(lib: ctypes.CDLL, voice: bytes, text: bytes, words_per_minute: int) -> bytes:
    """Speak one text in this process, for the first and only time; s16 samples. Raises EspeakError."""
    out = bytearray()

    def collect(samples: "ctypes._Pointer[ctypes.c_short]", count: int, _events: object) -> int:
        if samples and count > 0:
            out.extend(ctypes.string_at(samples, count * 2))
        return 0

    callback = _CALLBACK(collect)
    lib.espeak_SetSynthCallback(callback)
    _require(lib.espeak_SetVoiceByName(voice))
    _require(lib.espeak_SetParameter(_RATE, words_per_minute, 0))
    # Without the SSML and phoneme flags `<…>` and `[[…]]` are text like any other.
    _require(lib.espeak_Synth(text, len(text) + 1, 0, 1, 0, _CHARS_UTF8, None, None))
    _require(lib.espeak_Synchronize())
    return bytes(out)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _read_exactly(fd: int, count: int) -> bytes:
    """`count` bytes; raises EOFError."""
    parts = bytearray()
    while len(parts) < count:
        part = os.read(fd, count - len(parts))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)


def _utter(lib: ctypes.CDLL, out: int, voice: bytes, text: bytes, words_per_minute: int) -> None:
    try:
        samples = synthesize(lib, voice, text, words_per_minute)
    except EspeakError as error:
        _write_all(out, REPLY.pack(error.status & 0xFFFFFFFF, 0))
    else:
        _write_all(out, REPLY.pack(0, len(samples)) + samples)


def _fork_and_utter(lib: ctypes.CDLL, out: int, voice: bytes, text: bytes, words_per_minute: int) -> bool:
    """True when the child wrote its whole reply."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            die_with_parent()
            _utter(lib, out, voice, text, words_per_minute)
            status = 0
        finally:
            os._exit(status)
    return os.waitpid(pid, 0)[1] == 0


def main(library: str, data: str) -> int:
    """Serve until the input ends; the exit status is 1 when a child died over its piece."""
    # The engine process decides when this ends; a terminal's Ctrl-C reaches the whole group.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    die_with_parent()
    source, out = 0, os.dup(1)
    os.dup2(2, 1)
    lib = load(library, data)
    _write_all(out, REPLY.pack(0, 0))
    while True:
        try:
            voice_size, text_size, words_per_minute = REQUEST.unpack(_read_exactly(source, REQUEST.size))
            voice = _read_exactly(source, voice_size)
            text = _read_exactly(source, text_size)
        except EOFError:
            return 0
        if not _fork_and_utter(lib, out, voice, text, words_per_minute):
            return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
