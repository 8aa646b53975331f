"""Engines by name: the entry points of the group `loa.models`."""

from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from models.engine import Engine, UnknownModel

GROUP = "loa.models"

Options = Mapping[str, Mapping[str, str]]
"""What an engine is made with, by its name: keyword arguments, such as `{"dia": {"checkpoint": "/models/dia"}}`."""


def installed() -> list[str]:
    """Names of all installed engines, sorted."""
    return sorted(_points())


def load_engine(name: str, options: Options | None = None) -> Engine:
    """A new engine, not yet loaded. `name`: an entry point's, or `module:attribute` for one that is not packaged.

    Raises UnknownModel, naming what is installed or what could not be imported, and what the engine raises that
    refuses its options.
    """
    try:
        factory: Callable[..., Engine] = _entry_point(name).load()
    except (ImportError, AttributeError) as error:
        raise UnknownModel(f"model {name!r} cannot be imported: {error}") from error
    return factory(**(options or {}).get(name, {}))


def _entry_point(name: str) -> EntryPoint:
    if ":" in name:
        return EntryPoint(name, name, GROUP)
    if name in _points():
        return _points()[name]
    raise UnknownModel(f"model {name!r} is not installed; installed: {', '.join(installed()) or 'none'}")


@cache
def _points() -> dict[str, EntryPoint]:
    return {point.name: point for point in reversed(tuple(entry_points(group=GROUP)))}  # the first of a name counts
