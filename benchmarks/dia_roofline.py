"""What a step of decoding has to read and to multiply, and how fast a machine can do either."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from models.dia.weights import Weights


def clock(device: str) -> float:
    """Seconds: on a CPU of this process alone, whose one thread others may stop; on a GPU, until it is done."""
    if device == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


@dataclass(frozen=True)
class Roofline:
    """Of a machine: bytes and multiplications (two operations each) a second, as a copy and a product reach them."""

    bandwidth: float
    products: float

    def seconds(self, read: float, multiplied: float) -> float:
        """The least that so much work takes."""
        return max(read / self.bandwidth, multiplied / self.products)


def step_bytes(weights: Weights, requests: int, positions: float, text_bytes: int) -> float:
    """Read in a step: all weights once, and keys and values of every request."""
    shape, size = weights.shape, weights.head.element_size()
    own = 2 * 2 * positions * shape.kv_heads * shape.head_width
    cross = 2 * text_bytes * shape.cross_kv_heads * shape.cross_head_width
    return weights.step_bytes() + requests * shape.layers * (own + cross) * size


def step_products(weights: Weights, requests: int) -> float:
    """Multiplications of a step: every weight with each of the two rows of a request."""
    return 2 * requests * weights.step_bytes() / weights.head.element_size()


def measure(device: str, dtype: torch.dtype, rows: int) -> Roofline:
    """The best of some tries. `rows`: of the product's thin side, as in a step."""
    big = torch.ones(1 << 26, dtype=dtype, device=device)
    out = torch.empty_like(big)
    matrix, thin = (
        torch.ones(4096, 4096, dtype=dtype, device=device),
        torch.ones(4096, rows, dtype=dtype, device=device),
    )
    copying = _best(lambda: out.copy_(big), device)
    multiplying = _best(lambda: torch.matmul(matrix, torch.cat([thin] * (512 // rows), dim=1)), device)
    size = big.element_size()
    return Roofline(2 * size * len(big) / copying, 4096 * 4096 * rows * (512 // rows) / multiplying)


def _best(work: Callable[[], object], device: str) -> float:
    times = []
    for _ in range(7):
        began = clock(device)
        work()
        times.append(clock(device) - began)
    return min(times)
