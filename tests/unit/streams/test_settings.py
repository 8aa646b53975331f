"""Settings: refused by name, and shown without secrets."""

import pytest

from models.recognise.recogniser import Listening
from streams import settings
from streams.settings import Settings, SettingsError
from streams.topics import Topics


def test_defaults_need_no_environment():
    loaded = settings.load({})
    assert (loaded.storage_dir, loaded.default_expiry_hours, loaded.cleanup_interval_minutes) == (
        "storage/audio",
        24,
        60,
    )
    assert loaded.models == ("hibari", "espeak")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TTS_DEFAULT_EXPIRY_HOURS", "abc"),
        ("TTS_DEFAULT_EXPIRY_HOURS", "-1"),
        ("TTS_DEFAULT_EXPIRY_HOURS", "0"),
        ("TTS_DEFAULT_EXPIRY_HOURS", "nan"),
        ("TTS_DEFAULT_EXPIRY_HOURS", "inf"),
        ("TTS_DEFAULT_EXPIRY_HOURS", "100000"),
        ("TTS_CLEANUP_INTERVAL_MINUTES", "0"),
        ("TTS_ENGINE_PROCESSES", "0"),
        ("TTS_ENGINE_PROCESSES", "two"),
        ("TTS_MODELS", ","),
        ("TTS_SPEAKERS", "05"),
        ("TTS_TOPIC_PREFIX", "a b"),
        ("TTS_TOPIC_RETENTION_DAYS", "requests=-1"),
        ("TTS_KAFKA_SECURITY_PROTOCOL", "TLS"),
        ("TTS_WORKER_ID", "a/b"),
        ("TTS_LOG_LEVEL", "loud"),
        ("TTS_LOG_FORMAT", "xml"),
        ("TTS_TORCH_DEVICE", "cuda:0,cpu"),
        ("TTS_TORCH_DEVICE", "cuda:0,"),
        ("TTS_TORCH_DEVICE", "cuda:1,cuda:1"),
        ("TTS_MODELS_ON_DEMAND", "dia"),
        ("TTS_MODEL_IDLE_MINUTES", "0"),
        ("TTS_MODEL_MEMORY_MB", "-1"),
        ("TTS_CHECK_RECOGNISER", "sphinx"),
        ("TTS_CHECK_RECOGNISER", "whisper"),
        ("TTS_CHECK_WORD_ERRORS", "1.1"),
    ],
)
def test_a_wrong_value_is_refused_by_name(name, value):
    with pytest.raises(SettingsError, match=name):
        settings.load({name: value})


def test_a_model_on_demand_is_one_that_is_served():
    with pytest.raises(SettingsError, match="TTS_MODELS_ON_DEMAND=dia: not in TTS_MODELS; allowed: hibari, espeak"):
        settings.load({"TTS_MODELS_ON_DEMAND": "espeak,dia"})
    assert settings.load({"TTS_MODELS_ON_DEMAND": "espeak"}).models_on_demand == ("espeak",)


@pytest.mark.parametrize(
    ("given", "devices"),
    [("", ("auto",)), ("cuda", ("cuda",)), ("cuda:1", ("cuda:1",)), ("cuda:0,cuda:3", ("cuda:0", "cuda:3"))],
)
def test_engines_are_made_with_the_first_device(given: str, devices: tuple[str, ...]):
    loaded = settings.load({"TTS_TORCH_DEVICE": given, "TTS_DIA_CHECKPOINT": "/dia"})
    assert loaded.torch_devices == devices
    assert loaded.engine_options["dia"]["device"] == loaded.engine_options["vits"]["device"] == devices[0]
    assert loaded.engine_options["dia"]["checkpoint"] == "/dia"
    assert "checkpoint" not in loaded.engine_options["vits"]


def test_nobody_listens_where_audio_is_not_checked():
    asked = {"TTS_CHECK_RECOGNISER": "pocketsphinx", "TTS_CHECK_WORD_ERRORS": "0.3"}
    assert settings.load(asked).listening == Listening("pocketsphinx", 0.3)
    assert settings.load(asked | {"TTS_CHECK": "off"}).listening is None
    assert settings.load({}).listening is None


def test_every_wrong_value_is_named_at_once():
    with pytest.raises(SettingsError, match=r"(?s)TTS_DEFAULT_EXPIRY_HOURS='x'.*TTS_ENGINE_PROCESSES='y'"):
        settings.load({"TTS_ENGINE_PROCESSES": "y", "TTS_DEFAULT_EXPIRY_HOURS": "x"})


def test_sasl_needs_its_user_and_password():
    with pytest.raises(SettingsError, match="TTS_KAFKA_SASL_USERNAME"):
        settings.load({"TTS_KAFKA_SECURITY_PROTOCOL": "SASL_SSL"})


def test_a_secret_is_never_shown():
    environ = {"TTS_KAFKA_SASL_USERNAME": "loa", "TTS_KAFKA_SASL_PASSWORD": "hush-hush"}
    loaded = settings.load(environ)
    assert "hush-hush" not in str(settings.table(loaded)) + repr(loaded)
    assert loaded.kafka_sasl_password is not None


def test_fractions_and_tables():
    loaded = settings.load({"TTS_CLEANUP_INTERVAL_MINUTES": "0.05", "TTS_SPEAKERS": "05=espeak/vi, 6 = espeak/de"})
    assert loaded.cleanup_interval_minutes == 0.05
    assert loaded.speakers == {"05": "espeak/vi", "6": "espeak/de"}


def test_an_empty_value_is_as_none():
    assert settings.load({"TTS_DEFAULT_EXPIRY_HOURS": ""}).default_expiry_hours == 24


def test_what_is_given_is_all_there_is(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TTS_KAFKA_GROUP", "ours")
    assert settings.load().kafka_group == "ours"
    assert settings.load({}).kafka_group == "loa"


def test_unknown_names_are_told_with_the_nearest_right_one():
    warnings = settings.unknown({"TTS_DEFAULT_EXPIRY_HOUR": "1", "TTS_QQQQQQQQ": "1", "HOME": "/"})
    assert warnings == [
        "TTS_DEFAULT_EXPIRY_HOUR is not a setting; did you mean TTS_DEFAULT_EXPIRY_HOURS?",
        "TTS_QQQQQQQQ is not a setting",
    ]


def test_the_table_tells_where_a_value_comes_from():
    rows = {row["name"]: row for row in settings.table(settings.load({"TTS_DEFAULT_EXPIRY_HOURS": "0.5"}))}
    assert (rows["TTS_DEFAULT_EXPIRY_HOURS"]["value"], rows["TTS_DEFAULT_EXPIRY_HOURS"]["source"]) == (
        0.5,
        "environment",
    )
    assert rows["TTS_MODELS"] | {"description": ""} == {
        "name": "TTS_MODELS",
        "value": "hibari,espeak",
        "source": "default",
        "description": "",
    }


def test_every_setting_says_what_it_is():
    assert all(info.description for info in Settings.model_fields.values())


def test_tombstones_outlive_requests():
    with pytest.raises(SettingsError, match=r"TTS_TOMBSTONE_DAYS=3: requests stay 7 days"):
        Topics(settings.load({"TTS_TOMBSTONE_DAYS": "3"}))


def test_retention_of_a_topic_that_is_none():
    with pytest.raises(SettingsError, match="no topic request;"):
        Topics(settings.load({"TTS_TOPIC_RETENTION_DAYS": "request=1"}))
