"""Outcomes of the last while, and what they say of workers, engines and failures."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

MOST_OUTCOMES = 200_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one request, as its event says it. `time`: Unix seconds of the broker. `seconds`: of speech."""

    time: float
    completed: bool
    request_id: str
    worker: str
    model: str
    seconds: float
    synthesis_seconds: float
    queue_seconds: float
    code: str
    message: str

    @classmethod
    def of(cls, short: str, time: float, event: Mapping[str, Any]) -> "Outcome":
        """From an event of `tts.completed` or `tts.failed`; what it lacks counts as nothing."""
        return cls(
            time=time,
            completed=short == "completed",
            request_id=_text(event, "request_id"),
            worker=_text(event, "worker"),
            model=_text(event, "model"),
            seconds=_number(event, "duration_seconds"),
            synthesis_seconds=_number(event, "synthesis_seconds"),
            queue_seconds=_number(event, "queue_seconds"),
            code=_text(event, "code"),
            message=_text(event, "message"),
        )


class Recent:
    """The outcomes of the last `seconds`. One that is told again counts once."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._outcomes: dict[tuple[str, str], Outcome] = {}

    def add(self, short: str, time: float, event: Mapping[str, Any]) -> None:
        """An event was read. Beyond a bound the oldest are forgotten, and the numbers are of a shorter while."""
        self._outcomes.setdefault((short, str(event.get("file_id"))), Outcome.of(short, time, event))
        if len(self._outcomes) > MOST_OUTCOMES:
            del self._outcomes[next(iter(self._outcomes))]

    def forget(self, now: float) -> None:
        """What is older than the while is left out from now on."""
        self._outcomes = {key: each for key, each in self._outcomes.items() if each.time > now - self.seconds}

    def throughput(self) -> dict[str, float]:
        """Requests a minute, and seconds of speech a second."""
        outcomes = self._outcomes.values()
        completed = sum(each.completed for each in outcomes)
        return {
            "completed_per_minute": round(completed * 60 / self.seconds, 2),
            "failed_per_minute": round((len(outcomes) - completed) * 60 / self.seconds, 2),
            "speech_seconds_per_second": self._speed(outcomes),
        }

    def of_workers(self) -> dict[str, dict[str, Any]]:
        """What each worker that ended a request did, by its name. `last`: Unix seconds of the last outcome."""
        return {
            name: {
                "completed": sum(each.completed for each in outcomes),
                "failed": sum(not each.completed for each in outcomes),
                "speech_seconds_per_second": self._speed(outcomes),
                "last": max(each.time for each in outcomes),
            }
            for name, outcomes in self._by("worker", completed_only=False)
        }

    def engines(self) -> list[dict[str, Any]]:
        """What each engine spoke, the busiest first. Real-time factor and waits: medians over requests."""
        rows = [
            {
                "model": name,
                "completed": len(outcomes),
                "speech_seconds_per_second": self._speed(outcomes),
                "real_time_factor": _median(each.synthesis_seconds / each.seconds for each in outcomes if each.seconds),
                "queue_seconds": _median(each.queue_seconds for each in outcomes),
                "synthesis_seconds": _median(each.synthesis_seconds for each in outcomes),
            }
            for name, outcomes in self._by("model", completed_only=True)
        ]
        return sorted(rows, key=lambda row: -row["completed"])

    def failures(self) -> list[dict[str, Any]]:
        """How many failed by each code, the most first, and the last of them."""
        failed = sorted((each for each in self._outcomes.values() if not each.completed), key=lambda each: each.time)
        last = {each.code: each for each in failed}
        return [
            {"code": code, "count": count, "request_id": last[code].request_id, "message": last[code].message}
            for code, count in Counter(each.code for each in failed).most_common()
        ]

    def _by(self, name: str, *, completed_only: bool) -> list[tuple[str, list[Outcome]]]:
        found: defaultdict[str, list[Outcome]] = defaultdict(list)
        for each in self._outcomes.values():
            if each.completed or not completed_only:
                found[getattr(each, name)].append(each)
        return sorted(found.items())

    def _speed(self, outcomes: Iterable[Outcome]) -> float:
        return round(sum(each.seconds for each in outcomes) / self.seconds, 3)


def _median(values: Iterable[float]) -> float | None:
    found = list(values)
    return round(median(found), 3) if found else None


def _text(event: Mapping[str, Any], name: str) -> str:
    return str(event.get(name) or "")


def _number(event: Mapping[str, Any], name: str) -> float:
    value = event.get(name)
    return float(value) if isinstance(value, int | float) else 0.0
