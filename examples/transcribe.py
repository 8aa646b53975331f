"""Print what a small offline recogniser, pocketsphinx, hears in audio files: `python examples/transcribe.py FILE…`.

One line for each file: its name, a tab, the words in lower case. English only. It reads what soundfile reads (wav,
flac, mp3, ogg, opus). The recogniser hears far less than people do: a clear sentence comes back with about one word in
ten wrong, so it shows that the words are there, not how good they sound. Install it with `pip install pocketsphinx`.
"""

import sys
from pathlib import Path

import numpy as np
import soundfile
import soxr
from pocketsphinx import Decoder

RATE = 16_000
SILENCE_SECONDS = 0.3
FASTER = {"ds": 2, "maxhmmpf": 3000, "maxwpf": 10, "bestpath": False, "topn": 2}  # by two fifths, and it hears as much


def transcribe(path: Path, decoder: Decoder) -> str:
    """The words in a file, in lower case."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = soxr.resample(samples.mean(axis=1), rate, RATE)
    silence = np.zeros(int(SILENCE_SECONDS * RATE), np.float32)  # it needs a moment to get used to a voice
    pcm = (np.concatenate([silence, mono, silence]) * 32767).clip(-32768, 32767).astype("<i2").tobytes()
    decoder.start_utt()
    decoder.process_raw(pcm, no_search=False, full_utt=True)
    decoder.end_utt()
    heard = decoder.hyp()
    return heard.hypstr.lower() if heard else ""


def main(names: list[str]) -> int:
    if not names:
        print(__doc__, file=sys.stderr)
        return 2
    decoder = Decoder(samprate=float(RATE), loglevel="FATAL", **FASTER)
    for name in names:
        print(f"{name}\t{transcribe(Path(name), decoder)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
