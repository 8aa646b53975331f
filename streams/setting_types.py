"""What kinds of values settings take, and how they are written in an environment variable."""

import os
import re
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from models.recognise.recogniser import refuse_unknown
from storage.opening import check_address
from streams.ids import ID_PATTERN


def _pairs(value: Any) -> Any:
    """`a=1,b=2` → {"a": "1", "b": "2"}."""
    if not isinstance(value, str):
        return value
    pairs = [part.split("=", 1) for part in value.split(",") if part.strip()]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError("expected name=value pairs, separated by commas")
    return {name.strip(): text.strip() for name, text in pairs}


def _tenant(value: str) -> str:
    """`*` stands for every tenant that is not named."""
    if value != "*" and not re.fullmatch(ID_PATTERN, value):
        raise ValueError(f"{value!r} is no tenant, and not * for every other")
    return value


def _names(value: Any) -> Any:
    """`a, b` → ("a", "b")."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


DEFAULT_POOL = ""
RESERVED = frozenset({"bulk", "retry", "dlq"})  # what names of request topics end in, for every pool
_POOL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")


def _pool(name: str) -> str:
    if name != DEFAULT_POOL and (name in RESERVED or not _POOL.fullmatch(name)):
        raise ValueError(f"a pool has a name of a-z, 0-9 and -, which is not {', '.join(sorted(RESERVED))}")
    return name


def _routes(pairs: dict[str, str]) -> dict[str, str]:
    """Raises ValueError."""
    if not all(pairs.values()):
        raise ValueError("a model is routed to a pool by its name, such as dia=gpu")
    return {model: _pool(pool) for model, pool in pairs.items()}


NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Tenant = Annotated[str, AfterValidator(_tenant)]
Pairs = Annotated[dict[str, str], BeforeValidator(_pairs)]
Days = Annotated[dict[str, Annotated[float, Field(gt=0)]], BeforeValidator(_pairs)]
Limits = Annotated[dict[Tenant, NotNegative], BeforeValidator(_pairs)]
Pool = Annotated[str, AfterValidator(_pool)]
Routes = Annotated[dict[str, str], BeforeValidator(_pairs), AfterValidator(_routes)]
Names = Annotated[tuple[str, ...], BeforeValidator(_names), Field(min_length=1)]
AnyNames = Annotated[tuple[str, ...], BeforeValidator(_names)]
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], BeforeValidator(_names)]
Place = Annotated[str, AfterValidator(check_address)]
Recogniser = Annotated[str, AfterValidator(refuse_unknown)]
Cores = Annotated[int, Field(ge=1, le=256)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]


def cores() -> int:
    """CPU cores this process may use."""
    return len(os.sched_getaffinity(0))
