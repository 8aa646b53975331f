"""What the engine is made with: words, checked when it is made."""

from dataclasses import dataclass
from pathlib import Path

from models.engine import UnknownModel

DTYPES = ("auto", "float32", "bfloat16", "float16", "float64")

_DRIVER = Path("/dev/nvidiactl")
"""There where a GPU of NVIDIA can be used; looked for without importing torch."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the words mean here.

    `device`: cpu, cuda or cuda:N. `dtype`: of DTYPES but auto. `slots`, `max_tokens`: None for what fits. `graphs`: on
    a GPU.
    """

    device: str
    dtype: str
    slots: int | None
    max_tokens: int | None
    threads: int
    graphs: bool

    @property
    def on_gpu(self) -> bool:
        """Whether it runs on a GPU."""
        return self.device != "cpu"


def parse(device: str, dtype: str, *, slots: str, max_tokens: str, threads: str, graphs: str) -> Options:
    """Raises UnknownModel, naming the option, its value, and what is allowed."""
    kind, _, number = device.partition(":")
    if kind not in {"auto", "cpu", "cuda"} or (number and (kind != "cuda" or not number.isdecimal())):
        raise _wrong("device", device, "auto, cpu, cuda, cuda:N")
    if dtype not in DTYPES:
        raise _wrong("dtype", dtype, ", ".join(DTYPES))
    if graphs not in {"auto", "off"}:
        raise _wrong("graphs", graphs, "auto, off")
    device = ("cuda" if _DRIVER.exists() else "cpu") if device == "auto" else device
    dtype = ("float32" if device == "cpu" else "bfloat16") if dtype == "auto" else dtype
    counts = _count("slots", slots), _count("max_tokens", max_tokens, 64)
    return Options(device, dtype, *counts, _count("threads", threads) or 1, graphs == "auto" and device != "cpu")


def _count(name: str, value: str, least: int = 1) -> int | None:
    if value == "auto":
        return None
    if not value.isdecimal() or int(value) < least:
        raise _wrong(name, value, f"auto, or a number from {least}")
    return int(value)


def _wrong(name: str, value: str, allowed: str) -> UnknownModel:
    return UnknownModel(f"model 'dia': {name} is {value!r}; allowed: {allowed}")
