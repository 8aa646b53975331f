"""Who is spoken beside whom."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from models.admission import Admission
from models.schedule import ANYBODY, Claim


@dataclass(eq=False)
class Item:
    name: str
    company: int | None = None
    wanted: bool = True


def waiting(*items: Item) -> Admission[Item]:
    admission: Admission[Item] = Admission()
    for item in items:
        admission.ask(item, ANYBODY)
    return admission


def test_what_was_given_back_is_first():
    one, two, three = Item("one"), Item("two"), Item("three")
    admission = waiting(one, two, three)
    assert [admission.next([]), admission.next([one])] == [one, two]
    admission.give_back([one, two])
    assert [admission.next([]), admission.next([one]), admission.next([one, two])] == [one, two, three]
    assert not admission


def test_what_nobody_wants_is_passed_over():
    gone, wanted = Item("gone"), Item("wanted")
    admission = waiting(gone, wanted)
    gone.wanted = False
    assert admission.next([]) is wanted
    admission.suspect([Item("gone", wanted=False), Item("gone too", wanted=False)])
    assert not admission.suspects
    assert admission.next([]) is None


def test_suspects_are_apart_from_those_who_have_harmed_nobody():
    suspects = [Item(str(n)) for n in range(4)]
    fresh = [Item("a"), Item("b")]
    admission = waiting(*fresh)
    admission.suspect(suspects)
    assert admission.next([fresh[0]]) is fresh[0], "beside others there is no place for a suspect"
    held = [admission.next([])]
    assert held == suspects[:1]
    held.append(admission.next(held))
    assert held == suspects[:2]
    assert admission.next(held) is None, "four were together, so two are at most"
    assert admission.suspects


def test_one_that_was_guilty_before_waits_for_a_process_of_its_own():
    guilty, other = Item("guilty", company=1), Item("other")
    admission = waiting(guilty, other)
    held = [Item("held")]
    assert admission.next(held) is other
    assert admission.next(held) is None
    assert admission.next([]) is guilty
    assert admission.next([guilty]) is None


def test_nobody_waits_after_the_end():
    items = [Item(str(n)) for n in range(5)]
    admission = waiting(*items[:2])
    admission.suspect(items[2:4])
    admission.give_back(items[4:])
    assert {item.name for item in admission.clear()} == set("01234")
    assert not admission


@given(
    st.lists(st.booleans(), min_size=1, max_size=40).filter(any),
    st.integers(1, 3),
    st.integers(1, 9),
    st.randoms(use_true_random=False),
)
def test_the_guilty_end_alone_and_all_others_are_spoken(guilt, processes, slots, random):
    """Guilty ones kill whatever process they are in, at a moment that chance chooses."""
    admission: Admission[Item] = Admission()
    guilty = set()
    for number, is_guilty in enumerate(guilt):
        item = Item(str(number))
        admission.ask(item, Claim(tenant=str(number % 3)))
        if is_guilty:
            guilty.add(item)
    hands: list[list[Item]] = [[] for _ in range(processes)]
    spoken: list[Item] = []
    blamed: list[Item] = []
    deaths = 0
    while admission or any(hands):
        for held in hands:
            while len(held) < slots and (item := admission.next(held)) is not None:
                held.append(item)
        busy = random.choice([held for held in hands if held])
        culprit = next((item for item in busy if item in guilty), None)
        if culprit is None or (len(busy) > 1 and random.random() < 0.3 and any(i not in guilty for i in busy)):
            done = random.choice([item for item in busy if item not in guilty])
            busy.remove(done)
            spoken.append(done)
        else:
            deaths += 1
            if len(busy) == 1:
                blamed.append(culprit)
            else:
                admission.suspect(busy)
            busy.clear()
    assert set(blamed) == guilty
    assert len(spoken) == len(set(spoken)) == len(guilt) - len(guilty)
    assert deaths <= len(guilty) * (1 + slots.bit_length())
