"""Every setting, one field each, in the order in which `loa config` and the documents list them."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from models.recognise.recogniser import KINDS
from streams.setting_types import (
    AnyNames,
    Cores,
    Count,
    Days,
    Limits,
    Names,
    Networks,
    NotNegative,
    Pairs,
    Place,
    Pool,
    Positive,
    Recogniser,
    Routes,
    cores,
)


class Fields(BaseModel):
    """Each setting by itself: its kind, its default, what it is for. What they mean together: `streams.settings`."""

    model_config = ConfigDict(frozen=True, validate_default=True)

    storage_dir: Place = Field(
        "storage/audio",
        description="where audio and metadata are: a directory, or s3://BUCKET/FOLDER, gs://BUCKET/FOLDER, "
        "az://CONTAINER/FOLDER",
    )
    storage_fallback: Place | None = Field(
        None,
        description="the place from which audio moves to TTS_STORAGE_DIR: what is not there yet is read here",
    )
    default_expiry_hours: Positive = Field(24, description="life of a file whose request names none, in hours")
    cleanup_interval_minutes: Positive = Field(60, description="how often expired files are looked for, in minutes")
    unstored_minutes: Positive = Field(10, description="life of a file whose request says store: false, in minutes")
    tombstone_days: Positive = Field(
        31, description="how long a deleted file is remembered, so that a replayed request is not spoken again, in days"
    )
    orphan_grace_minutes: Positive = Field(
        15, description="how long past its expiry a half-written file may still belong to a living writer, in minutes"
    )
    public_url: str | None = Field(None, description="base of `audio_url` in events, such as https://tts.example.com")
    link_secret: SecretStr | None = Field(
        None,
        description="signs download links, `audio_url` too; 16 bytes or more; two, with a space, while it is changed",
    )
    redirect_downloads: bool = Field(
        False,
        description="whether downloads over HTTP are redirected (307) to signed links of the object store: on or off",
    )

    database_url: SecretStr | None = Field(
        None,
        description="database of the index, sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE; default: "
        "SQLite in a file beside the storage, such as storage/audio.index.sqlite",
    )
    job_retention_days: Positive = Field(
        30,
        description="how long the index remembers a request or delivery after the last that was heard of it, in days",
    )

    kafka_brokers: str | None = Field(
        None, description="host:port of brokers, separated by commas; without it `loa up` starts its own"
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="how to talk to the brokers"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="SASL mechanism"
    )
    kafka_sasl_username: str | None = Field(None, description="SASL user")
    kafka_sasl_password: SecretStr | None = Field(None, description="SASL password")
    kafka_ssl_cafile: Path | None = Field(None, description="CA certificates (PEM); the system's where absent")
    kafka_ssl_certfile: Path | None = Field(None, description="client certificate (PEM)")
    kafka_ssl_keyfile: Path | None = Field(None, description="client key (PEM)")
    kafka_group: str = Field("loa", pattern=r"^[A-Za-z0-9._-]{1,200}$", description="consumer group of the workers")
    kafka_session_timeout_seconds: Positive = Field(
        15, description="silence after which the group gives a worker's partitions away, in seconds"
    )
    kafka_outage_seconds: Positive = Field(
        300, description="length of a broker outage that a worker sits out before it exits, in seconds"
    )
    kafka_metadata_seconds: Positive = Field(
        30, description="how often clients ask the broker whether topics have more partitions, in seconds"
    )
    topic_prefix: str = Field("tts", pattern=r"^[A-Za-z0-9._-]{1,100}$", description="topics are <prefix>.requests, …")
    topic_partitions: Annotated[int, Field(ge=1, le=10_000)] = Field(
        8,
        description="least partitions of the topics that carry requests and outcomes: as many workers can share them",
    )
    topic_replication: Annotated[int, Field(ge=-1, le=32_767)] = Field(
        -1, description="copies of each partition; -1: the broker's default"
    )
    topic_retention_days: Days = Field(
        default_factory=dict, description="retention per topic, such as requests=7,completed=30, in days"
    )

    models: Names = Field(("hibari", "espeak"), description="engines to serve; `auto` picks the first that fits")
    routes: Routes = Field(
        default_factory=dict,
        description="which pool of workers speaks a model, such as dia=gpu,vits=gpu; same everywhere",
    )
    pool: Pool = Field("", description="the pool that a worker belongs to; absent: what has no route")
    models_on_demand: AnyNames = Field(
        (), description="those of TTS_MODELS that are loaded at their first request, in processes of their own"
    )
    model_idle_minutes: Positive = Field(
        10, description="time without a request after which a model on demand is unloaded, in minutes"
    )
    model_memory_mb: Annotated[int, Field(ge=0)] = Field(
        0, description="private memory that all loaded models on demand may take together, in MiB; 0: no limit"
    )
    dia_checkpoint: str | None = Field(None, description="checkpoint of `dia`: a directory, or a name of the model hub")
    dia_slots: Annotated[str, Field(pattern=r"^(auto|[1-9]\d{0,3})$")] = Field(
        "auto", description="texts that `dia` speaks at once; auto: 8 on a CPU, and what memory allows on a GPU"
    )
    dia_graphs: Literal["auto", "off"] = Field(
        "auto", description="auto: steps of `dia` are recorded CUDA graphs on a GPU; off: one operation after the other"
    )
    dia_voices: Path = Field(
        Path("voices"), description="directory of `dia`'s cloned voices, which `loa voices add` writes"
    )
    vits_checkpoint: str | None = Field(
        None, description="checkpoints of `vits`, separated by commas: directories, or names of the model hub"
    )
    piper_dir: Path | None = Field(None, description="directory of Piper voices: NAME.onnx with NAME.onnx.json")
    torch_device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda|cuda:\d+(,cuda:\d+)*)$")] = Field(
        "auto",
        description="where `dia` and `vits` run: auto, cpu, cuda, cuda:N, or several such as cuda:0,cuda:1, with a "
        "process each where the engine speaks several pieces at once; auto: a GPU where there is one",
    )
    torch_dtype: Literal["auto", "float32", "bfloat16", "float16", "float64"] = Field(
        "auto", description="numbers `dia` and `vits` calculate with; auto: float32, but bfloat16 for `dia` on a GPU"
    )
    engine_processes: Cores = Field(default_factory=cores, description="engine processes; default: one per core")
    engine_memory_mb: Annotated[int, Field(ge=0)] = Field(
        0, description="private memory an engine process may take before it is replaced, in MiB; 0: no limit"
    )
    engine_start_seconds: Positive = Field(
        120, description="time an engine process has to load its engines, weights that it fetches included, in seconds"
    )
    engine_heartbeat_seconds: Positive = Field(
        30, description="silence after which an engine process counts as frozen and is replaced, in seconds"
    )
    default_language: str = Field("en", description="language of a text that does not tell, a BCP 47 tag")
    normalise: Literal["on", "off"] = Field(
        "on", description="put numbers, dates, money and abbreviations into words before they are spoken: on or off"
    )
    speakers: Pairs = Field(
        default_factory=dict, description="speaker ids to voices, such as 05=espeak/vi; added to the built-in table"
    )
    synthesis_timeout_seconds: Positive = Field(
        60, description="time an engine has for one piece, beside ten times its estimate, in seconds"
    )
    synthesis_tries: Count = Field(
        3, description="tries of a piece that is rejected or whose engine process died, or of a failing store"
    )

    check: Literal["on", "off"] = Field(
        "on", description="refuse audio that is not its text spoken whole; off, for experiments: only what is no audio"
    )
    check_recogniser: Recogniser | None = Field(
        None, description=f"who hears each piece: {KINDS}; slower than most voices speak; nobody by default"
    )
    check_word_errors: Annotated[float, Field(ge=0, le=1)] = Field(
        0.5, description="part of a piece's words that TTS_CHECK_RECOGNISER may hear wrong, miss or make up"
    )
    resume_seconds: Positive = Field(
        30, description="estimated speech from which on spoken chunks are kept, to go on after a crash, in seconds"
    )

    retry_attempts: Count = Field(3, description="tries of a request that fails for what may pass, before it fails")
    retry_delay_seconds: Positive = Field(5, description="pause before the second try, doubled for each further one")

    max_text_characters: Count = Field(100_000, description="longest text, in characters")
    max_inline_bytes: Count = Field(524_288, description="largest audio in an event, in bytes")
    max_metadata_bytes: Count = Field(16_384, description="largest metadata of a request as JSON, in bytes")
    max_expiry_hours: Positive = Field(87_600, description="longest life of a file, in hours")

    quota_speech_seconds: Limits = Field(
        default_factory=dict,
        description="speech that a tenant may have spoken in a day (UTC), in seconds, such as *=3600,acme=36000; "
        "*: every tenant that is not named; default: no limit",
    )
    quota_stored_mb: Limits = Field(
        default_factory=dict,
        description="audio that a tenant may keep stored, in MiB, written in the same way; default: no limit",
    )

    reuse_minutes: NotNegative = Field(
        0,
        description="how long audio is copied for identical requests of its tenant instead of being spoken again, in "
        "minutes; 0: never",
    )

    window_seconds: Positive = Field(
        600, description="estimated seconds of speech a worker has in hand before it stops taking requests"
    )
    window_requests: Count = Field(64, description="requests a worker has in hand before it stops taking more")
    window_tenant_share: Annotated[float, Field(gt=0, le=1)] = Field(
        0.5, description="part of the window that one tenant may fill while it is alone; what is beyond waits in bulk"
    )
    window_bytes: Count = Field(
        33_554_432, description="bytes of one topic read ahead before its partitions are paused"
    )
    window_max_age_seconds: Positive = Field(
        900, description="age of the oldest unfinished request at which a worker gives up and exits, in seconds"
    )
    drain_seconds: Positive = Field(20, description="time a stopping worker has to finish what it holds, in seconds")
    worker_id: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._-]{1,100}$",
        description="name that one worker at a time has and keeps over restarts; default: host name and a free number",
    )
    health_host: str = Field(
        "127.0.0.1", description="address at which worker, webhooks and reconciler tell their health"
    )
    health_port: Annotated[int, Field(ge=0, le=65_535)] = Field(
        0, description="port of their /healthz, /readyz and /metrics; 0: a free one, which the ready line tells"
    )
    metrics_tenants: Annotated[int, Field(ge=0, le=1000)] = Field(
        0, description="tenants that have metrics of their own, the first that come; those beyond share one; 0: none"
    )
    webhook_secret: SecretStr | None = Field(
        None, description="signs what a callback_url is told: whsec_ and base64; two, with a space, while it is changed"
    )
    webhook_endpoints_file: Path | None = Field(None, description="endpoints that are told of events, as JSON")
    webhook_allow_networks: Networks = Field(
        (), description="networks inside which webhooks may connect, such as 10.1.0.0/16; public addresses always are"
    )
    webhook_timeout_seconds: Positive = Field(15, description="time an endpoint has to answer, in seconds")
    webhook_retry_seconds: Positive = Field(
        5, description="pause before the second attempt, four times as long before each further one, in seconds"
    )
    webhook_give_up_hours: Positive = Field(24, description="how long a webhook is tried, in hours")
    api_keys_file: Path | None = Field(
        None, description="API keys, as `loa keys create` writes them; without it the gateway is for this machine alone"
    )
    sync_seconds: Positive = Field(
        60, description="how long an HTTP call waits for its audio before it is answered with 202, in seconds"
    )
    max_waits: Count = Field(
        1000, description="HTTP calls that may wait for an outcome at once, and as many streams of events"
    )
    max_queued_seconds: Positive = Field(
        36_000,
        description="estimated seconds queued, in a pool's lane or of a tenant there, beyond which HTTP calls get 429",
    )
    max_body_bytes: Count = Field(1_048_576, description="largest body of an HTTP call, in bytes")
    cors_origins: AnyNames = Field(
        (), description="web pages that may call the gateway from a browser, such as https://app.example.com"
    )
    openai_voices: Pairs = Field(
        default_factory=dict,
        description="OpenAI's voice names to voices, such as alloy=hibari/heart; default: by language",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="what is logged")
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="how lines of the log are written; auto: readable on a terminal, JSON elsewhere"
    )
    traces: Literal["off", "otlp"] = Field(
        "off",
        description="whether spans are recorded, and sent over OTLP to OTEL_EXPORTER_OTLP_ENDPOINT (package extra "
        "otel)",
    )
