"""A story of any length: plain sentences, numbers, dates, money, abbreviations, dialogue; the same words each time."""

from collections.abc import Iterator

PEOPLE = ("Mr. Brown", "Mrs. Green", "Dr. Stone", "Prof. White", "Ms. Hill", "Capt. Cook")
THINGS = ("apples", "letters", "chairs", "blankets", "bottles", "lamps", "horses", "boxes")
PLACES = ("the market", "the station", "the old mill", "the river", "the garden", "the school")
MONTHS = ("January", "March", "May", "July", "October", "December")

SENTENCES = (
    "The morning was cold and the road was wet.",
    "{person} walked slowly to {place}.",
    '"How many {things} do you have?" asked {person}.',
    '"I have {number} of them," said the boy.',
    "They cost ${dollars}.50 each, or {percent}% less on Monday.",
    "On {month} {day}, {year}, the house was sold for ${thousands},000.",
    "The train left at {hour}:30 p.m. and came to {place} before dark.",
    "He carried {weight} kg of {things} for {miles} miles.",
    "Nobody knew why the door was open.",
    "The small dog slept near the warm fire.",
    '"Is it far from here?" she said. "Yes, about {miles} miles."',
    "There were {hundreds} people at {place} in {year}.",
    "{person} found the {ordinal} letter under the table.",
    "Some of the {things} were red, some were green, etc., but most of them were brown.",
    "They waited from {hour}:00 to {hour}:45... and then it began to rain.",
    "The water was {degrees} °F, and nobody wanted to swim.",
    "Pages {day}-{weight} of the book were missing!",
    "About 3/4 of the {things} were broken.",
    "The children laughed and ran down the hill.",
    "After dinner they told stories, sang songs, and went to bed.",
)


def _sentences() -> Iterator[str]:
    """Without end. Steps without a common divisor: what fills the gaps is seldom twice the same."""
    n = 0
    while True:
        yield SENTENCES[n % len(SENTENCES)].format(
            person=PEOPLE[(n * 5 + n // 20) % 6],
            things=THINGS[n * 3 % 8],
            place=PLACES[(n * 5 + n // 20) % 6],
            month=MONTHS[(n // 5) % 6],
            number=2 + n * 7 % 11,
            dollars=2 + n * 13 % 17,
            percent=5 * (1 + n % 9),
            day=1 + n * 3 % 19,
            year=1900 + n * 29 % 99,
            thousands=10 + n * 17 % 80,
            hour=1 + n * 5 % 11,
            weight=20 + n * 7 % 30,
            miles=2 + n * 3 % 9,
            hundreds=100 * (1 + n % 8),
            ordinal=("1st", "2nd", "3rd", "10th")[n // 20 % 4],
            degrees=40 + n % 20,
        )
        n += 1


def story(words: int) -> str:
    """At least so many words, in paragraphs of seven sentences."""
    told: list[str] = []
    count = 0
    for sentence in _sentences():
        told.append(sentence)
        count += len(sentence.split())
        if count >= words:
            break
    return "\n\n".join(" ".join(told[start : start + 7]) for start in range(0, len(told), 7))
