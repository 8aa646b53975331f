"""Who speaks a text: one voice, or one for each of its spans."""

from collections.abc import Sequence
from dataclasses import dataclass

from models import mixed, normalise, resample
from models.engine import Engine
from models.sentences import Break, break_after
from models.text import Chunk


@dataclass(frozen=True, slots=True)
class Choice:
    """Who speaks what. `language`: BCP 47. `speaker_id`: as it was asked for, if it was. `text`: clean, without tag.

    `normalised`: numbers, dates and the like are put into words before the engine gets them.
    """

    engine: Engine
    voice: str
    language: str
    speaker_id: str | None
    text: str
    normalised: bool = True

    @property
    def model(self) -> str:
        """The engine's name."""
        return self.engine.name

    @property
    def words(self) -> str:
        """The text as the engine gets it; made anew each time."""
        return normalise.normalise(self.text, self.language) if self.normalised else self.text

    @property
    def revision(self) -> str:
        """What decides the samples: the engine's revision, and that of the words where they are made for it."""
        words = normalise.revision(self.language) if self.normalised else None
        return self.engine.revision if words is None else f"{self.engine.revision}; {words}"

    @property
    def rate(self) -> int:
        """Hz of the joined speech."""
        return self.engine.rate

    @property
    def full_voice(self) -> str:
        """`engine/voice`."""
        return f"{self.model}/{self.voice}"

    @property
    def spans(self) -> "Sequence[tuple[Choice, Break]]":
        """Who speaks each span of the text, and what ends it."""
        return ((self, Break.END),)

    @property
    def voices(self) -> list[str]:
        """All that speak, as `engine/voice`, in the order in which they are first heard."""
        return list(dict.fromkeys(choice.full_voice for choice, _ in self.spans))

    @property
    def models(self) -> set[str]:
        """The names of all engines that speak."""
        return {choice.model for choice, _ in self.spans}

    def of(self, chunk: Chunk) -> "Choice":
        """Who speaks a chunk."""
        return self.spans[chunk.span][0]


@dataclass(frozen=True, slots=True, kw_only=True)
class MixedChoice(Choice):
    """Several voices. Its own engine, voice and language are those that speak most characters.

    `around`: who speaks what is in no other language. `parts`: the spans; see `Choice.spans`.
    """

    around: Choice
    parts: tuple[tuple[Choice, Break], ...]

    @property
    def words(self) -> str:
        """See `Choice.words`: each span in the words of its language."""
        return "".join(choice.words for choice, _ in self.parts)

    @property
    def revision(self) -> str:
        """See `Choice.revision`: those of all spans, in the order in which they are first heard, and of the spans."""
        revisions = dict.fromkeys(choice.revision for choice, _ in self.parts)
        resampled = {choice.engine.rate for choice, _ in self.parts} != {self.rate}
        return " + ".join([*revisions, mixed.revision(), *([resample.revision()] if resampled else [])])

    @property
    def rate(self) -> int:
        """See `Choice.rate`: that of the first span."""
        return self.parts[0][0].engine.rate

    @property
    def spans(self) -> Sequence[tuple[Choice, Break]]:
        """See `Choice.spans`."""
        return self.parts


def mix(around: Choice, parts: Sequence[Choice]) -> Choice:
    """One choice of those of the spans, in order; who speaks all of it if all are spoken alike."""
    characters: dict[tuple[str, str], int] = {}
    for part in parts:
        spoken = (part.full_voice, part.language)
        characters[spoken] = characters.get(spoken, 0) + len(part.text)
    if len(characters) == 1:
        return parts[0]
    most = max(characters, key=lambda spoken: characters[spoken])
    main = next(part for part in parts if (part.full_voice, part.language) == most)
    ends = [*(break_after(part.text) for part in parts[:-1]), Break.END]
    return MixedChoice(
        engine=main.engine,
        voice=main.voice,
        language=main.language,
        speaker_id=around.speaker_id,
        text=around.text,
        normalised=around.normalised,
        around=around,
        parts=tuple(zip(parts, ends, strict=True)),
    )
