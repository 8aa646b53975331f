"""Which Loa this is, and which contract it keeps."""

import importlib.metadata

CONTRACT = "0.1.0"
"""Version of the events, the HTTP calls and their documents: changed by hand, with the release that changes them."""


def version() -> str:
    """Version of the installed package, as git's tags say."""
    return importlib.metadata.version("loa-tts")
