"""What is answered when a call cannot be: a status, a code, a sentence; never a stack trace."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Self

from streams.errors import ErrorCode, RequestError

STATUS: Mapping[ErrorCode, int] = MappingProxyType(
    {
        ErrorCode.INVALID_REQUEST: 400,
        ErrorCode.TEXT_TOO_LONG: 413,
        ErrorCode.UNKNOWN_MODEL: 400,
        ErrorCode.UNKNOWN_VOICE: 400,
        ErrorCode.UNSUPPORTED_FORMAT: 400,
        ErrorCode.UNSUPPORTED_LANGUAGE: 400,
        ErrorCode.REQUEST_CONFLICT: 409,
        ErrorCode.EXPIRED: 410,
        ErrorCode.DEADLINE_EXCEEDED: 504,
        ErrorCode.CANCELLED: 409,
        ErrorCode.QUOTA_EXCEEDED: 429,
        ErrorCode.OUT_OF_MEMORY: 503,
        ErrorCode.SYNTHESIS_TIMEOUT: 504,
        ErrorCode.SYNTHESIS_FAILED: 500,
        ErrorCode.AUDIO_REJECTED: 500,
        ErrorCode.STORAGE_FAILED: 503,
        ErrorCode.INTERNAL: 500,
    }
)
"""The HTTP status of each code of `tts.failed`."""


class ApiError(Exception):
    """A call that ends in an error. `code`: one of `ErrorCode`, or of HTTP's own below."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})

    @classmethod
    def of(cls, error: RequestError, retry_after: int | None = None) -> "ApiError":
        """For a request that is refused before it is on the log. `retry_after`: seconds until it may be taken."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        return cls(STATUS[error.code], error.code.value, error.message, headers)

    @classmethod
    def failed(cls, event: Mapping[str, Any]) -> Self:
        """For a `tts.failed`, or the failure in the store."""
        code = str(event.get("code"))
        known = next((each for each in ErrorCode if each.value == code), ErrorCode.INTERNAL)
        return cls(STATUS[known], code, str(event.get("message")))


class EndedError(ApiError):
    """The same request ended so before."""


def unauthorized(message: str) -> ApiError:
    """No key, or one that is not known."""
    return ApiError(401, "unauthorized", message, {"WWW-Authenticate": "Bearer"})


def forbidden(message: str) -> ApiError:
    """A key that may not do this."""
    return ApiError(403, "forbidden", message)


def not_found(message: str) -> ApiError:
    """Nothing there, or nothing of the caller's."""
    return ApiError(404, "not_found", message)


def gone(message: str) -> ApiError:
    """It was there, and expired or was deleted."""
    return EndedError(410, ErrorCode.EXPIRED.value, message)


def busy(message: str, seconds: int) -> ApiError:
    """Not now; try again in so many seconds."""
    return ApiError(429, "too_many_requests", message, {"Retry-After": str(seconds)})


def pinned(file_id: str) -> ApiError:
    """Nothing deletes it."""
    return ApiError(409, "conflict", f"file_id: {file_id} is pinned: release it first (pinned: false)")
