"""Why a request failed: the closed list of codes, and the one exception that carries them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class Reason:
    """What a code means to the client. `retryable`: the same request may succeed later.

    `dead_letter`: the record goes to the DLQ too; not so for what the caller or the rules ended.
    """

    text: str
    retryable: bool = False
    dead_letter: bool = True

    @property
    def passing(self) -> bool:
        """Whether Loa itself tries again, before it fails the request."""
        return self.retryable and self.dead_letter


class ErrorCode(StrEnum):
    """The closed list of codes in `tts.failed`."""

    INVALID_REQUEST = "invalid_request"
    TEXT_TOO_LONG = "text_too_long"
    UNKNOWN_MODEL = "unknown_model"
    UNKNOWN_VOICE = "unknown_voice"
    UNSUPPORTED_FORMAT = "unsupported_format"
    UNSUPPORTED_LANGUAGE = "unsupported_language"
    REQUEST_CONFLICT = "request_conflict"
    EXPIRED = "expired"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    CANCELLED = "cancelled"
    QUOTA_EXCEEDED = "quota_exceeded"
    OUT_OF_MEMORY = "out_of_memory"
    SYNTHESIS_TIMEOUT = "synthesis_timeout"
    SYNTHESIS_FAILED = "synthesis_failed"
    AUDIO_REJECTED = "audio_rejected"
    STORAGE_FAILED = "storage_failed"
    INTERNAL = "internal"

    @property
    def reason(self) -> Reason:
        """What the code means."""
        return REASONS[self]


REASONS: dict[ErrorCode, Reason] = {
    ErrorCode.INVALID_REQUEST: Reason("the record is no valid request: not JSON, or a field is missing or wrong"),
    ErrorCode.TEXT_TOO_LONG: Reason("the text is longer than the limit"),
    ErrorCode.UNKNOWN_MODEL: Reason("no engine of that name is served"),
    ErrorCode.UNKNOWN_VOICE: Reason("no such voice, or no such speaker id"),
    ErrorCode.UNSUPPORTED_FORMAT: Reason("no such audio format, or it cannot have that sample rate"),
    ErrorCode.UNSUPPORTED_LANGUAGE: Reason("no served engine speaks the language, or the voice cannot read a letter"),
    ErrorCode.REQUEST_CONFLICT: Reason("the id was used before for other content", dead_letter=False),
    ErrorCode.EXPIRED: Reason("the result expired before it could be announced", dead_letter=False),
    ErrorCode.DEADLINE_EXCEEDED: Reason("the deadline passed before the text was spoken", dead_letter=False),
    ErrorCode.CANCELLED: Reason("the caller cancelled the request", dead_letter=False),
    ErrorCode.QUOTA_EXCEEDED: Reason("the tenant's quota is used up", retryable=True, dead_letter=False),
    ErrorCode.OUT_OF_MEMORY: Reason("the engine had not enough memory", retryable=True),
    ErrorCode.SYNTHESIS_TIMEOUT: Reason("the engine took longer than it may", retryable=True),
    ErrorCode.SYNTHESIS_FAILED: Reason("the engine could not speak the text", retryable=True),
    ErrorCode.AUDIO_REJECTED: Reason("what the engine delivered is not the text spoken whole", retryable=True),
    ErrorCode.STORAGE_FAILED: Reason("the audio could not be written", retryable=True),
    ErrorCode.INTERNAL: Reason("a fault of Loa itself", retryable=True),
}


class RequestError(Exception):
    """A request that ends in `tts.failed`. The message names the field, the value, and what is allowed.

    `echo`: what of a record that is no valid request could be read all the same: its id, tenant and metadata.
    """

    def __init__(self, code: ErrorCode, message: str, echo: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.echo = echo or {}
