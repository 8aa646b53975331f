"""Which pool speaks a request, and how a worker of another pool gives it away."""

import orjson
import pytest

from streams import settings
from streams.headers import ROUTED
from streams.requests import parse
from streams.routes import REQUEST_TOPICS, group_of, in_pool, part_of, pool_of, request_topics, whose
from streams.topics import Topics
from tests.fakes import Rig

ROUTES = {"TTS_ROUTES": "dia=gpu,vits=gpu,espeak=old-voices", "TTS_MODELS": "tone"}


@pytest.mark.parametrize("pool", ["", "gpu", "old-voices"])
@pytest.mark.parametrize("part", REQUEST_TOPICS)
def test_a_pools_topic_is_told_from_others(part, pool):
    assert part_of(in_pool(part, pool)) == part
    assert whose(in_pool(part, pool)) == pool


@pytest.mark.parametrize("short", ["requests.dlq", "completed", "commands"])
def test_what_all_pools_share_is_what_it_is(short):
    assert part_of(short) == short


def test_a_pool_has_topics_that_are_kept_as_long_and_a_group():
    values = settings.load(ROUTES | {"TTS_TOPIC_RETENTION_DAYS": "requests.bulk=2"})
    topics = Topics(values)
    assert topics["requests.gpu.bulk"].name == "tts.requests.gpu.bulk"
    assert topics["requests.gpu.bulk"].retention_days == topics["requests.bulk"].retention_days == 2
    assert request_topics(values)[3:6] == ("requests.gpu", "requests.gpu.bulk", "requests.gpu.retry")
    assert [group_of(values, pool) for pool in values.pools] == ["loa", "loa.gpu", "loa.old-voices"]


@pytest.mark.parametrize(
    ("fields", "pool"),
    [
        ({}, ""),
        ({"model": "tone"}, ""),
        ({"model": "nobody"}, ""),
        ({"model": "dia"}, "gpu"),
        ({"model": "espeak"}, "old-voices"),
        ({"voice": "dia/S1"}, "gpu"),
        ({"voice": "S1"}, ""),
        ({"voice": "dia/S1", "model": "tone"}, ""),
        ({"speaker_id": "2"}, "old-voices"),
        ({"speaker_id": "99"}, ""),
        ({"text": "[05] Chào."}, "old-voices"),
        ({"speaker_id": "5", "voice": "hibari/heart"}, ""),
    ],
)
def test_model_voice_or_speaker_say_whose_it_is(fields, pool):
    values = settings.load(ROUTES)
    assert pool_of(parse(orjson.dumps({"text": "Hello."} | fields), values), values) == pool


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"TTS_ROUTES": "dia=bulk"}, "TTS_ROUTES"),
        ({"TTS_ROUTES": "dia=GPU"}, "TTS_ROUTES"),
        ({"TTS_ROUTES": "dia="}, "TTS_ROUTES"),
        ({"TTS_ROUTES": "dia"}, "TTS_ROUTES"),
        ({"TTS_ROUTES": "dia=gpu", "TTS_POOL": "cpu"}, "TTS_POOL=cpu"),
        ({"TTS_POOL": "gpu"}, "TTS_POOL=gpu"),
    ],
)
def test_wrong_routes_are_refused(given, says):
    with pytest.raises(settings.SettingsError, match=says):
        settings.load(given)


async def test_what_another_pool_speaks_is_moved_there_once():
    rig = Rig(settings.load(ROUTES))
    rig.ask(model="dia", request_id="mine", key=b"key")
    rig.ask(model="dia", request_id="moved", headers=[(ROUTED, b"1")])
    rig.ask(model="nobody", request_id="nobody")
    await rig.run()
    written = [(short, key, orjson.loads(value)["request_id"]) for short, key, value, _ in rig.writer.records]
    assert ("requests.gpu", b"key", "mine") in written
    assert dict(rig.writer.records[0][3])[ROUTED] == b"1"
    assert {event.request_id for event in rig.writer.events if event.topic == "failed"} == {"moved", "nobody"}
    assert sorted(rig.log.done) == [0, 1, 2]
