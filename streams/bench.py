"""The voices that the settings name, measured here one after the other, without a broker and without a store."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from models.choice import Choice
from models.measure import Figures, measure
from models.single import slots_of
from models.speak import plan
from models.text import Chunk, clean
from streams.parts import open_engines, open_registry
from streams.settings import Settings

_DRIVER = Path("/dev/nvidiactl")
"""There where `auto` means a GPU."""

ENGLISH = """The train leaves at nine, and it will not wait for anybody.

Yesterday we walked along the river until it became too dark to see the path.

Please call me back when you have read the letter.

She opened the window, looked at the rain for a while, and closed it again without a word.

There is bread on the table.

Nobody in the village could remember a winter as long as this one, nor a spring as short."""

VIETNAMESE = """Chuyến tàu khởi hành lúc chín giờ, và sẽ không chờ một ai.

Hôm qua chúng tôi đi dọc bờ sông cho đến khi trời tối không còn thấy đường.

Xin gọi lại cho tôi khi bạn đã đọc xong lá thư.

Cô ấy mở cửa sổ, nhìn mưa một lúc, rồi đóng lại mà không nói một lời.

Bánh mì ở trên bàn.

Trong làng không ai nhớ nổi một mùa đông nào dài như thế, hay một mùa xuân nào ngắn như vậy."""


@dataclass(frozen=True, slots=True)
class Voice:
    """What is to be measured. `name`: of the model, as TTS_MODELS has it."""

    name: str
    choice: Choice
    chunks: Sequence[Chunk]

    @property
    def several(self) -> bool:
        """Whether it speaks several pieces at once, in a process of its own on each device."""
        return slots_of(self.choice.engine) is not None


def voices_of(settings: Settings, models: Sequence[str], voice: str | None, text: str | None) -> list[Voice]:
    """A voice of each model, its first if none is named; of no models, all that are served.

    `voice`: a name, or `engine/name`; then only the model that has it. `text`: sentences of ours where absent.
    Raises ModelError, among it AudioRejected for a text without anything to speak, and SettingsError.
    """
    names = tuple(dict.fromkeys(models or settings.models))
    registry = open_registry(_only(settings, names))
    served = dict(zip(registry.engines, names, strict=True))
    sample = ENGLISH if text is None else text
    if voice is not None:
        only = next(iter(served)) if len(served) == 1 else "auto"
        choices = [registry.resolve(sample, only, voice)]
    else:
        choices = [registry.resolve(sample, name, engine.voices[0].name) for name, engine in registry.engines.items()]
    return [_voice(served[choice.model], choice, sample=text is None) for choice in choices]


def on_gpu(settings: Settings, voice: Voice) -> bool:
    """Whether a voice's engine runs on a GPU here."""
    if "device" not in settings.engine_options.get(voice.name, {}):
        return False
    return _DRIVER.exists() if settings.torch_device == "auto" else settings.torch_device != "cpu"


def _voice(name: str, choice: Choice, *, sample: bool) -> Voice:
    if sample and choice.language.split("-")[0] == "vi":
        choice = replace(choice, text=clean(VIETNAMESE))
    return Voice(name, choice, [chunk for chunk in plan(choice) if chunk.voiced])


async def bench(
    settings: Settings, voice: Voice, processes: Sequence[int], seconds: float, tell: Callable[[str], None]
) -> list[Figures]:
    """Figures of one voice with each number of processes, `seconds` in all and as long as loading takes.

    An engine that speaks several pieces at once has a process on each device: it is measured once.
    `tell`: told what is being done. Raises ModelError for a voice that cannot speak.
    """
    counts = [1] if voice.several else list(processes)
    figures = []
    for count in counts:
        where = "on each device" if voice.several else f"{count} process{'es' if count > 1 else ''}"
        figures.append(
            await measure(
                open_engines(_only(settings, (voice.name,), count)),
                voice.choice,
                voice.chunks,
                seconds / len(counts),
                timeout=settings.synthesis_timeout_seconds,
                checked=settings.check == "on",
                tell=lambda what, where=where: tell(f"{voice.choice.model}, {where}: {what}"),  # type: ignore[misc]
            )
        )
    return figures


def _only(settings: Settings, models: tuple[str, ...], processes: int = 1) -> Settings:
    """The settings, for some models that are loaded at once."""
    own = {"models": models, "models_on_demand": (), "speakers": {}, "engine_processes": processes}
    return settings.model_copy(update=own)
