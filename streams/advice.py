"""Settings that figures of `loa bench` speak for, each with its reason."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil

from models.measure import Figures
from streams.settings import Settings

_MEBIBYTE = 1 << 20
_AS_GOOD = 0.95
_MEMORY_SHARE = 0.8
_MEMORY_SPARE, _MEMORY_STEP_MB = 2, 256
_SECONDS_IN_HAND = 60
_LEAST_WINDOW_SECONDS = 30
_PIECES_AHEAD, _SPEECH_AHEAD = 4, 2
_OTHER_WORK_SECONDS = 1.0
_FULL = 0.9


@dataclass(frozen=True, slots=True)
class Machine:
    """Where it was measured. `cores`: that may be used. `free_bytes`: of memory. `gpu`: whether an engine uses one."""

    cores: int
    free_bytes: int
    gpu: bool = False


@dataclass(frozen=True, slots=True)
class Advice:
    """A setting, the value to give it, and why in a sentence."""

    setting: str
    value: str
    reason: str


def advise(figures: Sequence[Figures], machine: Machine, settings: Settings) -> list[Advice]:
    """What the figures speak for; nothing without figures. `settings`: those that they were measured with."""
    if not figures:
        return []
    advice = [
        _processes([each for each in figures if each.slots == 1], machine),
        *_window(_best(figures), settings),
        _memory(figures, machine),
        _dia_slots([each for each in figures if each.model == "dia"]),
    ]
    return [each for each in advice if each is not None]


def _best(figures: Iterable[Figures]) -> list[Figures]:
    """Of each model the fewest processes that are as fast as any number of them, all but five parts in a hundred."""
    best = []
    for rows in _by_model(figures):
        fastest = max(each.speed for each in rows)
        best.append(min((each for each in rows if each.speed >= _AS_GOOD * fastest), key=lambda each: each.processes))
    return best


def _processes(figures: Sequence[Figures], machine: Machine) -> Advice | None:
    """Every process loads all engines that speak a piece at a time; the one that gains most by more of them decides."""
    if not figures:
        return None
    best = max(_best(figures), key=lambda each: each.processes)
    rows = [each for each in figures if each.model == best.model]
    told = ", ".join(f"{each.speed:.1f} with {each.processes}" for each in sorted(rows, key=lambda row: row.processes))
    each_bytes = sum(max(map(_resident, rows)) for rows in _by_model(figures))
    fitting = max(1, int(machine.free_bytes * _MEMORY_SHARE // max(each_bytes, 1)))
    if fitting < best.processes:
        size, free = each_bytes / _MEBIBYTE, machine.free_bytes / _MEBIBYTE
        reason = f"a process takes {size:.0f} MiB, and {free:.0f} MiB of memory were free"
        return Advice("TTS_ENGINE_PROCESSES", str(fitting), reason)
    reason = f"{best.model} spoke so many seconds of audio a second: {told}"
    if len(rows) > 1:
        reason += "; more processes than this gain less than 5 % or were not tried"
    return Advice("TTS_ENGINE_PROCESSES", str(best.processes), reason)


def _window(best: Sequence[Figures], settings: Settings) -> list[Advice]:
    slowest = min(best, key=lambda each: each.speed)
    ahead = max(_SPEECH_AHEAD * _at_once(each) * each.audio_seconds / each.pieces for each in best)
    seconds = max(_LEAST_WINDOW_SECONDS, _two_digits(max(_SECONDS_IN_HAND * slowest.speed, ahead)))
    work = (
        f"{seconds / slowest.speed:.0f} s of work at the {slowest.speed:.3g} audio seconds a second of {slowest.model}"
    )
    oldest = f"none of it comes near TTS_WINDOW_MAX_AGE_SECONDS={settings.window_max_age_seconds:g}"
    if seconds / slowest.speed > settings.window_max_age_seconds / 3:
        oldest = f"raise TTS_WINDOW_MAX_AGE_SECONDS={settings.window_max_age_seconds:g} above three times that"
    return [
        Advice("TTS_WINDOW_SECONDS", str(seconds), f"{work}: enough to keep it busy, and {oldest}"),
        _requests(max(best, key=lambda each: max(_at_once(each), _in_a_second(each)))),
    ]


def _requests(most: Figures) -> Advice:
    default = int(Settings.model_fields["window_requests"].default)
    wanted = ceil(max(_PIECES_AHEAD * _at_once(most), _in_a_second(most)))
    told = f"{most.model} speaks {_at_once(most)} pieces at once and {_in_a_second(most):.1f} in a second"
    if wanted <= default:
        return Advice("TTS_WINDOW_REQUESTS", str(default), f"the default is enough: {told}")
    reason = f"{told}; requests are also read, encoded and stored meanwhile"
    return Advice("TTS_WINDOW_REQUESTS", str(wanted), reason)


def _memory(figures: Sequence[Figures], machine: Machine) -> Advice:
    if machine.gpu:
        reason = "an engine on a GPU reserves addresses that would count, though they are no memory"
        return Advice("TTS_ENGINE_MEMORY_MB", "0", reason)
    shared = sum(max(map(_private, rows)) for rows in _by_model(each for each in figures if each.slots == 1))
    own = max((_private(each) for each in figures if each.slots > 1), default=0)
    private = max(shared, own) / _MEBIBYTE
    limit = ceil(private * _MEMORY_SPARE / _MEMORY_STEP_MB) * _MEMORY_STEP_MB
    reason = f"twice the {private:.0f} MiB that a process had asked for: long texts take more, and a leak ends there"
    return Advice("TTS_ENGINE_MEMORY_MB", str(limit), reason)


def _dia_slots(figures: Sequence[Figures]) -> Advice | None:
    if not figures:
        return None
    dia = figures[-1]
    if dia.in_hand >= _FULL * dia.slots:
        reason = "all were in use; whether more are faster, two runs of this command with other values tell"
        return Advice("TTS_DIA_SLOTS", str(dia.slots), reason)
    used = max(1, ceil(dia.in_hand))
    reason = (
        f"of {dia.slots} slots {dia.in_hand:.1f} were in use while pieces waited: memory of the others is free then"
    )
    return Advice("TTS_DIA_SLOTS", str(used), reason)


def _by_model(figures: Iterable[Figures]) -> list[list[Figures]]:
    rows: dict[str, list[Figures]] = {}
    for each in figures:
        rows.setdefault(each.model, []).append(each)
    return list(rows.values())


def _resident(figures: Figures) -> int:
    return max((each.resident for each in figures.memory), default=0)


def _private(figures: Figures) -> int:
    return max((each.private for each in figures.memory), default=0)


def _at_once(figures: Figures) -> int:
    return figures.processes * figures.slots


def _in_a_second(figures: Figures) -> float:
    return _OTHER_WORK_SECONDS * figures.pieces / figures.seconds


def _two_digits(value: float) -> int:
    """Rounded: more digits were not measured."""
    return int(float(f"{value:.1e}"))
