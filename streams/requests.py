"""The request: its fields, and the one place that decides whether a record is one."""

import hashlib
import re
import unicodedata
from datetime import datetime
from typing import Annotated, Any, Literal

import orjson
from pydantic import (
    AnyHttpUrl,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
)

from streams.errors import ErrorCode, RequestError
from streams.ids import ID_PATTERN
from streams.settings import Settings

DEFAULT_TENANT = "default"
HTTP_URL = re.compile(r"https?://[^\s\x00-\x1f]+")
LONGEST_URL = 2083

SPEAKABLE = {"pattern": r"^[^\u0000]*[\p{L}\p{N}][^\u0000]*$"}
"""A letter or a number, and no NUL: for schemas, since it is judged elsewhere, after the text was made clean."""

_HTTP = {"type": "string", "format": "iri", "pattern": "^https?://", "maxLength": LONGEST_URL}

Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Url = Annotated[AnyHttpUrl, WithJsonSchema(_HTTP)]
Format = Literal["wav", "flac", "mp3", "opus", "ogg", "pcm"]


def _whole(value: Any) -> Any:
    """JSON has one kind of numbers, in which 5.0 is 5."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _speaker(value: Any) -> Any:
    """A number is as good as its digits; `05` and `5` are one speaker, which the registry knows."""
    value = _whole(value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _moment(value: Any) -> Any:
    """A time with its zone, as ISO 8601 text; strict mode alone would take no text."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("must be an ISO 8601 time with a zone, such as 2025-01-03T10:00:00Z")
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("has no time zone; end it in Z for UTC")
    return moment


def _url(value: Any) -> Any:
    if isinstance(value, str) and len(value) > LONGEST_URL:
        raise ValueError(f"has more than {LONGEST_URL} characters")
    return AnyHttpUrl(value) if isinstance(value, str) else value


class SynthesisRequested(BaseModel):
    """A text to speak. `text` is the only required field; unknown fields are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, allow_inf_nan=False)

    text: Annotated[
        str,
        Field(min_length=1, examples=["Hello from Loa."], description="what to speak", json_schema_extra=SPEAKABLE),
    ]
    request_id: Id | None = Field(None, description="names the request and its file; default: the record's position")
    model: Name = Field("auto", description="engine; `auto` picks one by language")
    voice: Name | None = Field(None, description="voice, as `name` or `engine/name`; it goes before `speaker_id`")
    speaker_id: Annotated[Name | None, BeforeValidator(_speaker, json_schema_input_type=Name | int | None)] = Field(
        None, description="number in the table of speakers; a leading tag in the text, [05], sets it too"
    )
    language: Annotated[str | None, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$")] = Field(
        None, description="BCP 47 tag; detected when absent"
    )
    mixed: bool = Field(False, description="speak each span of another language with a voice of that language")
    speed: Annotated[float, Field(ge=0.25, le=4)] = Field(1.0, description="1 is the voice's own pace")
    seed: Annotated[int | None, Field(ge=0, lt=2**63), BeforeValidator(_whole)] = Field(
        None, description="default: made from the content"
    )
    format: Format = Field("wav", description="audio format of the file")
    sample_rate: Annotated[int | None, Field(ge=8000, le=48_000), BeforeValidator(_whole)] = Field(
        None, description="Hz; default: the voice's"
    )
    stream: bool = Field(False, description="let gateways pass on the audio while it is being spoken")
    store: bool = Field(True, description="false: keep the audio only as long as its delivery needs")
    expiry_hours: Annotated[float | None, Field(gt=0)] = Field(None, description="life of the file, in hours")
    return_audio: bool = Field(False, description="put the audio into `tts.completed` when it is small enough")
    tenant: Id | None = Field(None, description="whose request this is; default: `default`")
    priority: Literal["interactive", "bulk"] = Field("interactive", description="bulk may wait")
    deadline: Annotated[datetime | None, BeforeValidator(_moment)] = Field(None, description="speak it before, or not")
    callback_url: Annotated[Url | None, BeforeValidator(_url)] = Field(None, description="webhook to call")
    metadata: dict[str, Any] | None = Field(None, description="echoed in every event about this request")

    @property
    def callback(self) -> str | None:
        """The webhook to call, if there is one."""
        return str(self.callback_url) if self.callback_url else None

    @property
    def tenant_id(self) -> str:
        """The tenant, or `default`."""
        return self.tenant or DEFAULT_TENANT

    def content_sha256(self) -> str:
        """Fingerprint of what decides the audio: two requests with one id and other content are in conflict."""
        speaker = self.speaker_id.lstrip("0") if self.speaker_id else None
        text = unicodedata.normalize("NFC", self.text)  # however its letters are composed, it sounds the same
        content = [text, self.model, self.voice, speaker, self.language, self.speed, self.seed, self.format]
        optional = (
            ["mixed"] if self.mixed else []
        )  # what came later does not change the fingerprints of what was before
        return hashlib.sha256(orjson.dumps([*content, self.sample_rate, *optional])).hexdigest()

    def seed_or_derived(self) -> int:
        """The seed, or one made from the content, so that speaking it again gives the same samples."""
        return self.seed if self.seed is not None else int(self.content_sha256()[:8], 16)


def parse(value: bytes | None, settings: Settings) -> SynthesisRequested:
    """Bytes of a record → a request. Raises RequestError."""
    fields = _decode(value)
    try:
        request = SynthesisRequested.model_validate(fields)
    except ValidationError as error:
        code, message = _explain(error)
        raise RequestError(code, message, _echo(fields, settings)) from None
    complaint = _beyond_limits(request, settings)
    if complaint:
        raise RequestError(*complaint, _echo(fields, settings))
    return request


def _decode(value: bytes | None) -> dict[str, Any]:
    if not value:
        raise RequestError(ErrorCode.INVALID_REQUEST, "the record is empty; expected a JSON object with a field text")
    try:
        fields = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise RequestError(ErrorCode.INVALID_REQUEST, f"the record is not JSON in UTF-8: {error}") from None
    if not isinstance(fields, dict):
        kind = type(fields).__name__
        raise RequestError(ErrorCode.INVALID_REQUEST, f"the record is JSON, but a {kind} and no object")
    return fields


def _beyond_limits(request: SynthesisRequested, settings: Settings) -> tuple[ErrorCode, str] | None:
    if len(request.text) > settings.max_text_characters:
        message = f"text: has {len(request.text)} characters; at most {settings.max_text_characters} are allowed"
        return ErrorCode.TEXT_TOO_LONG, message
    if "\0" in request.text:
        return ErrorCode.INVALID_REQUEST, "text: contains a NUL character"
    if request.expiry_hours is not None and request.expiry_hours > settings.max_expiry_hours:
        message = f"expiry_hours: {request.expiry_hours:g} is above the limit of {settings.max_expiry_hours:g}"
        return ErrorCode.INVALID_REQUEST, message
    size = _size(request.metadata)
    if size is None:
        return ErrorCode.INVALID_REQUEST, "metadata: is nested too deeply"
    if size > settings.max_metadata_bytes:
        message = f"metadata: {size} bytes as JSON; at most {settings.max_metadata_bytes} are allowed"
        return ErrorCode.INVALID_REQUEST, message
    return None


def _explain(error: ValidationError) -> tuple[ErrorCode, str]:
    """The first complaint, as one sentence: field, value, what is allowed."""
    first = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return ErrorCode.INVALID_REQUEST, f"{field}: is missing"
    code = ErrorCode.INVALID_REQUEST
    if first["type"] == "literal_error" and field == "format":
        code = ErrorCode.UNSUPPORTED_FORMAT
    shown = repr(first["input"])
    shown = shown if len(shown) <= 80 else shown[:77] + "…"
    return code, f"{field}: {first['msg']}; got {shown}"


def _echo(fields: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """What a failure event can repeat of a record that is no valid request."""
    echo: dict[str, Any] = {}
    for name in ("request_id", "tenant"):
        if isinstance(fields.get(name), str) and re.fullmatch(ID_PATTERN, fields[name]):
            echo[name] = fields[name]
    callback = fields.get("callback_url")
    if isinstance(callback, str) and len(callback) <= LONGEST_URL and HTTP_URL.fullmatch(callback):
        echo["callback_url"] = callback
    metadata = fields.get("metadata")
    size = _size(metadata) if isinstance(metadata, dict) else None
    if size is not None and size <= settings.max_metadata_bytes:
        echo["metadata"] = metadata
    return echo


def _size(metadata: dict[str, Any] | None) -> int | None:
    """Bytes as JSON, 0 without any; None for what is nested too deeply to be written again, though it could be read."""
    try:
        return len(orjson.dumps(metadata)) if metadata else 0
    except orjson.JSONEncodeError:
        return None
