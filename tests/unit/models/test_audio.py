import hashlib
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from models.audio import FORMATS, Encoded, Encoder, delivered_rate, to_pcm
from models.engine import UnsupportedFormat
from models.ogg import checksum
from models.speech import Samples


def tone(seconds: float = 1.0, rate: int = 24_000) -> Samples:
    return (0.4 * np.sin(np.arange(round(seconds * rate)) * (2 * np.pi * 440 / rate))).astype(np.float32)


def encode(path: Path, name: str, rate_in: int = 24_000, rate_out: int | None = None, parts: int = 3) -> Encoded:
    with Encoder(path, name, rate_in, rate_out) as encoder:
        for part in np.array_split(tone(rate=rate_in), parts):
            encoder.write(part)
    return encoder.close()


def test_rounding_clips_and_never_wraps() -> None:
    samples = np.array([-9, -1, -0.5 / 32767, 0, 0.6 / 32767, 1, 9], np.float32)
    assert to_pcm(samples).tolist() == [-32767, -32767, 0, 0, 1, 32767, 32767]


@pytest.mark.parametrize("name", FORMATS)
def test_same_samples_same_bytes_however_they_were_parted(tmp_path: Path, name: str) -> None:
    first, again = encode(tmp_path / "a", name), encode(tmp_path / "b", name, parts=5)
    assert first == again
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("name", ["wav", "flac"])
@pytest.mark.parametrize("rate_out", [None, 8_000, 44_100])
def test_lossless_files_hold_exactly_what_the_hash_says(tmp_path: Path, name: str, rate_out: int | None) -> None:
    encoded = encode(tmp_path / "a", name, 24_000, rate_out)
    pcm, rate = soundfile.read(tmp_path / "a", dtype="int16")
    assert (rate, len(pcm)) == (encoded.sample_rate, encoded.frames)
    assert hashlib.sha256(pcm.astype("<i2").tobytes()).hexdigest() == encoded.pcm_sha256
    assert encoded.duration_seconds == pytest.approx(1.0, abs=1e-3)


def test_pcm_is_the_samples_alone(tmp_path: Path) -> None:
    encoded = encode(tmp_path / "a", "pcm")
    data = (tmp_path / "a").read_bytes()
    assert len(data) == 2 * encoded.frames
    assert hashlib.sha256(data).hexdigest() == encoded.pcm_sha256


@pytest.mark.parametrize("name", ["mp3", "opus", "ogg"])
@pytest.mark.parametrize("rate_in", [22_050, 24_000])
def test_lossy_files_decode_to_the_same_sound(tmp_path: Path, name: str, rate_in: int) -> None:
    encoded = encode(tmp_path / "a", name, rate_in)
    decoded, rate = soundfile.read(tmp_path / "a", dtype="float32")
    assert rate == encoded.sample_rate
    assert len(decoded) == pytest.approx(encoded.frames, rel=0.15)
    spectrum = np.abs(np.fft.rfft(decoded[:rate]))
    assert np.argmax(spectrum) * rate / len(decoded[:rate]) == pytest.approx(440, abs=5)


def test_ogg_checksum_is_that_of_the_format() -> None:
    # The value that libogg gives for this page.
    page = b"OggS\x00\x02" + bytes(8) + b"\x01\x00\x00\x00" + bytes(8) + b"\x01\x01x"
    plain = 0
    for byte in page:
        plain ^= byte << 24
        for _ in range(8):
            plain = (plain << 1 ^ (0x04C11DB7 if plain >> 31 else 0)) & 0xFFFFFFFF
    assert checksum(page) == plain


def test_rates() -> None:
    assert delivered_rate("opus", 22_050) == 24_000
    assert delivered_rate("opus", 44_100) == 48_000
    assert delivered_rate("wav", 22_050) == 22_050
    assert delivered_rate("wav", 96_000) == 48_000
    assert delivered_rate("wav", 24_000, 11_111) == 11_111


@pytest.mark.parametrize(
    ("name", "rate", "allowed"),
    [
        ("aac", None, "wav, flac, mp3, opus, ogg, pcm"),
        ("opus", 22_050, "8000, 12000, 16000, 24000, 48000"),
        ("mp3", 10_000, "11025"),
        ("wav", 7_999, "8000 to 48000"),
        ("wav", 96_000, "8000 to 48000"),
    ],
)
def test_refusals_name_what_is_allowed(name: str, rate: int | None, allowed: str) -> None:
    with pytest.raises(UnsupportedFormat, match=allowed):
        delivered_rate(name, 24_000, rate)


@contextmanager
def small_disk() -> Iterator[None]:
    """Around the call alone: what the test runner writes meanwhile would be cut off too."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "ogg", "opus", "pcm"])
def test_a_full_disk_is_the_systems_own_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(OSError, match="File too large"), small_disk():
        encode(tmp_path / "a", name)


def test_an_error_within_leaves_no_open_file(tmp_path: Path) -> None:
    with pytest.raises(KeyError), Encoder(tmp_path / "a", "ogg", 24_000) as encoder:
        encoder.write(tone())
        raise KeyError
    assert encoder.result is None
