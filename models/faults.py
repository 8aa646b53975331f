"""What an engine or its libraries raise, as an error of this room."""

from models.engine import ModelError, OutOfMemory, SpeakError

# numpy raises MemoryError, onnxruntime its own exceptions, torch an OutOfMemoryError.
_NO_MEMORY = ("bad_alloc", "bad allocation", "allocate memory", "out of memory")


def translated(error: Exception, prefix: str = "") -> ModelError:
    """The error of this room for anything an engine may raise; `prefix` goes before its message."""
    if isinstance(error, ModelError):
        return type(error)(f"{prefix}{error}")
    message = f"{prefix}{type(error).__name__}: {error}"
    if isinstance(error, MemoryError) or any(words in message.lower() for words in _NO_MEMORY):
        return OutOfMemory(message)
    return SpeakError(message)
