"""The languages of texts are told, or are those that the settings name."""

import pyarrow.parquet as pq
import pytest

from tasks.text.language import Language, languages_of
from warehouse import seed

SENTENCES = {
    "en": "The film is well made, but I did not like its ending at all.",
    "de": "Der Film ist gut gemacht, aber das Ende hat mir gar nicht gefallen.",
    "ru": "Фильм снят хорошо, но конец мне совсем не понравился.",
    "fr": "Le film est bien fait, mais je n'ai pas du tout aimé la fin.",
    "es": "La película está bien hecha, pero no me gustó nada el final.",
    "tr": "Film iyi yapılmış ama sonunu hiç beğenmedim.",
    "zh": "这部电影拍得很好，但是我一点也不喜欢结局。",
    "el": "Η ταινία είναι καλή, αλλά το τέλος δεν μου άρεσε καθόλου.",
    "th": "หนังเรื่องนี้ทำได้ดี แต่ฉันไม่ชอบตอนจบเลย",
}


@pytest.mark.parametrize(("language", "sentence"), SENTENCES.items())
def test_a_language_is_detected(language, sentence):
    assert languages_of((), [sentence] * 5) == [Language(language, 1.0)]


@pytest.mark.parametrize("name", ["movie_reviews", "tweets"])
def test_the_corpora_of_the_product_are_english_in_any_case(name):
    texts = pq.read_table(seed(f"{name}.parquet"))["text"].to_pylist()[:400]
    for change in (str, str.lower, str.upper):
        (found,) = languages_of((), [change(text) for text in texts])
        assert found.language == "en"
        assert found.share > 0.9


def test_two_languages_are_both_told_and_a_quotation_is_none():
    mixed = [SENTENCES["en"]] * 6 + [SENTENCES["de"]] * 4
    assert [own.language for own in languages_of((), mixed)] == ["en", "de"]
    assert [own.language for own in languages_of((), [SENTENCES["en"]] * 19 + [SENTENCES["de"]])] == ["en"]


def test_texts_without_a_letter_have_no_language():
    assert languages_of((), []) == languages_of((), ["12 + 3", "", "!!"]) == []


def test_the_settings_decide_and_nobody_reads():
    assert languages_of(("ru", "nb"), [SENTENCES["en"]]) == [Language("ru", None), Language("no", None)]
