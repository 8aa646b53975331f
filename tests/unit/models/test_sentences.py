"""Where sentences end, in a table of cases."""

import pytest

from models.sentences import Break, parts
from models.text import clean, split

WIDE = 1_000


def sentences(text: str) -> list[str]:
    return [part.text for part in parts(clean(text), WIDE)]


@pytest.mark.parametrize(
    "text",
    [
        # A stroke shows where a sentence ends.
        "One. | Two! | Three? | Four…",
        "Dr. Smith met Mr. and Mrs. Jones. | They left.",
        "He lives in Washington D.C. today. | She does not.",
        "J. R. R. Tolkien wrote it. | I read it.",
        "So did I. | You did not.",
        "Use e.g. apples, i.e. fruit, etc. and more. | Done.",
        "It costs 3.50 or 1.234,5 in all. | Pay now.",
        "Version 2.0.1 is out. | Get it at www.example.com now.",
        '"Really?" she asked. | "Yes!" he cried. | "Go."',
        "“Stop!” they said. | He stopped.",
        "Well... maybe. | But then… | It rained.",
        "What?! | No way!!! | Ok.",
        "Wow! | that is new. | See?",
        "i came. | i saw. | i won.",
        "Ở TP. HCM trời nóng. | Ở Q. 1 cũng vậy.",
        "GS. TS. Nguyễn Văn A nói. | Ông ấy về.",
        "Có cam, táo, v.v. và nho. | Hết.",
        "“Anh đi đâu?” cô hỏi. | Anh im lặng.",
        "Xin chào! | Tôi là An. | Bạn khoẻ không?",
        "He paid No. 5 vs. No. 6. | It was close.",
        "(He left.) | She stayed.",
        "no punctuation at all",
        "Ends without a stop. like this",
    ],
)
def test_sentences(text: str) -> None:
    wanted = text.split(" | ")
    assert sentences(text.replace(" | ", " ")) == wanted


def test_scripts_without_spaces() -> None:
    assert sentences("你好。世界！“好吗？”他问。") == ["你好。", "世界！", "“好吗？”", "他问。"]
    assert sentences("مرحبا؟ نعم.") == ["مرحبا؟", "نعم."]


def test_paragraphs_and_lines() -> None:
    ends = [part.after for part in parts("One. Two.\nThree.\n\nFour.", WIDE)]
    assert ends == [Break.SENTENCE, Break.SENTENCE, Break.PARAGRAPH, Break.END]


def test_pauses_are_longer_the_stronger_the_break() -> None:
    def pauses(text: str, limit: int) -> list[float]:
        return [chunk.pause_after_seconds for chunk in split(text, limit)]

    assert pauses("One two, three four five.\n\nSix.", 12) == [0.12, 0.0, 0.6, 0.0]
    assert pauses("One. Two.", 5) == [0.3, 0.0]
