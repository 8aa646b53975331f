import unicodedata

import pytest

from models.language import LanguageDetector
from models.text import clean


@pytest.fixture(scope="module")
def detector() -> LanguageDetector:
    return LanguageDetector("en")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Xin chào", "vi"),
        ("Hà Nội", "vi"),
        ("Phở bò", "vi"),
        ("Tôi dùng Kafka với Faust trên GPU", "vi"),
        ("Đường dây nóng 1900 1234", "vi"),
        ("Phở is great and I love it very much", "en"),
        ("déjà vu", "en"),
        ("hello", "en"),
        ("OK", "en"),
        ("1234", "en"),
        ("—", "en"),
        ("The birch canoe slid on the smooth planks.", "en"),
        ("Send 5 kg to Kafka cluster eu-west-1 now", "en"),
        ("The word 你好 means hello", "en"),
        ("Bonjour tout le monde, comment allez-vous ?", "fr"),
        ("Guten Tag, wie geht es Ihnen?", "de"),
        ("Questo è un test del sistema di sintesi vocale", "it"),
        ("Привет", "ru"),
        ("Це тест української мови", "uk"),
        ("你好世界", "zh"),
        ("こんにちは世界", "ja"),
        ("안녕하세요", "ko"),
        ("สวัสดี", "th"),
        ("Γεια σου", "el"),
        ("هذا اختبار", "ar"),
        ("این یک آزمون است", "fa"),
        ("नमस्ते दुनिया", "hi"),
    ],
)
def test_language(detector: LanguageDetector, text: str, language: str) -> None:
    assert detector.detect(clean(text)) == language
    assert detector.detect(clean(unicodedata.normalize("NFD", text))) == language


def test_uncertain_text_is_the_default() -> None:
    assert LanguageDetector("de").detect("OK") == "de"
