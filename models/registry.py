"""Which engine and voice speak a request."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from models import mixed as languages
from models import normalise
from models.choice import Choice, mix
from models.engine import Engine, UnknownModel, UnknownVoice, UnsupportedLanguage, Voice
from models.language import LanguageDetector
from models.plugins import Options, load_engine
from models.text import clean, speaker_key, take_speaker_tag

DEFAULT_SPEAKERS: Mapping[str, str] = MappingProxyType(
    {
        "01": "hibari/heart",
        "02": "espeak/en-us",
        "03": "espeak/en-gb",
        "04": "espeak/en-gb-scotland",
        "05": "espeak/vi",
        "06": "espeak/vi-vn-x-central",
        "07": "espeak/vi-vn-x-south",
        "08": "espeak/fr-fr",
        "09": "espeak/de",
        "10": "espeak/es",
    }
)
"""Speakers by number, as `engine/voice`; those of an engine that is not served are left out."""

_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
_ANY_LANGUAGE = "mul"
_NEVER_AUTOMATIC = "tone"
_MOST_LISTED = 20
_MOST_QUOTED = 40


class Registry:
    """The engines that are served, in the order of preference, and the table of speakers.

    `models`: names of entry points. `default_language`: for text too short or uncertain to tell. `speakers`: id to
    `engine/voice`. `options`: what engines are made with. `normalised`: put numbers, dates and the like into words for
    engines that do not read them themselves. Raises UnknownModel for a model that is not installed or has no voice.
    """

    def __init__(
        self,
        models: Sequence[str],
        default_language: str = "en",
        speakers: Mapping[str, str] = DEFAULT_SPEAKERS,
        options: Options | None = None,
        *,
        normalised: bool = True,
    ) -> None:
        self.engines: dict[str, Engine] = {}
        for model in models:
            engine = load_engine(model, options)
            if not engine.voices:
                raise UnknownModel(f"model {model!r} has no voice: its package or its files are missing")
            self.engines[engine.name] = engine
        self._detector = LanguageDetector(default_language)
        self._normalised = normalised
        self.speakers = {speaker_key(k): v for k, v in speakers.items() if self._has(v)}

    def warm_up(self) -> None:
        """Load the language model, and what puts numbers into words, now rather than at the first text that needs it.

        Blocking, about a second.
        """
        self._detector.load()
        if self._normalised:
            normalise.load()

    def engine(self, name: str) -> Engine:
        """The engine of that name. Raises UnknownModel."""
        try:
            return self.engines[name]
        except KeyError:
            served = _listed(["auto", *self.engines])
            raise UnknownModel(f"model {name!r} is not served here; allowed: {served}") from None

    def resolve(
        self,
        text: str,
        model: str = "auto",
        voice: str | None = None,
        speaker_id: str | None = None,
        language: str | None = None,
        *,
        mixed: bool = False,
    ) -> Choice:
        """Choose engine, voice and language.

        A voice wins over a speaker, a speaker over the text's tag, and a voice's language is used where none is
        given. Without either, the first served engine that speaks the language, given or detected.
        `mixed`: so are spoken spans of a language that the voice does not speak.
        Raises UnknownModel, UnknownVoice, UnsupportedLanguage; the message names the value and what is allowed.
        """
        tag, text = take_speaker_tag(clean(text))
        choice = self._resolve(text, model, voice, speaker_id or tag, language)
        return self._mixed(choice, model) if mixed else choice

    def _mixed(self, around: Choice, model: str) -> Choice:
        """The spans of a text, each by a voice of its language: the one around it, if it speaks it."""
        spoken: dict[str, Choice] = {around.language: around}
        parts = []
        for span in languages.spans(around.text, around.language, self._detector):
            if span.language not in spoken:
                spoken[span.language] = self._beside(around, model, span)
            parts.append(replace(spoken[span.language], text=span.text))
        return mix(around, parts)

    def _beside(self, around: Choice, model: str, span: languages.Span) -> Choice:
        voice = next(voice for voice in around.engine.voices if voice.name == around.voice)
        if _rank(voice, span.language) is not None:
            return self._choice(around.engine, voice, span.language, around.speaker_id, span.text)
        try:
            engine, voice = _by_language(self._candidates(model), span.language, detected=True)
        except UnsupportedLanguage as error:
            begin = span.text.strip()[:_MOST_QUOTED]
            raise UnsupportedLanguage(f"mixed: nobody is there to speak {begin!r}: {error}") from None
        return self._choice(engine, voice, span.language, around.speaker_id, span.text)

    def _resolve(
        self, text: str, model: str, voice: str | None, speaker_id: str | None, language: str | None
    ) -> Choice:
        engines = self._candidates(model)
        if voice is None and speaker_id is not None:
            voice = self._voice_of_speaker(speaker_id)
        if language is not None and not _LANGUAGE_TAG.fullmatch(language):
            raise UnsupportedLanguage(f"language {language!r} is no language tag; use one like 'en', 'en-GB' or 'vi'")
        if voice is not None:
            engine, known = self._find_voice(voice, model, engines)
            if language is not None and _rank(known, language) is None:
                spoken = ", ".join(known.languages)
                raise UnsupportedLanguage(f"voice {voice!r} does not speak language {language!r}; it speaks {spoken}")
            spoken = language or _own_language(known, text, self._detector)
            return self._choice(engine, known, spoken, speaker_id, text)
        wanted = language or self._detector.detect(text)
        engine, known = _by_language(engines, wanted, detected=language is None)
        return self._choice(engine, known, wanted, speaker_id, text)

    def _choice(self, engine: Engine, voice: Voice, language: str, speaker_id: str | None, text: str) -> Choice:
        reads = bool(getattr(engine, "normalises", False))
        return Choice(engine, voice.name, language, speaker_id, text, self._normalised and not reads)

    def _candidates(self, model: str) -> list[Engine]:
        if model != "auto":
            return [self.engine(model)]
        return [engine for name, engine in self.engines.items() if name != _NEVER_AUTOMATIC]

    def _voice_of_speaker(self, speaker_id: str) -> str:
        try:
            return self.speakers[speaker_key(speaker_id)]
        except KeyError:
            table = ", ".join(f"{key.zfill(2)} ({voice})" for key, voice in self.speakers.items())
            raise UnknownVoice(f"speaker_id {speaker_id!r} is unknown; allowed: {table or 'none'}") from None

    def _find_voice(self, voice: str, model: str, engines: Iterable[Engine]) -> tuple[Engine, Voice]:
        """`voice`: a name, or `engine/name`."""
        prefix, slash, name = voice.rpartition("/")
        if slash:
            engines = [self.engine(prefix)] if prefix in self.engines else []
            if engines and model not in ("auto", prefix):
                raise UnknownVoice(f"voice {voice!r} is not of model {model!r}, which was asked for")
        for engine in engines:
            for known in engine.voices:
                if known.name.lower() == name.lower():
                    return engine, known
        allowed = [f"{e.name}/{v.name}" for e in self._candidates(model) for v in e.voices]
        raise UnknownVoice(f"voice {voice!r} is unknown; allowed: {_listed(allowed)}")

    def _has(self, voice: str) -> bool:
        engine, _, name = voice.partition("/")
        return engine in self.engines and any(v.name == name for v in self.engines[engine].voices)


def _own_language(voice: Voice, text: str, detector: LanguageDetector) -> str:
    """The language a voice speaks; that of the text for a voice of every language."""
    return detector.detect(text) if voice.languages[0] == _ANY_LANGUAGE else voice.languages[0]


def _by_language(engines: Sequence[Engine], language: str, *, detected: bool) -> tuple[Engine, Voice]:
    for engine in engines:
        ranked = [(rank, n) for n, v in enumerate(engine.voices) if (rank := _rank(v, language)) is not None]
        if ranked:
            return engine, engine.voices[min(ranked)[1]]
    names = " or ".join(repr(engine.name) for engine in engines) or "any model that may be chosen here"
    told = "detected in the text; give language to correct it" if detected else "given"
    allowed = _listed(sorted({tag for engine in engines for voice in engine.voices for tag in voice.languages}))
    raise UnsupportedLanguage(f"language {language!r} ({told}) is not spoken by {names}; allowed: {allowed}")


def _rank(voice: Voice, language: str) -> tuple[int, int] | None:
    """How well a voice fits a language, less is better; None when it does not.

    Lookup as in RFC 4647, 3.4: the tag is shortened from its end until a voice has it (`en-AU` → `en`). Failing that,
    a voice of the wanted language in some region will do (`chr` → `chr-US-…`).
    """
    tags = [tag.lower() for tag in voice.languages]
    parts = language.lower().split("-")
    for shorter in range(len(parts)):
        tag = "-".join(parts[: len(parts) - shorter])
        if tag in tags:
            return shorter, tags.index(tag)
    if _ANY_LANGUAGE in tags:
        return len(parts), 0
    if any(tag.startswith(parts[0] + "-") for tag in tags):
        return len(parts) + 1, 0
    return None


def _listed(names: Sequence[str]) -> str:
    """All names, or the first and how many more there are."""
    if len(names) <= _MOST_LISTED:
        return ", ".join(names) or "none"
    return f"{', '.join(names[:_MOST_LISTED])} and {len(names) - _MOST_LISTED} more"
