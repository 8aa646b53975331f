"""Which language a text is in: by its letters where they tell, by py3langid where they do not."""

import re
from collections import Counter
from collections.abc import Collection
from functools import cache
from typing import Any

# More than this tells no more, and a request should not wait for it.
_LOOK_AT_CHARACTERS = 2_000

_LEAST_LETTERS = 16
_LEAST_WORDS = 3
_LEAST_OF_PLAIN = 0.85
"""English has no marks on its letters: without them another language must be likelier than with them."""
_LEAST_OF_MARKED = 0.6
_LEAST_OF_SCRIPT = 0.6

_WORD = re.compile(r"[^\W\d_]+")

# Letters that Vietnamese alone has: ơ, ư, and the block of marked vowels U+1EA0–U+1EF9.
_VIETNAMESE_ALONE = re.compile("[ơưƠƯ\u1ea0-\u1ef9]")
# All its letters outside a–z: some are shared with French, Portuguese, Romanian or Croatian.
_VIETNAMESE_MARKED = re.compile("[ăâđêôơưàáãèéìíòóõùúýĩũ\u1ea0-\u1ef9]", re.IGNORECASE)
_VOWEL = "aăâeêioôơuưyàáãèéìíòóõùúýĩũ\u1ea0-\u1ef9"
_VIETNAMESE_SYLLABLE = re.compile(
    rf"(?:ngh?|gh|gi|kh|nh|ph|qu|th|tr|ch|[bcdđghklmnprstvx])?[{_VOWEL}]{{1,3}}(?:ch|nh|ng|[cmnpt])?", re.IGNORECASE
)

# First and last character of each script, its language, and the others that are written in it.
_SCRIPTS = (
    ("\u0370", "\u03ff", "el", ()),
    ("\u0400", "\u052f", "ru", ("uk", "bg", "sr", "mk", "be", "kk", "ky")),
    ("\u0530", "\u058f", "hy", ()),
    ("\u0590", "\u05ff", "he", ()),
    ("\u0600", "\u06ff", "ar", ("fa", "ur", "ug", "ps")),
    ("\u0900", "\u097f", "hi", ("mr", "ne")),
    ("\u0980", "\u09ff", "bn", ("as",)),
    ("\u0a00", "\u0a7f", "pa", ()),
    ("\u0a80", "\u0aff", "gu", ()),
    ("\u0b00", "\u0b7f", "or", ()),
    ("\u0b80", "\u0bff", "ta", ()),
    ("\u0c00", "\u0c7f", "te", ()),
    ("\u0c80", "\u0cff", "kn", ()),
    ("\u0d00", "\u0d7f", "ml", ()),
    ("\u0d80", "\u0dff", "si", ()),
    ("\u0e00", "\u0e7f", "th", ()),
    ("\u0e80", "\u0eff", "lo", ()),
    ("\u1000", "\u109f", "my", ()),
    ("\u10a0", "\u10ff", "ka", ()),
    ("\u1200", "\u137f", "am", ()),
    ("\u1780", "\u17ff", "km", ()),
    ("\u1100", "\u11ff", "ko", ()),
    ("\uac00", "\ud7a3", "ko", ()),
    ("\u3040", "\u30ff", "ja", ()),
    ("\u3400", "\u9fff", "zh", ()),
)

_LATIN = frozenset(
    "en fr de es it pt nl pl cs sk tr sv da nb fi hu ro id ca hr et lv lt sl af sw eu cy ga is sq ms la".split()  # noqa: SIM905
)


class LanguageDetector:
    """Tells the language of a text. `default`: for short or uncertain text in Latin letters.

    A process loads py3langid's model once, when it is needed (0.8 s, 60 MB); without it Latin text is `default`.
    """

    def __init__(self, default: str = "en") -> None:
        self.default = default

    def load(self) -> None:
        """Load the model now. Blocking."""
        self._among(["load"], _LATIN, 1.0)

    def detect(self, text: str, default: str | None = None) -> str:
        """A BCP 47 tag. `text`: as `models.text.clean` gives it. `default`: instead of the detector's own."""
        default = default or self.default
        words = _WORD.findall(text[:_LOOK_AT_CHARACTERS])
        if not words:
            return default
        if is_vietnamese(words):
            return "vi"
        letters = "".join(words)
        plain = letters.isascii()
        script = None if plain else _script(letters)
        if script is not None:
            language, others = script
            return self._among(words, (language, *others), _LEAST_OF_SCRIPT) or language
        if len(letters) < _LEAST_LETTERS or len(words) < _LEAST_WORDS:
            return default
        return self._among(words, _LATIN, _LEAST_OF_PLAIN if plain else _LEAST_OF_MARKED) or default

    def _among(self, words: list[str], languages: Collection[str], least: float) -> str | None:
        """The likeliest of some languages, if it is likely enough."""
        identifier = None if len(languages) == 1 else _identifier()
        if identifier is None:
            return None
        ranked = [(str(name), float(p)) for name, p in identifier.rank(" ".join(words)) if name in languages]
        total = sum(p for _, p in ranked)
        if not ranked or total <= 0 or ranked[0][1] / total < least:
            return None
        return ranked[0][0]


@cache
def _identifier() -> Any:
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError:
        return None
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def is_vietnamese_word(word: str) -> bool:
    """Whether it carries a mark that Vietnamese has, in a syllable that it could have."""
    return bool(_VIETNAMESE_MARKED.search(word) and _VIETNAMESE_SYLLABLE.fullmatch(word))


def is_vietnamese_alone(text: str) -> bool:
    """Whether there is a letter that Vietnamese alone has."""
    return _VIETNAMESE_ALONE.search(text) is not None


def is_vietnamese(words: list[str]) -> bool:
    """Whether enough words carry its marks: a quarter, in letters it alone has or in syllables it could have.

    A dish's name in an English sentence is not enough, and `déjà vu` is none.
    """
    marked = sum(_VIETNAMESE_MARKED.search(word) is not None for word in words)
    if marked * 4 < len(words) or not marked:
        return False
    syllables = sum(_VIETNAMESE_SYLLABLE.fullmatch(word) is not None for word in words)
    alone = any(_VIETNAMESE_ALONE.search(word) for word in words)
    return syllables * 10 >= len(words) * (4 if alone else 9)


def _script(letters: str) -> tuple[str, tuple[str, ...]] | None:
    """The language of the script that has most letters, and its others; None for Latin."""
    counts = Counter(_script_of(letter) for letter in letters)
    kana = next((s for s in counts if s is not None and s[0] == "ja"), None)
    if kana is not None and sum(n for s, n in counts.items() if s is not None and s[0] in ("ja", "zh")) * 2 > len(
        letters
    ):
        return kana
    return counts.most_common(1)[0][0]


def _script_of(letter: str) -> tuple[str, tuple[str, ...]] | None:
    if letter < "\u0370":
        return None
    for first, last, language, others in _SCRIPTS:
        if first <= letter <= last:
            return language, others
    return None
