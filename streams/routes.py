"""Pools of workers: which models are spoken by whom, and the topics and the consumer group of each pool.

A pool has request topics of its own, a part each for what is asked for, what may wait, and what is tried again. The
pool without a name has `requests`, `requests.bulk` and `requests.retry`; the pool `gpu` has `requests.gpu`,
`requests.gpu.bulk` and `requests.gpu.retry`. All others are shared.
"""

from models.registry import DEFAULT_SPEAKERS
from models.text import clean, speaker_key, take_speaker_tag
from streams.requests import SynthesisRequested
from streams.setting_types import DEFAULT_POOL, RESERVED
from streams.settings import Settings

REQUEST_TOPICS = ("requests", "requests.bulk", "requests.retry")
"""Where requests and their copies are, by short name, in the pool without a name: what its group reads."""


def in_pool(part: str, pool: str) -> str:
    """The topic that a pool has for one of `REQUEST_TOPICS`, by short name."""
    first, _, lane = part.partition(".")
    return ".".join(name for name in (first, pool, lane) if name)


def part_of(short: str) -> str:
    """Which of `REQUEST_TOPICS` a pool's topic is for it; other topics are what they are."""
    first, *rest = short.split(".")
    return ".".join([first, *(name for name in rest if name in RESERVED)]) if first == "requests" else short


def whose(short: str) -> str:
    """The pool that a topic of `REQUEST_TOPICS` is of."""
    return next((name for name in short.split(".")[1:] if name not in RESERVED), DEFAULT_POOL)


def no_pool(name: str, settings: Settings) -> str:
    """What to say to who asks for a pool that there is not."""
    pools = ", ".join(map(repr, settings.pools))
    return f"pool: {name[:80]!r} is none of {pools}, which TTS_ROUTES names"


def request_topics(settings: Settings) -> tuple[str, ...]:
    """Those of all pools, by short name."""
    return tuple(in_pool(part, pool) for pool in settings.pools for part in REQUEST_TOPICS)


def group_of(settings: Settings, pool: str) -> str:
    """The consumer group of a pool's workers."""
    return f"{settings.kafka_group}.{pool}" if pool else settings.kafka_group


def pool_of(request: SynthesisRequested, settings: Settings) -> str:
    """Whose workers speak it: those of its model, or of the engine of its voice; else the pool without a name."""
    if not settings.routes:
        return DEFAULT_POOL
    return settings.routes.get(_model_of(request, settings), DEFAULT_POOL)


def _model_of(request: SynthesisRequested, settings: Settings) -> str:
    if request.model != "auto":
        return request.model
    voice = request.voice
    speaker = request.speaker_id or take_speaker_tag(clean(request.text))[0]
    if voice is None and speaker is not None:
        speakers = {speaker_key(key): value for key, value in {**DEFAULT_SPEAKERS, **settings.speakers}.items()}
        voice = speakers.get(speaker_key(speaker))
    engine, slash, _ = (voice or "").partition("/")
    return engine if slash else request.model
