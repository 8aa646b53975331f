"""Texts for the benchmarks: the same each time, of the kind that announcements, news and assistants speak.

A text has 1, 2, 3 or 4 sentences, each number as often as the others; a sentence is one of the patterns below with its
gaps filled from the lists, 5 to 30 words.
"""

import random

SHORT = "Hello from Loa."

PATTERNS = """
Your {thing} has arrived at the {place}.
Please wait for the next {vehicle}.
The {vehicle} to {city} leaves from platform {small} at {hour}:{minute}.
Good morning, {name}, you have {small} new messages and one meeting before noon.
The weather in {city} will be {weather} today, with a high of {degrees} degrees.
Turn left after the {place}, then keep right for about {hundreds} metres.
{name} called about the {thing} and asked you to call back before {hour} o'clock.
Scientists in {city} reported on {day} that the new {thing} works better than anyone had expected.
When the {vehicle} finally reached {city}, {name} was already waiting in front of the {place} with a {thing}.
Although the {place} closes early on {day}, you can still return the {thing} through the box beside the door.
The council of {city} will spend {hundreds} thousand dollars on the {place}, which was damaged in the storm.
If you have any questions about your {thing}, say help, or stay on the line and somebody will be with you soon.
Doctor {name} explained that a short walk every day, even in {weather} weather, does more good than most think.
In the second half of the year the company sold {hundreds} units of its {thing}, far more than in the year \
before, and it now plans to open a second {place} in {city}.
The old {place} near the river, where {name} used to read for hours, has been turned into a small museum that \
shows how people in {city} lived a hundred years ago.
""".strip().splitlines()

GAPS = {
    "thing": (
        "parcel",
        "ticket",
        "invoice",
        "telephone",
        "camera",
        "report",
        "prescription",
        "bicycle",
        "guitar",
        "key",
    ),
    "place": ("library", "station", "harbour", "market", "hospital", "bridge", "town hall", "theatre", "school"),
    "vehicle": ("train", "bus", "ferry", "express", "tram"),
    "city": ("Hanoi", "London", "Boston", "Lisbon", "Vienna", "Kyoto", "Toronto", "Melbourne", "Edinburgh"),
    "name": ("Anna", "Minh", "Peter", "Grace", "Oliver", "Lan", "Thomas", "Sofia", "Walker"),
    "weather": ("sunny", "cloudy", "windy", "rainy", "foggy"),
    "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"),
    "small": tuple(map(str, range(2, 13))),
    "hour": tuple(map(str, range(6, 12))),
    "minute": ("05", "15", "20", "35", "40", "55"),
    "degrees": tuple(map(str, range(4, 36))),
    "hundreds": tuple(map(str, range(100, 1000, 50))),
}


def texts(count: int, seed: int = 1) -> list[str]:
    """So many texts, none like another."""
    chance = random.Random(seed)
    made: dict[str, None] = {}
    while len(made) < count:
        made[" ".join(_sentence(chance) for _ in range(chance.randint(1, 4)))] = None
    return list(made)


def _sentence(chance: random.Random) -> str:
    return chance.choice(PATTERNS).format(**{gap: chance.choice(words) for gap, words in GAPS.items()})
