"""Numbers and the like in words: tables, written from the rules of each language, and what holds for any text."""

import re
import sys
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models import normalise as room
from models.normalise import normalise, revision, roman
from models.text import clean


def cases(language: str) -> Iterator[tuple[str, str, str]]:
    for line in Path(__file__).with_name(f"normalisation_{language}.tsv").read_text().splitlines():
        if line and not line.startswith("#"):
            written, read = line.split("\t")
            yield language, written, read


CASES = [*cases("vi"), *cases("en")]


def test_the_tables_are_long_enough() -> None:
    assert len(list(cases("vi"))) >= 150
    assert len(list(cases("en"))) >= 80
    assert len({(language, written) for language, written, _ in CASES}) == len(CASES)


def wrong(cases: Iterable[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Of texts, each with its language and how it is to be read, those that are read otherwise: text, read, wanted."""
    found = ((text, normalise(text, language), read) for language, text, read in cases)
    return [each for each in found if each[1] != each[2]]


def test_what_is_written_is_read() -> None:
    assert wrong((language, clean(written), read) for language, written, read in CASES) == []


def test_what_is_read_stays_as_it_is() -> None:
    assert wrong((language, read, read) for language, _, read in CASES) == []


def test_composed_and_decomposed_letters_are_read_alike() -> None:
    apart = unicodedata.normalize
    assert wrong((language, clean(apart("NFD", written)), read) for language, written, read in CASES) == []


def test_dates_begin_with_the_month_in_america_only() -> None:
    assert normalise("3/4/2024", "en") == normalise("3/4/2024", "en-US") == "March fourth, twenty twenty-four"
    assert normalise("3/4/2024", "en-GB") == normalise("3/4/2024", "en-AU") == "April third, twenty twenty-four"
    assert normalise("25/12/2024", "en-US") == "December twenty-fifth, twenty twenty-four"


def test_other_languages_pass_as_they_are() -> None:
    for language in ("de", "fr-FR", "zh", "mul", "eng", "via"):
        assert normalise("Am 3.4.2024 um 14:05 Uhr, 5 kg", language) == "Am 3.4.2024 um 14:05 Uhr, 5 kg"
        assert revision(language) is None
    assert revision("vi-VN") == revision("vi") != revision("en") is not None


def test_speakers_of_a_dialogue_keep_their_tags() -> None:
    assert normalise("[S1] I am 5. [S2] I am 6.", "en") == "[S1] I am five. [S2] I am six."


@pytest.mark.parametrize("numeral", ["I", "IV", "XIV", "XLII", "MCMXCIX", "MMXXIV"])
def test_roman_numerals(numeral: str) -> None:
    assert roman.value(numeral) == {"I": 1, "IV": 4, "XIV": 14, "XLII": 42, "MCMXCIX": 1999, "MMXXIV": 2024}[numeral]


@pytest.mark.parametrize("word", ["", "IIII", "VX", "MIX0", "IC", "DD"])
def test_what_is_no_roman_numeral(word: str) -> None:
    assert roman.value(word) is None


# Words that stand for nothing else, and signs and numbers to stand between them.
PLAIN = {
    "vi": ["chuối", "đường", "người", "nghiêng", "thương", "khuya", "hello"],
    "en": ["banana", "table", "hello", "kitchen", "window", "nghiêng"],
}
SIGNS = """
    0 1 2 15 2024 1.234 3,5 3.5 1/2 20/11 20/11/2025 8h30 14:05 10% 5kg 60km/h 25m2 31°C $5 20€ 50.000đ 100k ½ 2-1 5–7
    - – / : . , ... ! ? ( ) # @ & + = < ~ × XXI IV UBND NASA COVID-19 5G 0912345678 a@b.com https://x.vn/a?b=1 Q.1 v.v.
    TP.\u00a0HCM World\u00a0War\u00a0II +84\u00a0912\u00a0345\u00a0678 5:30\u00a0p.m. [S1]
"""
PHRASES = [*(sign.replace("\u00a0", " ") for sign in re.split("[ \n]+", SIGNS) if sign), "\n\n"]


def texts(language: str) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(PLAIN[language] * 3 + PHRASES), max_size=12).map(" ".join).map(clean)


def words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text)


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("text", ["a + ~ 5", "a + -5", "a + +5", "a = ~5", "a < ~5", "5 + -3"])
def test_a_sign_before_a_number_is_read_with_it(language: str, text: str) -> None:
    once = normalise(text, language)
    assert not re.search(r"[^\w\s]", once)
    assert normalise(once, language) == once


@pytest.mark.parametrize("text", ["chuối / 5G", "chuối/5", "chuối / 50 quả"])
def test_a_number_behind_a_stroke_is_not_taken_for_years(text: str) -> None:
    once = normalise(text, "vi")
    assert once.startswith("chuối trên năm") and normalise(once, "vi") == once


@pytest.mark.parametrize("text", ["31°C XXI", "88 °F XIV"])
def test_a_unit_is_not_taken_for_a_name(text: str) -> None:
    once = normalise(text, "en")
    assert once.endswith(text[-4:]) and normalise(once, "en") == once


@pytest.mark.parametrize("text", ["20€ / 0", "$5/2 days", "5% / 3"])
def test_an_amount_is_per_number_too(text: str) -> None:
    once = normalise(text, "en")
    assert " per " in once and normalise(once, "en") == once


@pytest.mark.parametrize("language", ["vi", "en"])
@given(data=st.data())
def test_no_word_is_lost_no_digit_is_left_and_words_are_not_changed_again(language: str, data: st.DataObject) -> None:
    text = data.draw(texts(language))
    once = normalise(text, language)
    plain, read = ([word for word in words(each) if word in PLAIN[language]] for each in (text, once))
    assert read == plain
    assert not re.search(r"\d", once.replace("[S1]", ""))
    assert normalise(once, language) == once


@pytest.mark.parametrize("language", ["vi", "en"])
@given(text=st.text())
@example(text="$.50 €,5 -.5 1e9 ٣ ² ³ ½½ 1/0 0/0 99:99 XX" + "9" * 200)
@example(text="1" * 5_000)
@example(text="a@b.com" * 50)
def test_any_text_is_read_somehow(language: str, text: str) -> None:
    normalise(clean(text), language)


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize(
    "piece", ["1-", "a.", "1.234,", "12/", "5 - 7 ", "a@", "x.y", "M", "word ", "1:2:", "Dr. ", "$1", "www.", "(0"]
)
def test_time_grows_with_the_length_alone(language: str, piece: str) -> None:
    """A text takes about as long as its eighths after one another, whatever it repeats, and not eight times as long."""

    def seconds(*texts: str) -> float:
        began = time.thread_time()
        for text in texts:
            normalise(text, language)
        return time.thread_time() - began

    eighth = piece * (250 // len(piece))
    seconds(eighth)
    assert any(seconds(8 * eighth) < 1.4 * seconds(*[eighth] * 8) for _ in range(5))


@pytest.fixture
def hidden(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Makes a package impossible to import."""
    from models.normalise import en_numbers, vi_words

    caches = (en_numbers._library, vi_words._library)

    def hide(package: str) -> None:
        for cache in caches:
            cache.cache_clear()
        for name in [n for n in sys.modules if n.partition(".")[0] == package]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, package, None)

    yield hide
    for cache in caches:
        cache.cache_clear()


def test_without_their_packages_text_is_spoken_all_the_same(hidden: Callable[[str], None]) -> None:
    hidden("num2words")
    hidden("g2p_hamster")
    assert normalise("It is 5.", "en") == "It is 5."
    assert normalise("Có 5 HLV.", "vi") == "Có năm HLV."


def test_abbreviations_are_those_of_the_library() -> None:
    assert normalise("HLV của CLB nói.", "vi") == "huấn luyện viên của câu lạc bộ nói."
    assert room.load() is None
