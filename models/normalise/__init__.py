"""Text as it is read aloud: numbers, dates, money, units and abbreviations in words, Vietnamese and English.

Other languages pass as they are. The words belong to a result's identity: `revision` changes with them.
"""

import re

from models import packages
from models.normalise import en, vi

# Tags that a voice reads itself: speakers of a dialogue.
_TAG = re.compile(r"(\[S\d\])")

_LIBRARIES = {"vi": ("g2p-hamster",), "en": ("num2words",)}
_REVISIONS = {"vi": vi.REVISION, "en": en.REVISION}


def normalise(text: str, language: str) -> str:
    """The text in words. `text`: clean, as models.text.clean gives it. `language`: BCP 47.

    Only in America, and where no country is given, do dates begin with the month.
    """
    name, _, country = language.lower().partition("-")
    if name not in _REVISIONS:
        return text
    return "".join(part if _TAG.fullmatch(part) else _words(part, name, country) for part in _TAG.split(text))


def _words(text: str, name: str, country: str) -> str:
    return vi.normalise(text) if name == "vi" else en.normalise(text, day_first=country not in {"", "us", "ph"})


def load() -> None:
    """Load the libraries now. Blocking, some tenths of a second."""
    for name in _REVISIONS:
        normalise("ABC 1", name)


def revision(language: str) -> str | None:
    """What decides the words; None for a language that is passed as it is."""
    name = language.lower().partition("-")[0]
    if name not in _REVISIONS:
        return None
    return f"words {_REVISIONS[name]}; {packages.versions(*_LIBRARIES[name])}"
